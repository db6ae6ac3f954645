# Downloading and installing artifacts.

# The keywords that all functions here share.
const DOWNLOADING = """
- `download`: a function to download with, instead of the built-in one: `download(url, path)` must
  write the content of the URL to the file `path`. It is called for the URLs in the file of bindings,
  not for the Pkg server.
- `progress`: a function that is called repeatedly with the total number of bytes, or 0 if it is
  unknown, and the number of bytes received.
- `io`: where to show progress; `quiet_download`: show none. `verbose` is accepted for compatibility
  with Pkg, and has no effect.

A Pkg server is tried first, if there is one: `JULIA_PKG_SERVER` and the other variables of Pkg, of
NetworkOptions, and for proxies, have the same meaning as there. Interrupted downloads resume, also in
another process; concurrent processes share one download. Ctrl-C stops it, and nothing is installed.
"""

"""
    ensure_artifact_installed(name, artifacts_toml; platform = host, pkg_uuid = nothing, …) -> String
    ensure_artifact_installed(name, meta::Dict, artifacts_toml;
                              platform = host, pkg_server_eligible = true, …) -> String

The path of the artifact that `name` is bound to in a file of bindings for a platform. The artifact is
downloaded unless it is installed. `meta` is the result of [`artifact_meta`](@ref).

The use of the file is logged, at most once a day in a session if the artifact is installed: a collection
keeps the artifact while the file exists and binds it. In any case no collection deletes the artifact in
the next ten minutes.

- `platform`, `pkg_uuid`: as for [`artifact_meta`](@ref).
- `pkg_server_eligible`: whether to try a Pkg server.
$DOWNLOADING
# Errors
`ErrorException` if `name` is not bound;
[`IntegrityMismatch`](@ref ScratchRS.IntegrityMismatch) if the download has another hash;
[`DownloadError`](@ref ScratchRS.DownloadError), with the reason for each source, if all sources fail;
[`NotFound`](@ref ScratchRS.NotFound) if an `Overrides.toml` names a path that does not exist;
[`FormatError`](@ref ScratchRS.FormatError) for an archive that is malformed, or has entries that no
artifact may have; [`DepotIO`](@ref ScratchRS.DepotIO). Nothing is installed then.

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
    meta === nothing && @outside refuse_unbound(name, artifacts_toml, platform)
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
    hash = hash_of(meta, name, artifacts_toml, platform)
    file = abspath(artifacts_toml)
    path = found(hash, file)
    path === nothing || return path
    return Base.invokelatest(install_bound, String(name), hash, meta, file, pkg_server_eligible; options...)
end

# The errors of a name that is not bound for the platform.
function refuse_unbound(name, artifacts_toml, platform)
    check_binding(artifacts_toml, name, platform)
    error("Cannot locate artifact '$name' in '$artifacts_toml'")
end

function install_bound(name, hash, meta, file, with_server; options...)
    override = query_override(hash)
    override === nothing || throw(NotFound(
        "artifact $hash is overridden by `$override`, which does not exist", override, 0, "",
    ))
    return install(Wanted(name, hash, downloads_of(meta), file), with_server; options...)
end

"""
    download_artifact(hash::SHA1, url, sha256 = nothing; …) -> true, or an error

Downloads an artifact from a URL, unless it is installed. `sha256` is the hash of the tarball, if it is
known. Returns `true` on success, else the error; only interrupts are thrown. See
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
        place = String[field_text(url), field_text(sha256), ""]
        install(Wanted(string(hash), hash, place, ""), false; options...)
        return true
    catch error
        error isa InterruptException && rethrow()
        return error
    end
end

"""
    ensure_all_artifacts_installed(artifacts_toml; platform = host, pkg_uuid = nothing,
                                   include_lazy = false, …)

Downloads all artifacts of a file for a platform that are not installed yet, several at a time; lazy
artifacts with `include_lazy` only. Other keywords and errors are those of
[`ensure_artifact_installed`](@ref); an error is thrown after all other artifacts are installed.
"""
function ensure_all_artifacts_installed(
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    pkg_uuid::Union{Nothing, UUID} = nothing,
    include_lazy::Bool = false,
    options...,
)
    bindings = bindings_of(artifacts_toml, pkg_uuid)
    bindings === nothing && return
    selected = select_downloadable_artifacts(
        bindings, artifacts_toml; platform = platform, include_lazy = include_lazy,
    )
    failed = invalid_among(bindings, artifacts_toml, platform)
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

# The error of a name that has an invalid entry for a platform, or `nothing`.
function invalid_among(bindings::Dict, artifacts_toml, platform)
    for name in sort!(collect(keys(bindings)))
        try
            check_binding(artifacts_toml, name, platform)
        catch error
            error isa FormatError || rethrow()
            return error
        end
    end
    return nothing
end

# An artifact to install, and the sources to download it from.
struct Wanted
    name::String
    hash::SHA1
    # The URLs, hashes and sizes of tarballs in turns, as `field_text` has them.
    downloads::Vector{String}
    # The file that binds it, or `""`.
    artifacts_toml::String
end

# The sources that an entry of a file of bindings names. The library checks whether they are valid.
function downloads_of(meta::Dict)
    fields = String[]
    places = get(meta, "download", ())
    for place in (places isa AbstractVector || places isa Tuple ? places : [places])
        for field in ("url", "sha256", "size")
            push!(fields, place isa AbstractDict ? field_text(get(place, field, nothing)) : "")
        end
    end
    return fields
end

# The path of an artifact, if it is installed: no collection deletes it in the next ten minutes. The use of
# the file that binds it is logged, unless that is `""`.
function found(hash::SHA1, file::String)
    artifact_exists(hash) || return nothing
    query_override(hash) === nothing || return artifact_path(hash)
    return found_in_depot(string(hash), file)
end

function found_in_depot(hash::String, file::String)
    artifact = used_artifact(hash, file)
    if artifact.state === :busy
        artifact = @outside wait_for_other(() -> nothing, () -> used_artifact(hash, file), hash, "installing")
    end
    artifact.state === :ready || return nothing
    warnings = something(artifact.warnings)
    isempty(warnings) || @outside warn_of(warnings)
    return artifact.path
end

# The state of an artifact of a depot. If it is there, its use is logged.
function used_artifact(hash::String, file::String)
    try
        return until_free(Native.use_artifact, DEPOT_PATH, stand_in(), hash, file)
    catch error
        error isa ScratchRSError && !isempty(file) || rethrow()
        @outside warn_of_unlogged(file, error)
        return used_artifact(hash, "")
    end
end

warn_of_unlogged(file, error) =
    @warn "The use of an artifact can't be logged" file exception = error maxlog = 3

warn_of(warnings) = foreach(warning -> (@warn warning), warnings)

# A value of a file of bindings, with a letter for its type; of other types than these, the type.
field_text(::Nothing) = ""
field_text(text::AbstractString) = string('s', text)
field_text(::Bool) = "oboolean"
field_text(number::Integer) = string('i', number)
field_text(::AbstractFloat) = "ofloat"
field_text(::AbstractVector) = "oarray"
field_text(::AbstractDict) = "otable"
field_text(value) = string('o', typeof(value))

# Downloads an artifact, and returns its path.
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
    return installed(Native.install_artifact(
        DEPOT_PATH,
        stand_in(),
        wanted.name,
        string(wanted.hash),
        wanted.downloads,
        wanted.artifacts_toml,
        with_server,
        session_texts(),
        watcher,
    ))
end

# The path of an artifact that was just installed.
function installed(artifact)
    foreach(warning -> (@error warning), artifact.warnings)
    return artifact.path
end

# What the library needs to know of this session to download for it: the version of Julia, the
# platform, whether it is interactive, and the environment, names and values in turns.
function session_texts()
    texts = [string(VERSION), Platforms.triplet(host_platform()), string(isinteractive())]
    for (name, value) in ENV
        isvalid(name) && isvalid(value) && push!(texts, name, value)
    end
    return texts
end

# Downloads an artifact with the user's function, from one source after the other, and returns its path.
function install_by_own(wanted::Wanted, download, watcher)
    failures = Any[]
    sources = Native.named(Native.read_downloads(
        wanted.name, string(wanted.hash), wanted.downloads, wanted.artifacts_toml,
    ))
    foreach(problem -> (@error problem), sources.invalid)
    for source in sources.valid
        artifact = begin_install(wanted)
        artifact.state === :ready && return artifact.path
        ticket = something(artifact.ticket)
        try
            download(source.url, artifact.path)
        catch error
            Native.abandon_install(ticket)
            error isa InterruptException && rethrow()
            push!(failures, source.url => error)
            continue
        end
        sha256 = source.sha256 === missing ? "" : string(source.sha256)
        try
            return installed(Native.finish_install(ticket, wanted.name, sha256, session_texts(), watcher))
        catch error
            error isa ScratchRSError || rethrow()
            push!(failures, source.url => error)
        end
    end
    length(failures) == 1 && throw(last(first(failures)))
    reasons = [string("\n  ", url, ": ", sprint(showerror, error)) for (url, error) in failures]
    throw(DownloadError(string("can't install artifact `", wanted.name, "`", reasons...), "", 0, ""))
end

# Waits until no other process installs the artifact.
function begin_install(wanted::Wanted)
    ask() = Native.begin_install(DEPOT_PATH, stand_in(), string(wanted.hash))
    return wait_for_other(() -> nothing, ask, wanted.name, "installing")
end
