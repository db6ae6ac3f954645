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
    text = string(hash)
    path = find_installed(text)
    return path === nothing ? joinpath(@outside(own_artifacts_dir())::String, text) : path
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
        path = @outside(abspath(directory, hash))::String
        return is_directory(path) ? path : nothing
    end
    for depot in DEPOT_PATH
        path = joinpath(artifacts_of(depot), hash)
        is_directory(path) && return path
    end
    return nothing
end

is_directory(path::String) = mode_of(path) & 0o170000 == 0o040000

# The type and the permissions of what is at `path`; 0 if it is missing.
mode_of(path::String) = (@outside(stat(path))::Base.Filesystem.StatStruct).mode

# The artifacts directory of a depot. That of a relative depot depends on the current directory; those of
# absolute ones are computed once.
function artifacts_of(depot::String)
    known = ARTIFACTS_OF[]
    while known !== nothing
        known.depot == depot && return known.directory
        known = known.next
    end
    directory = @outside(abspath(joinpath(depot, "artifacts")))::String
    isabspath(depot) && remember_directory(depot, directory)
    return directory
end

# A list, not a dictionary: the code of another type of dictionaries would be stored in the precompiled file.
struct ArtifactsOf
    depot::String
    directory::String
    next::Union{Nothing, ArtifactsOf}
    # The number of entries from here on.
    count::Int
end

const ARTIFACTS_OF = Ref{Union{Nothing, ArtifactsOf}}(nothing)

# Other threads read the list without a lock, so its entries never change. An entry that is lost to another thread
# is computed again.
function remember_directory(depot::String, directory::String)
    known = ARTIFACTS_OF[]
    # A session that uses ever new depots begins anew.
    known !== nothing && known.count >= 16 && (known = nothing)
    ARTIFACTS_OF[] = ArtifactsOf(depot, directory, known, known === nothing ? 1 : known.count + 1)
    return
end

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
