# Storing what a function makes.

const ended_at_exit = Ref(false)

# Makes sure that this process leaves no claims and no directories in the store when it ends.
function end_at_exit()
    ended_at_exit[] && return
    ended_at_exit[] = true
    atexit() do
        try
            Native.end_store_session()
        catch
            # The next collection removes what could not be removed now.
        end
    end
    return
end

"""
    create_my_artifact(f; link = nothing) -> SHA256

Stores what `f(directory)` makes. `directory` is empty; `f` returns the path of a file or a directory
in it, absolute or relative, or `nothing` to store everything that it put there.

The files are moved, not copied, to the addresses that their hashes name; contents that the store
already has are not stored again. Concurrent processes that make the same content do not wait for each
other. Stored files are read-only.

`link` says how the files of a tree share their contents: `:reflink`, `:hardlink`, `:symlink` or
`:copy`. By default it is the mode that [`store_link!`](@ref ScratchRS.store_link!) has chosen, or the
best that the file system supports, in that order. If the file system does not support the given mode,
the files are copies. Executable bits and links within the tree are kept.

Until it is bound, the result belongs to this session; see [`bind_my_artifact!`](@ref).

# Errors
`ErrorException` if `f` returns a path outside of the directory or one that does not exist; if the tree
has something that is neither a file, a directory nor a link, or a link that leads out of the tree, to
nothing, or in a circle. [`ScratchRS.DepotIO`](@ref) if the file system refuses.

# Example
```julia
hash = create_my_artifact() do directory
    write(joinpath(directory, "table.csv"), make_table())
    return "table.csv"
end
```
"""
function create_my_artifact(f::Base.Callable; link::Union{Nothing, Symbol} = nothing)
    depot, directory = own_store()
    end_at_exit()
    begun = until_free(Native.begin_creation, depot, directory)
    returned = try
        f(begun.directory)
    catch
        Native.abandon_creation(begun.ticket)
        rethrow()
    end
    created = as_peer(ArgumentError, ErrorException, finish, begun.ticket, returned, link)
    return SHA256(codeunits(created.hash))
end

function finish(ticket::Int, returned, link::Union{Nothing, Symbol})
    if !(returned isa Union{Nothing, AbstractString})
        Native.abandon_creation(ticket)
        throw(ArgumentError(
            "the function returned neither a path nor nothing, but $(typeof(returned))",
        ))
    end
    returned === nothing || is_crossing(returned) || Native.abandon_creation(ticket)
    path = returned === nothing ? "" : String(returned)
    if returned !== nothing
        created = Native.finish_small_creation(ticket, path)
        created === nothing || return created
    end
    mode = link === nothing ? "" : string(link)
    return Native.finish_creation(ticket, path, returned === nothing, mode)
end

# Whether a string can be passed to the library. The library throws the error for one that cannot.
is_crossing(text::AbstractString) = isvalid(text) && !occursin('\0', text)

# Calls `f`. Where that throws a `kind` of error, OhMyArtifacts throws an `other`.
function as_peer(kind, other, f, args...)
    try
        return f(args...)
    catch error
        error isa kind || rethrow()
        throw(other(message_of(error)))
    end
end

message_of(error::ArgumentError) = error.msg
message_of(error::ScratchRSError) = error.message
