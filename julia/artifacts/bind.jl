# Giving names to artifacts, and taking them away.

"""
    ArtifactDownloadInfo(url, hash, size = 0)

A place from which an artifact can be downloaded: the address of a tarball, its SHA-256, as 64
hexadecimal digits or 32 bytes, and its size in bytes, zero if that is not known. Tuples of two or
three of these convert to it.

# Errors
`ArgumentError` if the hash is none.
"""
struct ArtifactDownloadInfo
    url::String
    hash::Vector{UInt8}
    size::Int64

    function ArtifactDownloadInfo(url::AbstractString, hash::AbstractVector{UInt8}, size::Integer = 0)
        length(hash) == 32 ||
            throw(ArgumentError("a SHA-256 has 32 bytes, and $(bytes2hex(hash)) has $(length(hash))"))
        return new(url, hash, size)
    end
end

function ArtifactDownloadInfo(url::AbstractString, hash::AbstractString, size::Integer = 0)
    ncodeunits(hash) == 64 && all(character -> character in HEX_DIGITS, hash) ||
        throw(ArgumentError("a SHA-256 has 64 hexadecimal digits, and $(repr(hash)) is none"))
    return ArtifactDownloadInfo(url, hex2bytes(String(hash)), size)
end

Base.convert(::Type{ArtifactDownloadInfo}, info::Tuple) = ArtifactDownloadInfo(info...)

# Another package's type for the same.
described(info::Union{Tuple, ArtifactDownloadInfo}) = convert(ArtifactDownloadInfo, info)
described(info) = ArtifactDownloadInfo(info.url, info.hash, info.size)

"""
    bind_artifact!(artifacts_toml, name, hash::SHA1;
                   platform = nothing, download_info = nothing, lazy = false, force = false)

Lets `name` stand for an artifact in the file `artifacts_toml`, which is made if it is missing, and
logs that the file is in use, so that `Pkg.gc` keeps what it binds.

- `platform`: for which platform only; the name can stand for other artifacts on others. See
  [`artifact_meta`](@ref).
- `download_info`: places from which the artifact can be downloaded, tried in their order: a vector
  of tuples `(url, sha256)` or `(url, sha256, size)`, or of
  [`ArtifactDownloadInfo`](@ref ScratchRS.ArtifactDownloadInfo).
- `lazy`: whether it is only to be installed when it is first used.
- `force`: whether to replace what the name stands for. Of a name that is bound by platform, that is
  the entry of the given platform, and without a platform all of them.

The file keeps its comments and its order; what is added stands where, and as, Pkg would write it.
Processes that bind in the same file at once do so one after the other.

# Errors
`ErrorException` if the name is bound already, for that platform or in another way, and `force` is not set;
`ArgumentError` if a hash in `download_info` is none; [`FormatError`](@ref ScratchRS.FormatError) if
the file is not TOML; [`DepotIO`](@ref ScratchRS.DepotIO). The file is then as it was.

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
    healed = patiently(
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
    isempty(DEPOT_PATH) || warn_of_healed(first_depot(), "artifact_usage.toml", healed)
    return
end

"""
    unbind_artifact!(artifacts_toml, name; platform = nothing)

Lets `name` stand for nothing in the file `artifacts_toml`, or, with a `platform`, for nothing on that
one. That it does already is no error. The artifact stays until it is collected or removed.

# Errors
`SystemError` if there is no such file, [`FormatError`](@ref ScratchRS.FormatError) if it is not
TOML, `ErrorException` if a platform is given and the name is bound for all platforms together;
[`DepotIO`](@ref ScratchRS.DepotIO). The file is then as it was.
"""
function unbind_artifact!(
    artifacts_toml::AbstractString,
    name::AbstractString;
    platform::Union{Nothing, AbstractPlatform} = nothing,
)
    isfile(artifacts_toml) ||
        throw(SystemError("opening file $(repr(artifacts_toml))", Libc.ENOENT))
    patiently(
        Native.unbind_artifact,
        abspath(artifacts_toml),
        String(name),
        tag_texts(platform),
    )
    return
end

# The tags of a platform and their values, in turns.
tag_texts(::Nothing) = String[]
tag_texts(platform) =
    collect(String, Iterators.flatten(sort!(collect(Platforms.tags_of(platform)))))
