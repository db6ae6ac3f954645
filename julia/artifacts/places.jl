# The locations of artifacts.

using .Platforms: AbstractPlatform

"""
    artifacts_dirs(parts...) -> Vector{String}

The directories in which artifacts are searched, as absolute paths, with `parts` joined to each: that of
each depot of `DEPOT_PATH`, or the one that [`with_artifacts_directory`](@ref ScratchRS.with_artifacts_directory)
sets. New artifacts are installed in the first. The directories may not exist.
"""
function artifacts_dirs(parts...)
    directory = of_task(ARTIFACTS_DIRECTORY)
    directory === nothing || return String[abspath(directory, parts...)]
    return String[abspath(depot, "artifacts", parts...) for depot in DEPOT_PATH]
end

# The directory in which new artifacts are installed.
function own_artifacts_dir()
    of_task(ARTIFACTS_DIRECTORY) === nothing && first_depot()
    return first(artifacts_dirs())
end

"""
    with_artifacts_directory(f, directory::AbstractString) -> value of f()

Calls `f()` with `directory` instead of the `artifacts` directories of all depots: during the call,
artifacts are found, created, installed and removed there only.

The override belongs to the running task, and calls nest, as with [`with_scratch_directory`](@ref).
It applies to `artifacts_dirs`, and so to every function for artifacts in this package, but not to Pkg.

# Example
```julia
mktempdir() do directory
    ScratchRS.with_artifacts_directory(directory) do
        create_artifact(path -> write(joinpath(path, "file"), "content"))
    end
end
```
"""
with_artifacts_directory(f, directory::AbstractString) =
    with_setting(f, ARTIFACTS_DIRECTORY, named(directory, "directory"))

"""
    artifact_paths(hash::SHA1; honor_overrides = true) -> Vector{String}

All paths at which the artifact may be installed: one in each of [`artifacts_dirs`](@ref
ScratchRS.artifacts_dirs), or the one that an `Overrides.toml` names. The paths may not exist.
"""
function artifact_paths(hash::SHA1; honor_overrides::Bool = true)
    override = honor_overrides ? query_override(hash) : nothing
    return override === nothing ? artifacts_dirs(string(hash)) : [override]
end

"""
    artifact_path(hash::SHA1; honor_overrides = true) -> String

The path of the artifact: the first of its [`artifact_paths`](@ref ScratchRS.artifact_paths) that is
a directory, or else the one that it would be installed to.

# Errors
`ArgumentError` if `DEPOT_PATH` is empty.

# Example
```julia
hash = artifact_hash("iris", find_artifacts_toml(@__DIR__))
readdir(artifact_path(hash))
```
"""
function artifact_path(hash::SHA1; honor_overrides::Bool = true)
    override = honor_overrides ? query_override(hash) : nothing
    override === nothing || return override
    path = find_installed(string(hash))
    return path === nothing ? joinpath(own_artifacts_dir(), string(hash)) : path
end

"""
    artifact_exists(hash::SHA1; honor_overrides = true) -> Bool

Whether the artifact is installed in any depot, or exists at the path that an `Overrides.toml` names. Its
content is not checked: see [`verify_artifact`](@ref).
"""
function artifact_exists(hash::SHA1; honor_overrides::Bool = true)
    override = honor_overrides ? query_override(hash) : nothing
    override === nothing || return is_directory(override)
    return find_installed(string(hash)) !== nothing
end

# The path of an installed artifact, given its hash as a text; `nothing` if it is not installed.
function find_installed(hash::String)
    directory = of_task(ARTIFACTS_DIRECTORY)
    if directory !== nothing
        path = abspath(directory, hash)
        return is_directory(path) ? path : nothing
    end
    for depot in DEPOT_PATH
        path = joinpath(artifacts_of(depot), hash)
        is_directory(path) && return path
    end
    return nothing
end

is_directory(path::String) = isdir(path)

# The artifacts directory of a depot. That of a relative depot depends on the current directory; those of
# absolute ones are computed once.
function artifacts_of(depot::String)
    known = get(ARTIFACTS_OF[], depot, nothing)
    known === nothing || return known
    directory = abspath(depot, "artifacts")
    # Other threads read the dictionary without a lock, so a published one never changes: a new one
    # replaces it. An entry that is lost to another thread is computed again.
    isabspath(depot) && (ARTIFACTS_OF[] = with_entry(ARTIFACTS_OF[], depot, directory))
    return directory
end

# A copy of a dictionary with one more entry.
function with_entry(known::Dict, key, value)
    copied = copy(known)
    copied[key] = value
    return copied
end

const ARTIFACTS_OF = Ref(Dict{String, String}())

"""
    artifact_names

The names that a file of bindings can have, the preferred one first.
"""
const artifact_names = ("JuliaArtifacts.toml", "Artifacts.toml")

"""
    find_artifacts_toml(path::AbstractString) -> Union{String, Nothing}

The path of the file of bindings for the source file, or the directory, `path`: the
`JuliaArtifacts.toml` or `Artifacts.toml` in its directory, or the nearest one above. The search
ends at a directory with a project file. A relative path is resolved against the current directory,
which is searched too. `nothing` if there is no such file.
"""
function find_artifacts_toml(path::AbstractString)
    directory = abspath(isdir(path) ? String(path) : dirname(path))
    while dirname(directory) != directory
        for name in artifact_names
            file = joinpath(directory, name)
            isfile(file) && return abspath(file)
        end
        any(name -> isfile(joinpath(directory, name)), Base.project_names) && return nothing
        directory = dirname(directory)
    end
    return nothing
end
