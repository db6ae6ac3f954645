# Where artifacts lie.

using .Platforms: AbstractPlatform

"""
    artifacts_dirs(parts...) -> Vector{String}

The directories in which artifacts are looked for, absolute, with `parts` joined to each: that of
each depot of `DEPOT_PATH`, or the one that [`with_artifacts_directory`](@ref ScratchRS.with_artifacts_directory)
sets. New artifacts go into the first. Whether they exist is not looked at.
"""
function artifacts_dirs(parts...)
    directory = of_task(ARTIFACTS_DIRECTORY)
    directory === nothing || return String[abspath(directory, parts...)]
    return String[abspath(depot, "artifacts", parts...) for depot in DEPOT_PATH]
end

# The directory in which new artifacts are made.
function own_artifacts_dir()
    of_task(ARTIFACTS_DIRECTORY) === nothing && first_depot()
    return first(artifacts_dirs())
end

"""
    with_artifacts_directory(f, directory::AbstractString) -> value of f()

Calls `f()` with `directory` in the place of the `artifacts` directories of all depots: meanwhile
artifacts are found, made, installed and removed in it only.

The override is the running task's, and calls nest, as with [`with_scratch_directory`](@ref).
`artifacts_dirs`, and so every function for artifacts in this package, knows it; Pkg does not.

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

All places in which the artifact may be: one in each of [`artifacts_dirs`](@ref
ScratchRS.artifacts_dirs), or the one that an `Overrides.toml` names. Whether they exist is not
looked at.
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

Whether the artifact is there, in any depot, or where an `Overrides.toml` says that it is. What is in
it is not looked at: see [`verify_artifact`](@ref).
"""
function artifact_exists(hash::SHA1; honor_overrides::Bool = true)
    override = honor_overrides ? query_override(hash) : nothing
    override === nothing || return is_directory(override)
    return find_installed(string(hash)) !== nothing
end

# The path of an artifact, given as a hash in text, that is installed; `nothing` if none is.
function find_installed(hash::String)
    directory = of_task(ARTIFACTS_DIRECTORY)
    if directory !== nothing
        path = @outside abspath(directory, hash)::String
        return is_directory(path) ? path : nothing
    end
    for depot in DEPOT_PATH
        path = joinpath(artifacts_of(depot), hash)
        is_directory(path) && return path
    end
    return nothing
end

is_directory(path::String) = @outside isdir(path)::Bool

# The directory of artifacts of a depot. A relative one depends on the current directory; the
# absolute ones are made once.
function artifacts_of(depot::String)
    known = get(ARTIFACTS_OF[], depot, nothing)
    known === nothing || return known
    directory = @outside abspath(depot, "artifacts")::String
    # A new dictionary in the place of the old one: other threads read it without a lock, so one that
    # is published never changes. An entry that is lost to another thread is made again.
    if @outside isabspath(depot)::Bool
        ARTIFACTS_OF[] = @outside with_entry(ARTIFACTS_OF[], depot, directory)
    end
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

The names of a file of bindings, the preferred one first.
"""
const artifact_names = ("JuliaArtifacts.toml", "Artifacts.toml")

"""
    find_artifacts_toml(path::AbstractString) -> Union{String, Nothing}

The path of the file of bindings that holds for the source file, or the directory, `path`: the
`JuliaArtifacts.toml` or `Artifacts.toml` in its directory, or the nearest one above. The search
ends at a directory with a project file. A relative path counts from the current directory, which is
searched too. `nothing` if there is none.
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
