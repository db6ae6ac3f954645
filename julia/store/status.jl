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
    ScratchRS.StoreVerification

The result of [`ScratchRS.verify_store`](@ref).

- `files`, `trees`, `bytes`: how much was read.
- `corrupt`: a table of corrupt files, with `hash`, `path`, `what` (what is wrong) and `bound_by` (a table of
  the names that are affected, with `file` and `name`).
"""
struct StoreVerification <: Reply
    files::Int
    trees::Int
    bytes::Int
    corrupt::Vector
    reply::String
    is_verbose::Bool
end

Base.show(io::IO, found::StoreVerification) = print(
    io, "ScratchRS.verify_store: ", found.files, " files and ", found.trees, " trees, ", length(found.corrupt),
    " corrupt",
)

"""
    verify_store(; store = "") -> StoreVerification

Reads all contents of the store, or of the one in the directory `store`, and checks all trees.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if a content can't be read.

# Example
```julia
isempty(ScratchRS.verify_store().corrupt) || error("the store is corrupt")
```
"""
verify_store(; store::AbstractString = "") =
    decoded(StoreVerification, Native.verify_store(own_store()..., root_of(store)))
