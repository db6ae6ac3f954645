# Artifacts: made, looked after, packed, removed.

"""
    create_artifact(f) -> SHA1

The hash of the artifact that `f(directory)` makes: `directory` is empty, and what is in it when `f`
returns is the artifact, which is put in its place in one step. Equal content has the same hash, and
is there once.

The hash is git's for a tree: of names, contents, links, and whether the owner may execute a file;
empty directories don't count. Files of an artifact are read-only. If `f` throws, or this process is
killed, nothing is left that counts as an artifact.

An artifact that no file binds goes with a collection: see [`bind_artifact!`](@ref).

# Errors
What `f` throws; [`DepotIO`](@ref ScratchRS.DepotIO), also for a file that can't be read.

# Example
```julia
hash = create_artifact() do directory
    write(joinpath(directory, "iris.csv"), "sepal_length,species\\n5.1,setosa\\n")
end
artifact_path(hash)
```
"""
function create_artifact(f)
    directory, ticket = Native.begin_artifact(DEPOT_PATH, stand_in())
    ticket = parse(UInt64, ticket)
    try
        f(directory)
    catch
        Native.abandon_artifact(ticket)
        rethrow()
    end
    return SHA1(Native.publish_artifact(ticket))
end

# The directory in the place of the artifacts of all depots, `""` for none.
stand_in() = something(of_task(ARTIFACTS_DIRECTORY), "")

"""
    remove_artifact(hash::SHA1)

Removes the artifact from all depots; that there is none is no error. One that is overridden stays.

Another package may use it: rather unbind it, and let a collection decide.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if something can't be removed.
"""
function remove_artifact(hash::SHA1)
    query_override(hash) === nothing || return
    Native.remove_artifact(DEPOT_PATH, stand_in(), string(hash))
    return
end

"""
    verify_artifact(hash::SHA1; honor_overrides = false) -> Bool

Whether the artifact is there, and its content has this hash.

One that is overridden counts as sound, unless `honor_overrides`: then it is what is in its place that
has to have this hash. A hash of which git and Pkg think differently (they do where a link leads to a
name that is not ASCII) counts as right in both ways. See also
[`verify_artifacts`](@ref ScratchRS.verify_artifacts), which says what has changed.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if something in it can't be read.
"""
function verify_artifact(hash::SHA1; honor_overrides::Bool = false)
    !honor_overrides && query_override(hash) !== nothing && return true
    artifact_exists(hash) || return false
    return first(Native.verify_tree(artifact_path(hash), string(hash))) == "sound"
end

"""
    archive_artifact(hash::SHA1, tarball; honor_overrides = false) -> String

Packs the artifact into the file `tarball`, replacing what is there, and gives the SHA-256 of that file
in hexadecimal digits. Packing the same artifact gives the same bytes, on any machine; the format is
a tar archive compressed by gzip, or by Zstandard if the name ends in `.zst`.

# Errors
`ErrorException` if the artifact is not there, or is overridden and `honor_overrides` is not set;
[`DepotIO`](@ref ScratchRS.DepotIO). A file `tarball` that was there is then as before.

# Example
```julia
sha256 = archive_artifact(hash, "iris.tar.gz")
bind_artifact!("Artifacts.toml", "iris", hash;
    download_info = [("https://example.org/iris.tar.gz", sha256)], force = true)
```
"""
function archive_artifact(hash::SHA1, tarball::AbstractString; honor_overrides::Bool = false)
    !honor_overrides && query_override(hash) !== nothing &&
        error("Will not archive an overridden artifact unless `honor_overrides` is set!")
    artifact_exists(hash) ||
        error("Unable to archive artifact $hash: does not exist!")
    return first(Native.archive_tree(artifact_path(hash), String(named(tarball, "tarball"))))
end
