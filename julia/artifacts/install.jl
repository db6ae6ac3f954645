# Getting artifacts from where they can be downloaded.

# The keywords that all functions here have are told once.
const DOWNLOADING = """
- `download`: a function to download with, instead of the built-in one: `download(url, path)` is to
  leave what is at the URL in the file `path`. It is asked for the URLs of the file only, not for
  what a Pkg server has.
- `progress`: a function that is called with how many bytes there are, or 0 if that is not known, and
  how many have come, now and then.
- `io`: where to show progress, if that takes more than a moment; `quiet_download`: not to. `verbose`
  is accepted, as Pkg has it; errors tell all there is in any case.

A Pkg server is asked first, if there is one: `JULIA_PKG_SERVER`, and the other variables of Pkg, of
NetworkOptions, and for proxies, count as they do there. One process downloads, others that want the
same artifact wait for it. A transfer that breaks off is tried again, and gone on with where it broke
off, also by another process later. Ctrl-C stops it, and leaves no artifact.
"""

"""
    ensure_artifact_installed(name, artifacts_toml; platform = host, pkg_uuid = nothing, …) -> String
    ensure_artifact_installed(name, meta::Dict, artifacts_toml;
                              platform = host, pkg_server_eligible = true, …) -> String

The path of the artifact that `name` stands for in a file of bindings on a platform, which is
downloaded unless it is there. `meta` is what [`artifact_meta`](@ref) gives.

The use of the file is logged, at most once a day in a session if the artifact is there: a collection
keeps the artifact as long as the file is there and binds it. Even without that, the artifact stays for
ten minutes.

- `platform`, `pkg_uuid`: as for [`artifact_meta`](@ref).
- `pkg_server_eligible`: whether a Pkg server may have it.
$DOWNLOADING
# Errors
`ErrorException` if `name` stands for nothing;
[`IntegrityMismatch`](@ref ScratchRS.IntegrityMismatch) if what came has another hash;
[`DownloadError`](@ref ScratchRS.DownloadError), with what went wrong at each place, if none has it;
[`FormatError`](@ref ScratchRS.FormatError) for an archive that is malformed, or holds what no
artifact may; [`DepotIO`](@ref ScratchRS.DepotIO). There is no artifact then, nor a part of one.

# Example
```julia
ensure_artifact_installed("iris", find_artifacts_toml(@__DIR__))
```
"""
function ensure_artifact_installed(
    name::AbstractString,
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    pkg_uuid::Union{Nothing, UUID} = nothing,
    options...,
)
    meta = artifact_meta(name, artifacts_toml; platform = platform, pkg_uuid = pkg_uuid)
    meta === nothing && error("Cannot locate artifact '$name' in '$artifacts_toml'")
    return ensure_artifact_installed(name, meta, artifacts_toml; platform = platform, options...)
end

function ensure_artifact_installed(
    name::AbstractString,
    meta::Dict,
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    pkg_server_eligible::Bool = true,
    options...,
)
    hash = hash_of(meta, name, artifacts_toml)
    file = outside(abspath, artifacts_toml)::String
    path = found(hash, file)
    path === nothing || return path
    wanted = Wanted(name, hash, downloads_of(meta, name, artifacts_toml), file)
    return outside(install, wanted, pkg_server_eligible; options...)::String
end

"""
    download_artifact(hash::SHA1, url, sha256 = nothing; …) -> true, or an error

Downloads an artifact from a URL, unless it is there. `sha256` is the hash of the tarball, if it is
known. `true` on success, else the error; only an interrupt is thrown. See
[`ensure_artifact_installed`](@ref), which throws.

$DOWNLOADING
# Example
```julia
download_artifact(hash, "file:///data/iris.tar.gz") === true || error("no iris")
```
"""
function download_artifact(
    hash::SHA1,
    url::AbstractString,
    sha256::Union{Nothing, AbstractString} = nothing;
    options...,
)
    try
        found(hash, "") === nothing || return true
        places = [(String(url), something(sha256, ""), 0)]
        outside(install, Wanted(string(hash), hash, places, ""), false; options...)
        return true
    catch error
        error isa InterruptException && rethrow()
        return error
    end
end

"""
    ensure_all_artifacts_installed(artifacts_toml; platform = host, pkg_uuid = nothing,
                                   include_lazy = false, …)

Downloads all artifacts of a file for a platform that are not there yet, several at a time; those
that are installed at their first use with `include_lazy` only. Other keywords and errors are those of
[`ensure_artifact_installed`](@ref); the error is thrown when all others are there.
"""
function ensure_all_artifacts_installed(
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    pkg_uuid::Union{Nothing, UUID} = nothing,
    include_lazy::Bool = false,
    options...,
)
    selected = select_downloadable_artifacts(
        artifacts_toml; platform = platform, pkg_uuid = pkg_uuid, include_lazy = include_lazy,
    )
    failed = nothing
    @sync for (name, meta) in selected
        @async try
            ensure_artifact_installed(name, meta, artifacts_toml; platform = platform, options...)
        catch error
            failed = error
        end
    end
    failed === nothing || throw(failed)
    return
end

# What is to be installed, and from where.
struct Wanted
    name::String
    hash::SHA1
    # The URLs, hashes (`""` for none) and sizes (0 for none) of tarballs.
    downloads::Vector{Tuple{String, String, Int}}
    # The file that binds it, or `""`.
    artifacts_toml::String
end

# The places that an entry of a file of bindings names.
function downloads_of(meta::Dict, name, artifacts_toml)
    downloads = Tuple{String, String, Int}[]
    for place in get(meta, "download", ())
        url, sha256 = get(place, "url", nothing), get(place, "sha256", nothing)
        url isa String && sha256 isa String || throw(FormatError(
            "$artifacts_toml: artifact `$name` has a `download` without a `url` or a `sha256`",
            String(artifacts_toml),
            0,
            "",
        ))
        size = get(place, "size", 0)
        push!(downloads, (url, sha256, size isa Int ? max(size, 0) : 0))
    end
    return downloads
end

# The path of an artifact, if it is there: no collection deletes it in the next ten minutes. The use of
# the file that binds it is logged, unless that is `""`.
function found(hash::SHA1, file::String)
    artifact_exists(hash) || return nothing
    query_override(hash) === nothing || return artifact_path(hash)
    return outside(found_in_depot, string(hash), file)::Union{Nothing, String}
end

function found_in_depot(hash::String, file::String)
    ask(file) = Native.use_artifact(DEPOT_PATH, stand_in(), hash, file)
    await(file) = wait_for_other(() -> nothing, () -> patiently(ask, file), hash, "installing")
    reply = try
        await(file)
    catch error
        error isa ScratchRSError && !isempty(file) || rethrow()
        @warn "The use of an artifact can't be logged" file exception = error maxlog = 3
        await("")
    end
    foreach(warning -> (@warn warning), reply[3:end])
    return reply[1] == "ready" ? reply[2] : nothing
end

# Downloads what is wanted. Its path.
function install(
    wanted::Wanted,
    with_server::Bool;
    verbose::Bool = false,
    quiet_download::Bool = false,
    io::IO = stderr,
    progress = nothing,
    download = nothing,
)
    watcher = progress !== nothing ? progress : quiet_download ? devnull : io
    if download !== nothing
        path = install_by_own(wanted, download, watcher)
        return something(found(wanted.hash, wanted.artifacts_toml), path)
    end
    reply = Native.install_artifact(
        DEPOT_PATH,
        stand_in(),
        wanted.name,
        string(wanted.hash),
        [text for (url, sha256, size) in wanted.downloads for text in (url, sha256, string(size))],
        wanted.artifacts_toml,
        with_server,
        session_texts(),
        watcher,
    )
    foreach(warning -> (@error warning), reply[2:end])
    return reply[1]
end

# What the library needs to know of this session to download for it: the version of Julia, the
# platform, whether somebody is at it, and the environment, names and values in turns.
function session_texts()
    texts = [string(VERSION), Platforms.triplet(host_platform()), string(isinteractive())]
    for (name, value) in ENV
        isvalid(name) && isvalid(value) && push!(texts, name, value)
    end
    return texts
end

# Downloads what is wanted with the user's own function, from one place after the other. Its path.
function install_by_own(wanted::Wanted, download, watcher)
    failures = Any[]
    for (url, sha256, _) in wanted.downloads
        what, path, ticket = begin_install(wanted)
        what == "ready" && return path
        ticket = parse(UInt64, ticket)
        try
            download(url, path)
        catch error
            Native.abandon_install(ticket)
            error isa InterruptException && rethrow()
            push!(failures, url => error)
            continue
        end
        try
            reply = Native.finish_install(ticket, wanted.name, sha256, session_texts(), watcher)
            foreach(warning -> (@error warning), reply[2:end])
            return reply[1]
        catch error
            error isa ScratchRSError || rethrow()
            push!(failures, url => error)
        end
    end
    length(failures) == 1 && throw(last(first(failures)))
    told = [string("\n  ", url, ": ", sprint(showerror, error)) for (url, error) in failures]
    throw(DownloadError(string("can't install artifact `", wanted.name, "`", told...), "", 0, ""))
end

# Asks until nobody else installs the artifact.
function begin_install(wanted::Wanted)
    ask() = Native.begin_install(DEPOT_PATH, stand_in(), string(wanted.hash))
    return wait_for_other(() -> nothing, ask, wanted.name, "installing")
end
