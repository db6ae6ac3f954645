# Scratch spaces: created, found, deleted.

const Parent = Union{Module, UUID, Nothing}

"""
    get_scratch!(parent, key, calling = parent; depot = nothing) -> String
    get_scratch!(key; depot = nothing) -> String
    get_scratch!(key, parent; depot = nothing) -> String

The path of the scratch space `key` of a package. The space is created if it is missing.

- `parent`: the package whose namespace the space is in, as a `Module` of it or its `UUID`;
  `nothing`, or a module of no package such as `Main`, stands for the active project, or else for
  the global namespace.
- `key`: the name of the space: ASCII letters, digits, `-`, `_` and `.`, at most 255 bytes.
- `calling`: the package whose use is logged. `Pkg.gc` deletes a space when all projects and
  packages that were logged for it are gone.
- `depot`: the absolute path of a depot other than the first of `DEPOT_PATH`.

A read-only depot can be used if it already has the space.

# Errors
`ArgumentError` for an invalid key or a relative `depot`, [`ScratchRS.DepotIO`](@ref) if the space can't be created.

# Example
In a package, get the path in `__init__`, so that it is not stored in the precompiled file:
```julia
module MyPackage
using ScratchRS
cache = ""
__init__() = global cache = @get_scratch!("downloads")
end
```

See also [`@get_scratch!`](@ref), [`delete_scratch!`](@ref), and the methods that take a function
to fill the space once.
"""
function get_scratch!(
    parent::Parent,
    key::AbstractString,
    calling::Parent = parent;
    depot::Union{Nothing, AbstractString} = nothing,
)
    owner = find_uuid(parent)
    user = calling === parent ? owner : find_uuid(calling)
    return open_space(place(depot)..., owner, String(key), user)
end

function open_space(depot::String, directory::String, owner::UUID, key::String, user::UUID)
    path = Native.get_scratch(depot, directory, owner, key)
    track(depot, user, path) && Native.get_scratch(depot, directory, owner, key)
    return path
end

get_scratch!(key::AbstractString; kw...) = get_scratch!(nothing, key; kw...)
get_scratch!(key::AbstractString, parent::Parent; kw...) = get_scratch!(parent, key; kw...)
get_scratch!(parent::AbstractString, ::AbstractString; kw...) = throw(text_as_parent(parent))

text_as_parent(parent) = ArgumentError(
    "\"$parent\" is a String; pass the module of the package, its UUID (`Base.UUID(\"$parent\")`), or `nothing`",
)

"""
    @get_scratch!(key) -> String
    @get_scratch!(key, depot = …) -> String
    @get_scratch!(key, version = …) do directory … end

[`get_scratch!`](@ref) for the package that the calling module belongs to; if it belongs to none, for
the active project, or else for the global namespace. Takes the same keywords.

With a `do` block, the block fills the space once.

At top level of a package, as in `const cache = @get_scratch!("downloads")`, it warns when the package is precompiled: the
path would be stored in the precompiled file, and be wrong on another machine or for another depot.

# Example
```julia
__init__() = global cache = @get_scratch!("downloads")
```
"""
macro get_scratch!(arguments...)
    # `name = value`, as parsed without and with a `do` block.
    is_keyword(argument) = argument isa Expr && argument.head in (:(=), :kw)
    keywords = map(filter(is_keyword, collect(Any, arguments))) do argument
        Expr(:kw, argument.args[1], esc(argument.args[2]))
    end
    positional = [esc(argument) for argument in arguments if !is_keyword(argument)]
    1 <= length(positional) <= 2 ||
        throw(ArgumentError("@get_scratch! takes a key, and a function to fill the space before it"))
    key = pop!(positional)
    uuid = Base.PkgId(__module__).uuid
    call = :(get_scratch!($(positional...), $uuid, $key, $uuid; $(keywords...)))
    # In a function, this is its own name, and nothing remains of the check.
    is_in_function = Expr(:isdefined, esc(Symbol("#self#")))
    file, line = string(__source__.file), __source__.line
    return :($is_in_function || $warn_if_stored($__module__, $file, $line); $call)
end

# Warns that the path of a space becomes a part of a precompiled file.
function warn_if_stored(mod::Module, file::String, line::Int)
    ccall(:jl_generating_output, Cint, ()) == 0 && return
    @warn(
        "`@get_scratch!` at top level stores the path of the space in the precompiled file of $mod: it will be wrong on " *
        "another machine or for another depot. Get it when the package is loaded: " *
        "`__init__() = global cache = @get_scratch!(…)`",
        _module = mod,
        _file = file,
        _line = line,
    )
end

"""
    delete_scratch!(parent, key; depot = nothing)
    delete_scratch!(key; pkg_uuid = nothing, depot = nothing)

Deletes the scratch space `key` of a package. Deleting a missing space is not an error. `parent`, or
`pkg_uuid`, names the package as in [`get_scratch!`](@ref).

Other processes see the space disappear in one step; its files are deleted while other tasks run on. If
the space is a symbolic link, the link is deleted, not its target.

# Errors
`ArgumentError` for an invalid key, [`ScratchRS.DepotIO`](@ref) if something can't be deleted.
"""
function delete_scratch!(
    parent::Parent,
    key::AbstractString;
    depot::Union{Nothing, AbstractString} = nothing,
)
    owner = find_uuid(parent)
    path = scratch_path(owner, key; depot = depot)
    depot, directory = place(depot)
    Native.delete_scratch(depot, directory, owner, String(key))
    prune_timers!(path)
    return nothing
end

delete_scratch!(key::AbstractString; pkg_uuid::Parent = nothing, kw...) =
    delete_scratch!(pkg_uuid, key; kw...)
delete_scratch!(parent::AbstractString, ::AbstractString; kw...) = throw(text_as_parent(parent))

"""
    clear_scratchspaces!(; depot = nothing)
    clear_scratchspaces!(parent; depot = nothing)

Deletes all scratch spaces of the depot, or those of one package. See [`delete_scratch!`](@ref).

# Errors
`ArgumentError` if `parent` belongs to no package: the global namespace is only cleared together with
all others.
"""
function clear_scratchspaces!(; depot::Union{Nothing, AbstractString} = nothing)
    path = scratch_dir(; depot = depot)
    depot, directory = place(depot)
    Native.clear_scratch(depot, directory, GLOBAL, true)
    prune_timers!(path)
    return nothing
end

function clear_scratchspaces!(parent::Parent; depot::Union{Nothing, AbstractString} = nothing)
    owner = find_uuid(parent)
    owner == GLOBAL && throw(ArgumentError(
        "$(parent === nothing ? "the global namespace" : parent) belongs to no package, so there is nothing to clear",
    ))
    path = scratch_dir(string(owner); depot = depot)
    depot, directory = place(depot)
    Native.clear_scratch(depot, directory, owner, false)
    prune_timers!(path)
    return nothing
end

clear_scratchspaces!(parent::AbstractString; kw...) = throw(text_as_parent(parent))
