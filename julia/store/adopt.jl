# Importing another store, and the settings of this one.

"""
    adopt_store!()
    adopt_store!(directory)

Imports everything that is bound in another store: that of OhMyArtifacts.jl in the same depot, or the
one in a directory. All contents are verified. The other store is not changed. Returns how many `artifacts`
were imported, and how many `names` were bound. Names that are bound to other contents, and contents that can't be
imported, are warnings.

# Errors
`ArgumentError` if there is no such store, [`DepotIO`](@ref ScratchRS.DepotIO) if it can't be read.
"""
function adopt_store!(other::Union{Nothing, AbstractString} = nothing)
    depot, directory = own_store()
    root = other === nothing ? Native.peer_store_root(depot, directory) : root_of(other)
    isdir(root) || throw(ArgumentError("there is no store at $root"))
    adopted = Native.named(Native.adopt_store(depot, directory, root))
    for name in adopted.taken
        @warn "\"$(name.name)\" within $(name.file) is bound to something else here, and stays so"
    end
    for failure in adopted.skipped
        @warn "$(failure.path) is not imported" reason = failure.message
    end
    return (artifacts = adopted.artifacts, names = adopted.names)
end

"""
    store_link() -> Symbol
    store_link!(link)

The mode by which files of trees in the store share their contents, unless [`create_my_artifact`](@ref) is
given one: `:reflink`, `:hardlink`, `:symlink`, `:copy`, or `:auto` for the best one that the file system
supports. `store_link!` sets it.

# Errors
`ArgumentError` for another mode, [`DepotIO`](@ref ScratchRS.DepotIO) if it can't be stored.
"""
store_link() = something(Native.store_link(own_store()...), :auto)

"""See [`store_link`](@ref ScratchRS.store_link)."""
function store_link!(link::Symbol)
    Native.set_store_link(own_store()..., link === :auto ? "" : string(link))
    return link
end
