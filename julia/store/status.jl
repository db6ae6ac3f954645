# The contents of a store, and whether they are intact.

"""
    ScratchRS.StoreStatus

The result of [`ScratchRS.store_status`](@ref). Sizes are in bytes, times are UTC; `missing` where a value is
unknown.

- `root`: the directory of the store.
- `files`, `trees`: how many contents of files and how many trees there are.
- `bytes`: their size, including copies of contents in trees; `saved_bytes`: what sharing saves.
- `artifacts`: a table of all contents and trees, by hash, with `hash`, `path`, `kind` (`:file` or `:tree`),
  `files`, `bytes`, `link` (how the files of a tree are linked), `bound_by` (a table of the names that are
  bound to it, with `file`, `name` and `time`), `is_in_tree` (whether a tree contains it) and `orphan_since`
  (when a collection first found it unbound).
- `missing`: a table of names that are bound to contents which are not in the store, with `file`, `name` and
  `hash`.
- `unreadable`: a table of invalid files of bindings, with `path` and `message`.
"""
struct StoreStatus <: Reply
    root::String
    files::Int
    trees::Int
    bytes::Int
    saved_bytes::Int
    artifacts::Vector
    missing::Vector
    unreadable::Vector
    reply::String
    is_verbose::Bool
end

"""
    store_status(; store = "") -> StoreStatus

The contents of the store, or of the one in the directory `store` (that of OhMyArtifacts.jl, for example).

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if it can't be read.

# Example
```julia
filter(artifact -> isempty(artifact.bound_by), ScratchRS.store_status().artifacts)
```
"""
store_status(; store::AbstractString = "") =
    decoded(StoreStatus, Native.store_status(own_store()..., root_of(store)))

root_of(store::AbstractString) = isempty(store) ? "" : abspath(String(store))

"""
    verify_store(; store = "") -> NamedTuple

Reads all contents of the store, or of the one in the directory `store`, and checks all trees.

- `files`, `trees`, `bytes`: how much was read.
- `damaged`: a table of corrupt files, with `hash`, `path`, `what` (what is wrong) and `bound_by` (a table of
  the names that are affected, with `file` and `name`).

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if a content can't be read.

# Example
```julia
isempty(ScratchRS.verify_store().damaged) || error("the store is corrupt")
```
"""
function verify_store(; store::AbstractString = "")
    depot, directory = own_store()
    found = Native.named(Native.verify_store(depot, directory, root_of(store)))
    return (
        files = found.files, trees = found.trees, bytes = found.bytes, damaged = found.corrupt,
    )
end
