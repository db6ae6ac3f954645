# Binding names to artifacts, and removing bindings.

"""
    ArtifactDownloadInfo(url, hash, size = 0)

A source from which an artifact can be downloaded: the URL of a tarball, its SHA-256, as 64
hexadecimal digits or 32 bytes, and its size in bytes, zero if unknown. Tuples of two or three of these
convert to it.

# Errors
`ArgumentError` if the hash is invalid.
"""
struct ArtifactDownloadInfo
    url::String
    hash::Vector{UInt8}
    size::Int64

    function ArtifactDownloadInfo(url::AbstractString, hash::AbstractVector{UInt8}, size::Integer = 0)
        length(hash) == 32 ||
            throw(ArgumentError("invalid SHA-256 $(bytes2hex(hash)): expected 32 bytes, got $(length(hash))"))
        return new(url, hash, size)
    end
end

function ArtifactDownloadInfo(url::AbstractString, hash::AbstractString, size::Integer = 0)
    ncodeunits(hash) == 64 && all(is_hex_digit, codeunits(hash)) ||
        throw(ArgumentError("invalid SHA-256 $(repr(hash)): expected 64 hexadecimal digits"))
    return ArtifactDownloadInfo(url, hex2bytes(String(hash)), size)
end

Base.convert(::Type{ArtifactDownloadInfo}, info::Tuple) = ArtifactDownloadInfo(info...)

# Another package's type for the same.
described(info::Union{Tuple, ArtifactDownloadInfo}) = convert(ArtifactDownloadInfo, info)
described(info) = ArtifactDownloadInfo(info.url, info.hash, info.size)

"""
    bind_artifact!(artifacts_toml, name, hash::SHA1;
                   platform = nothing, download_info = nothing, lazy = false, force = false)

Binds `name` to an artifact in the file `artifacts_toml`, which is created if it is missing, and logs
that the file is in use, so that `Pkg.gc` keeps the artifacts that it binds.

- `platform`: binds the name for this platform only; it can be bound to other artifacts for others. See
  [`artifact_meta`](@ref).
- `download_info`: sources from which the artifact can be downloaded, in the order in which they are
  tried: a vector of tuples `(url, sha256)` or `(url, sha256, size)`, or of
  [`ArtifactDownloadInfo`](@ref ScratchRS.ArtifactDownloadInfo).
- `lazy`: whether to install the artifact only at its first use.
- `force`: whether to replace an existing binding. For a name that is bound by platform, that is the
  entry of the given platform, or all entries if no platform is given.

The file keeps its comments and its order; new entries are placed and formatted as Pkg would. Concurrent
processes change the same file one after the other.

# Errors
`ErrorException` if the name is already bound, for that platform or in another way, and `force` is not set;
`ArgumentError` if a hash in `download_info` is invalid; [`FormatError`](@ref ScratchRS.FormatError) if
the file is not TOML; [`DepotIO`](@ref ScratchRS.DepotIO). The file is then unchanged.

# Example
```julia
hash = create_artifact(directory -> write(joinpath(directory, "data.csv"), "a,b\\n1,2\\n"))
bind_artifact!("Artifacts.toml", "data", hash; force = true)
```
"""
function bind_artifact!(
    artifacts_toml::AbstractString,
    name::AbstractString,
    hash::SHA1;
    platform::Union{Nothing, AbstractPlatform} = nothing,
    download_info::Union{Nothing, AbstractVector} = nothing,
    lazy::Bool = false,
    force::Bool = false,
)
    file = abspath(named(artifacts_toml, "file"))
    downloads = String[]
    for info in something(download_info, ())
        place = described(info)
        append!(downloads, (place.url, bytes2hex(place.hash), string(max(place.size, 0))))
    end
    removed_records = until_free(
        Native.bind_artifact,
        DEPOT_PATH,
        file,
        String(name),
        string(hash),
        tag_texts(platform),
        downloads,
        download_info !== nothing,
        lazy,
        force,
    )
    isempty(DEPOT_PATH) ||
        warn_of_removed(first_depot(), "artifact_usage.toml", removed_records)
    return
end

"""
    unbind_artifact!(artifacts_toml, name; platform = nothing)

Removes the binding of `name` from the file `artifacts_toml`; with a `platform`, only its entry for that
platform. Removing a missing binding is not an error. The artifact stays until it is collected or removed.

# Errors
`SystemError` if there is no such file, [`FormatError`](@ref ScratchRS.FormatError) if it is not
TOML, `ErrorException` if a platform is given and the name is bound for all platforms together;
[`DepotIO`](@ref ScratchRS.DepotIO). The file is then unchanged.
"""
function unbind_artifact!(
    artifacts_toml::AbstractString,
    name::AbstractString;
    platform::Union{Nothing, AbstractPlatform} = nothing,
)
    isfile(artifacts_toml) ||
        throw(SystemError("opening file $(repr(artifacts_toml))", Libc.ENOENT))
    until_free(
        Native.unbind_artifact,
        abspath(artifacts_toml),
        String(name),
        tag_texts(platform),
    )
    return
end

# The tags of a platform, each followed by its value.
tag_texts(::Nothing) = String[]
tag_texts(platform) =
    collect(String, Iterators.flatten(sort!(collect(Platforms.tags_of(platform)))))
