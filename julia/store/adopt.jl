# Importing another store, and the settings of this one.

"""
    adopt_store!()
    adopt_store!(directory)

Imports everything that is bound in another store: that of OhMyArtifacts.jl in the same depot, or the
one in a directory. All contents are verified. The other store is not changed.
"""
function adopt_store!(other::Union{Nothing, AbstractString} = nothing)
    depot, directory = own_store()
    root = other === nothing ? Native.peer_store_root(depot, directory) : root_of(other)
    isdir(root) || throw(ArgumentError("there is no store at $root"))
    table = Native.MessagePack.decode(Native.adopt_store(depot, directory, root))
    for name in table["taken"]
        @warn "\"$(name["name"])\" within $(name["file"]) is bound to something else here, and stays so"
    end
    for failure in table["skipped"]
        @warn "$(failure["path"]) is not taken over" reason = failure["message"]
    end
    return (artifacts = table["artifacts"], names = table["names"])
end

"""
    store_link() -> Symbol
    store_link!(link)

How the files of trees in the store share their contents, unless [`create_my_artifact`](@ref) is told:
`:reflink`, `:hardlink`, `:symlink`, `:copy`; `:auto` is the best that the file system supports.
"""
store_link() = something(Native.store_link(own_store()...), :auto)

"""See [`store_link`](@ref ScratchRS.store_link)."""
function store_link!(link::Symbol)
    Native.set_store_link(own_store()..., link === :auto ? "" : string(link))
    return link
end
