# Verification, repair and usage of artifacts.

using .Replies: Reply, decoded

"""
    ScratchRS.Verification

The result of [`ScratchRS.verify_artifacts`](@ref).

- `sound`: how many artifacts match their hashes;
- `corrupt`: a table of those that do not, with `hash`, `path`, `actual` (the hash of the content) and
  `differences`: pairs of a path in the artifact and what happened to it, `:missing`, `:changed`,
  `:mode_changed` or `:extra`; `nothing` if no file list was recorded;
- `unreadable`: a table of those that can't be read, with `hash`, `path` and `reason`.
"""
struct Verification <: Reply
    sound::Int
    corrupt::Vector
    unreadable::Vector
    reply::String
    is_verbose::Bool

    Verification(sound, found, unreadable, reply, is_verbose) =
        new(sound, map(corrupt, found), unreadable, reply, is_verbose)
end

Base.show(io::IO, found::Verification) = print(
    io, "ScratchRS.verify_artifacts: ", found.sound, " intact, ", length(found.corrupt), " corrupt, ",
    length(found.unreadable), " unreadable",
)

"""
    verify_artifacts() -> Verification

Hashes all artifacts of all depots, several at a time.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if a directory of artifacts can't be read.

# Example
```julia
for artifact in ScratchRS.verify_artifacts().corrupt
    println(artifact.path, ": ", artifact.differences)
end
```
"""
verify_artifacts() = decoded(Verification, Native.verify_artifacts(DEPOT_PATH, stand_in()))

function corrupt(artifact)
    changes = artifact.differences
    differences = changes === missing ? nothing : [one.path => one.change for one in changes]
    return merge(artifact, (differences = differences,))
end

"""
    repair_artifacts(files...; platform = host) -> NamedTuple

Installs corrupt artifacts again, if a file of bindings has a source for them: one of `files`, or one in the
usage logs of the depots. Missing artifacts that `files` bind for the platform are installed as well, except
lazy ones.

- `sound`: how many artifacts were intact before;
- `repaired`, `installed`: the paths of corrupt and of missing artifacts that were installed;
- `failed`: a table of those that could not be installed, with `hash`, `name` and `reason`;
- `left_out`: a table of names in `files` with invalid bindings, with `name` and `reason`;
- `unknown`: corrupt artifacts without a source, as in [`verify_artifacts`](@ref ScratchRS.verify_artifacts);
- `unreadable`: those that can't be read.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO), [`FormatError`](@ref ScratchRS.FormatError) if a file can't be
read.

# Example
```julia
repairs = ScratchRS.repair_artifacts("Artifacts.toml")
isempty(repairs.failed) || error("could not repair \$(repairs.failed)")
```
"""
function repair_artifacts(files::AbstractString...; platform::AbstractPlatform = host_platform())
    found = Native.named(Native.repair_artifacts(
        DEPOT_PATH,
        stand_in(),
        String[abspath(file) for file in files],
        tag_texts(platform),
        session_texts(),
    ))
    paths(artifacts) = String[artifact.path for artifact in artifacts]
    repaired, installed = paths(found.repaired), paths(found.installed)
    unknown = map(corrupt, found.unknown)
    return merge(found, (repaired = repaired, installed = installed, unknown = unknown))
end

"""
    artifact_usage(hash::SHA1, files...) -> Vector

The files that bind an artifact: those that the usage logs of the depots list, and those of `files`. A table
with the `path` of the file, the `names` that it binds to the artifact, and `last_used`: when the file was
last logged to be in use, in UTC; `missing` if it is not logged.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if a log can't be read.

# Example
```julia
for file in ScratchRS.artifact_usage(hash)
    println(file.path, ": ", join(file.names, ", "))
end
```
"""
function artifact_usage(hash::SHA1, files::AbstractString...)
    more = String[abspath(file) for file in files]
    return Native.named(Native.artifact_usage(DEPOT_PATH, string(hash), more))
end
