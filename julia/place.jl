# Where spaces are: the depot, or the directory that replaces its `scratchspaces`.

# The first depot, which is the one that is written to.
function first_depot()
    isempty(DEPOT_PATH) && throw(ArgumentError(
        "DEPOT_PATH is empty, so there is no depot; add a directory to it, or to JULIA_DEPOT_PATH",
    ))
    return first(DEPOT_PATH)
end

# The depot to use, and the directory that replaces its `scratchspaces` (`""` for none). A depot that is
# given takes precedence over a directory that the task has set.
place(::Nothing) = (first_depot(), something(of_task(SCRATCH_DIRECTORY), ""))
place(depot::AbstractString) = (given_depot(named(depot, "depot")), "")

# A relative one would be another depot in another directory.
function given_depot(depot::String)
    isabspath(depot) && return depot
    throw(ArgumentError("`$depot` is a relative path: pass the absolute path of the depot, `abspath($(repr(depot)))`"))
end

# A path that a user gives. An empty one would mean the current directory, so it is refused.
function named(path::AbstractString, what::String)
    isempty(path) && throw(ArgumentError("the path of the $what is empty"))
    return String(path)
end

"""
    with_scratch_directory(f, directory::AbstractString)

Calls `f()` with `directory` instead of the depot's `scratchspaces`: during the call, spaces are found,
created and deleted there only. Usage is still logged in the depot.

The override belongs to the running task. Tasks that it starts inherit it on Julia 1.11 and later; other
tasks never see it. `clear_scratchspaces!()` deletes the directory with all of its content. Calls nest:
when an inner call returns, the override of the outer one is in force again.

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

The absolute path of the directory of all spaces, with `parts` joined to it. Creates nothing.

`depot` is the absolute path of a depot other than the first of `DEPOT_PATH`. See also
[`with_scratch_directory`](@ref).
"""
function scratch_dir(parts...; depot::Union{Nothing, AbstractString} = nothing)
    depot, directory = place(depot)
    root = isempty(directory) ? joinpath(depot, "scratchspaces") : directory
    return abspath(root, parts...)
end

"""
    scratch_path(owner::UUID, key; depot = nothing) -> String

The path of the space `key` of the package `owner`, whether it exists or not. See
[`get_scratch!`](@ref), which creates it.
"""
scratch_path(owner::UUID, key::AbstractString; depot::Union{Nothing, AbstractString} = nothing) =
    scratch_dir(string(owner), key; depot = depot)

"""
    usage_toml() -> String

The path of the usage log of scratch spaces in the first depot.
"""
usage_toml() = joinpath(first_depot(), "logs", SCRATCH_USAGE)

# The namespace of spaces that belong to no package.
const GLOBAL = UUID(UInt128(0))

"""
    find_uuid(parent) -> UUID

The UUID of the package that `parent` names: `parent` itself if it is a `UUID`; for a `Module`, that of
the package which the module belongs to; for `nothing`, or a module of no package such as `Main`, that of
the active project, or zero if the project has none or can't be read.
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
    return uuid === nothing ? GLOBAL : @outside(UUID(uuid))::UUID
end

# The absolute path of the active project file, which need not exist, or `nothing`.
function active_project()
    project = unless_denied(Base.active_project)
    return project === nothing ? nothing : @outside(abspath(project))::String
end
