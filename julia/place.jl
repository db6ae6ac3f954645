# Where spaces are: the depot, or the directory that stands in for its spaces.

# The first depot, which is the one that is written to.
function first_depot()
    isempty(DEPOT_PATH) && throw(ArgumentError(
        "there is no depot: DEPOT_PATH is empty. Put a directory in it, or in JULIA_DEPOT_PATH",
    ))
    return first(DEPOT_PATH)
end

# The depot to use, and the directory in the place of its `scratchspaces` (`""` for none). A depot
# that is given counts for more than a directory that the task has set.
place(::Nothing) = (first_depot(), something(of_task(SCRATCH_DIRECTORY), ""))
place(depot::AbstractString) = (named(depot, "depot"), "")

# A path that a user gives: the empty one would be the current directory, which nobody means.
function named(path::AbstractString, what::String)
    isempty(path) && throw(ArgumentError("the path of the $what is empty"))
    return String(path)
end

"""
    with_scratch_directory(f, directory::AbstractString)

Calls `f()` with `directory` in the place of the depot's `scratchspaces`: no other directory is
searched for spaces, made or removed in, meanwhile. Uses are still logged in the depot.

The override is the running task's. Tasks that it starts inherit it on Julia 1.11 and later; other
tasks never see it. `clear_scratchspaces!()` removes the directory with all that is in it. Calls nest: the inner one ends where it returns, and the outer one holds again.

# Example
```julia
mktempdir() do directory
    with_scratch_directory(directory) do
        get_scratch!("cache")      # somewhere in `directory`
    end
end
```
"""
with_scratch_directory(f, directory::AbstractString) =
    with_setting(f, SCRATCH_DIRECTORY, named(directory, "directory"))

"""
    scratch_dir(parts...; depot = nothing) -> String

The absolute path of the directory of all spaces, with `parts` joined to it. Makes nothing.

`depot` names a depot other than the first of `DEPOT_PATH`. See also
[`with_scratch_directory`](@ref).
"""
function scratch_dir(parts...; depot::Union{Nothing, AbstractString} = nothing)
    depot, directory = place(depot)
    root = isempty(directory) ? joinpath(depot, "scratchspaces") : directory
    return abspath(root, parts...)
end

"""
    scratch_path(owner::UUID, key; depot = nothing) -> String

The path that the space `key` of the package `owner` has, whether it is there or not. See
[`get_scratch!`](@ref), which makes it.
"""
scratch_path(owner::UUID, key::AbstractString; depot::Union{Nothing, AbstractString} = nothing) =
    scratch_dir(string(owner), key; depot = depot)

"""
    usage_toml() -> String

The path of the log of uses in the first depot.
"""
usage_toml() = joinpath(first_depot(), "logs", SCRATCH_USAGE)

# The namespace of spaces that belong to no package.
const GLOBAL = UUID(UInt128(0))

"""
    find_uuid(parent) -> UUID

The UUID of the package that `parent` stands for: itself if it is a `UUID`; that of the package
that a `Module`, or a module around it, is the root of; for `nothing`, or a module of no package
such as `Main`, that of the active project, or zero if that has none or can't be read.
"""
find_uuid(uuid::UUID) = uuid

function find_uuid(parent::Module)
    uuid = Base.PkgId(parent).uuid
    return uuid === nothing ? find_uuid(nothing) : uuid
end

function find_uuid(::Nothing)
    project = active_project()
    project === nothing && return GLOBAL
    uuid = Native.project_uuid(project)
    return isempty(uuid) ? GLOBAL : @outside(UUID(uuid))::UUID
end

# The absolute path of the active project file, which need not exist, or `nothing`.
function active_project()
    project = unless_denied(Base.active_project)
    return project === nothing ? nothing : @outside(abspath(project))::String
end
