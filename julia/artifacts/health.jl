# Whether artifacts are sound, and who uses them.

"""
    verify_artifacts() -> NamedTuple

Hashes all artifacts of all depots, several at a time, and tells what has become of them:

- `sound`: how many are what their names say;
- `rotten`: those that are not, each with its `hash`, its `path`, the hash that it has (`actual`), and
  `differences`: pairs of a path in it and what has happened there, `:missing`, `:changed`,
  `:mode_changed` or `:extra`; `nothing` for an artifact of which nobody wrote down what is in it;
- `unreadable`: those that could not be looked at, each with the `reason`.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if a directory of artifacts can't be read.

# Example
```julia
for artifact in ScratchRS.verify_artifacts().rotten
    println(artifact.path, ": ", artifact.differences)
end
```
"""
function verify_artifacts()
    found = Native.MessagePack.decode(Native.verify_artifacts(DEPOT_PATH, stand_in()))
    return (
        sound = found["sound"]::Int,
        rotten = map(rotten, found["corrupt"]),
        unreadable = map(unreadable, found["unreadable"]),
    )
end

function rotten(found)
    differences = found["differences"]
    return (
        hash = found["hash"],
        path = found["path"]::String,
        actual = found["actual"],
        differences = differences === nothing ? nothing :
            [one["path"] => Symbol(one["change"]) for one in differences],
    )
end

unreadable(found) =
    (hash = found["hash"], path = found["path"]::String, reason = found["reason"]::String)

"""
    repair_artifacts(files...; platform = host) -> NamedTuple

Installs again the artifacts that have rotted, as far as a file of bindings says where they can be
downloaded: one of `files`, or one that the logs of the depots know. What `files` bind for the platform
and is missing is installed as well, but for what is lazy.

- `sound`: how many were sound before;
- `repaired`, `installed`: the paths of those that had rotted, and of those that were missing;
- `failed`: those that could not be had, each with its `hash` and the `reason`;
- `left_out`: names in `files` that stand for something invalid, each with its `name` and the `reason`;
- `unknown`: those that have rotted, and nobody says where to get; see
  [`verify_artifacts`](@ref ScratchRS.verify_artifacts);
- `unreadable`: those that could not be looked at.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO), [`FormatError`](@ref ScratchRS.FormatError) if a file can't be
read.
"""
function repair_artifacts(
    files::AbstractString...;
    platform::AbstractPlatform = host_platform(),
)
    found = Native.MessagePack.decode(Native.repair_artifacts(
        DEPOT_PATH,
        stand_in(),
        String[abspath(file) for file in files],
        tag_texts(platform),
        session_texts(),
    ))
    return (
        sound = found["sound"]::Int,
        repaired = String[artifact["path"] for artifact in found["repaired"]],
        installed = String[artifact["path"] for artifact in found["installed"]],
        failed = [(hash = one["hash"], reason = one["reason"]) for one in found["failed"]],
        left_out = [(name = one["name"], reason = one["reason"]) for one in found["left_out"]],
        unknown = map(rotten, found["unknown"]),
        unreadable = map(unreadable, found["unreadable"]),
    )
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
