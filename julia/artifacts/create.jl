# Creating, verifying, packing and removing artifacts.

"""
    create_artifact(f) -> SHA1

Creates an artifact from what `f(directory)` puts into the empty `directory`, and returns its hash. The
artifact is installed in one step. Equal contents have the same hash, and are installed once.

The hash is git's tree hash: it covers names, contents, links, and whether the owner may execute a file,
but not empty directories. Files of an artifact are read-only. If `f` throws, or this process is killed,
there is no new artifact.

A collection deletes artifacts that no file binds: see [`bind_artifact!`](@ref).

# Errors
The errors of `f`; [`DepotIO`](@ref ScratchRS.DepotIO), also for a file that can't be read.

# Example
```julia
hash = create_artifact() do directory
    write(joinpath(directory, "iris.csv"), "sepal_length,species\\n5.1,setosa\\n")
end
artifact_path(hash)
```
"""
function create_artifact(@nospecialize(f))
    begun = Native.begin_artifact(DEPOT_PATH, stand_in())
    try
        f(begun.directory)
    catch
        Native.abandon_artifact(begun.ticket)
        rethrow()
    end
    return SHA1(Native.publish_artifact(begun.ticket))
end

# The directory that replaces the artifacts of all depots, `""` for none.
stand_in() = something(of_task(ARTIFACTS_DIRECTORY), "")

"""
    remove_artifact(hash::SHA1)

Removes the artifact from all depots. Removing a missing artifact is not an error. An overridden artifact
stays.

Other packages may use the artifact; prefer to unbind it, and let a collection delete it.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if something can't be deleted.
"""
function remove_artifact(hash::SHA1)
    query_override(hash) === nothing || return
    Native.remove_artifact(DEPOT_PATH, stand_in(), string(hash))
    return
end

"""
    verify_artifact(hash::SHA1; honor_overrides = false) -> Bool

Whether the artifact is installed, and its content has this hash.

An overridden artifact counts as intact, unless `honor_overrides` is set: then its replacement must have
this hash. Where git and Pkg compute different hashes (for links to names that are not ASCII), both are
accepted. See also [`verify_artifacts`](@ref ScratchRS.verify_artifacts), which reports what has changed.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if something in it can't be read.
"""
function verify_artifact(hash::SHA1; honor_overrides::Bool = false)
    !honor_overrides && query_override(hash) !== nothing && return true
    artifact_exists(hash) || return false
    return Native.MessagePack.decode(Native.verify_tree(artifact_path(hash), string(hash))) === nothing
end

"""
    archive_artifact(hash::SHA1, tarball; honor_overrides = false) -> String

Packs the artifact into the file `tarball`, replacing an existing file, and returns the SHA-256 of that
file in hexadecimal digits. The same artifact gives the same bytes on any machine; the format is a tar
archive compressed by gzip, or by Zstandard if the name ends in `.zst`.

# Errors
`ErrorException` if the artifact is not installed, or is overridden and `honor_overrides` is not set;
[`DepotIO`](@ref ScratchRS.DepotIO). An existing file `tarball` is then unchanged.

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
    packed = Native.archive_tree(artifact_path(hash), String(named(tarball, "tarball")))
    return bytes2hex(codeunits(packed.sha256))
end
