"""
The functions of `Pkg.PlatformEngines`, if you handle tarballs yourself: `download`, `verify`,
`download_verify`, `unpack`, `download_verify_unpack` and `package`, with the same arguments and
results. None of them makes an artifact; see [`create_artifact`](@ref) and
[`ensure_artifact_installed`](@ref) for that.
"""
module PlatformEngines

import ..@seldom_run, ..Native, ..session_texts
@seldom_run

"""
    download(url, dest; verbose = false, io = stderr) -> dest

Downloads into the file `dest`, replacing an existing one; `verbose` shows the progress. Interrupted
transfers resume. Requests to a Pkg server have its usual headers about this session, and its token.

# Errors
[`DownloadError`](@ref ScratchRS.DownloadError) if the URL can't be downloaded, [`DepotIO`](@ref ScratchRS.DepotIO)
if it can't be written. An existing file `dest` is then unchanged.
"""
function download(url::AbstractString, dest::AbstractString; verbose::Bool = false, io::IO = stderr)
    Native.download_file(String(url), abspath(String(dest)), session_texts(), verbose ? io : devnull)
    return dest
end

"""
    verify(path, hash; verbose = false, report_cache_status = false, hash_path = path * ".sha256")
        -> Bool, or (Bool, Symbol)

Whether the SHA-256 of a file is `hash`. If so, the hash is written to the file `hash_path`, which the next
call trusts as long as it is no older than the file. With `report_cache_status`, the result also has the
state of that cache file: `:hash_cache_missing`, `:hash_cache_consistent`,
`:hash_cache_mismatch` or `:file_modified`; or `:hash_mismatch`.

# Errors
`ErrorException` if `hash` is not 64 hexadecimal digits, [`DepotIO`](@ref ScratchRS.DepotIO) if the file
can't be read.
"""
function verify(
    path::AbstractString,
    hash::AbstractString;
    verbose::Bool = false,
    report_cache_status::Bool = false,
    hash_path::AbstractString = "$(path).sha256",
)
    hash = sound(hash)
    is_right, status = checked(path, hash, hash_path, verbose)
    return report_cache_status ? (is_right, status) : is_right
end

# The digits of a hash, in lower case.
function sound(hash)
    occursin(r"^[0-9a-f]{64}\z"i, hash) && return lowercase(hash)
    problem = if !isascii(hash)
        "given hash value is non-ASCII"
    elseif occursin(r"^[0-9a-f]*\z"i, hash)
        "given hash value has the wrong length ($(length(hash)))"
    else
        "given hash value contains non-hexadecimal characters"
    end
    error("Hash value must be 64 hexadecimal characters (256 bits), $problem: $(repr(hash))")
end

function checked(path, hash, hash_path, verbose)
    status = note_status(path, hash, hash_path)
    if status === :hash_cache_consistent
        verbose && @info "Hash cache is consistent, returning true"
        return true, status
    end
    verbose && @info "The hash cache is missing or stale; hashing the file" path status
    actual = Native.file_sha256(abspath(String(path)))
    verbose && @info "Calculated hash $actual for file $path"
    if actual != hash
        @error "Hash Mismatch!\n  Expected sha256:   $hash\n  Calculated sha256: $actual"
        return false, :hash_mismatch
    end
    try
        write(hash_path, hash)
    catch error
        error isa InterruptException && rethrow()
        verbose && @warn "Unable to create hash cache file $hash_path"
    end
    return true, status
end

# What there is to say of the note of an earlier verification.
function note_status(path, hash, hash_path)
    isfile(hash_path) || return :hash_cache_missing
    read(hash_path, String) == hash || return :hash_cache_mismatch
    return stat(hash_path).mtime >= stat(path).mtime ? :hash_cache_consistent : :file_modified
end

"""
    download_verify(url, hash, dest; verbose = false, force = false, quiet_download = false) -> Bool

Downloads into the file `dest`, unless it exists, and verifies it; see [`verify`](@ref). `hash` is
`nothing` if it is unknown. With `force`, an existing file with another hash is replaced; the result is
then `false`, else `true`.

# Errors
`ErrorException` if the file has another hash; those of `download`.
"""
function download_verify(
    url::AbstractString,
    hash::Union{AbstractString, Nothing},
    dest::AbstractString;
    verbose::Bool = false,
    force::Bool = false,
    quiet_download::Bool = false,
)
    was_there = isfile(dest)
    if was_there
        verbose && @info "Destination file $dest already exists, verifying..."
        hash !== nothing && verify(dest, hash; verbose = verbose) && return true
        force || error("Verification failed, not overwriting $dest")
    end
    mkpath(dirname(abspath(dest)))
    download(url, dest; verbose = verbose || !quiet_download)
    hash === nothing || verify(dest, hash; verbose = verbose) ||
        error("Verification failed. Download does not match expected hash")
    return !was_there
end

"""
    unpack(tarball, dest; verbose = false)

Unpacks a tarball into the directory `dest`, which must be missing or empty. On failure nothing is
unpacked. The compression (gzip, xz, Zstandard, bzip2 or none) is detected from the content.

# Errors
[`FormatError`](@ref ScratchRS.FormatError) for an archive that is malformed or would write outside of `dest`;
[`DepotIO`](@ref ScratchRS.DepotIO), also if `dest` is not empty.
"""
function unpack(tarball_path::AbstractString, dest::AbstractString; verbose::Bool = false)
    # The path of a directory that is renamed must not end with a slash.
    directory = rstrip(abspath(String(dest)), '/')
    watcher = verbose ? stderr : devnull
    Native.unpack_tarball(abspath(String(tarball_path)), String(directory), session_texts(), watcher)
    return
end

"""
    package(src_dir, tarball; io = stderr)

Packs the directory `src_dir` as a tarball, compressed by Zstandard if its name ends with `.zst`, else
by gzip, and replaces an existing file. The same tree gives the same bytes on every machine.
"""
function package(src_dir::AbstractString, tarball_path::AbstractString; io::IO = stderr)
    Native.archive_tree(abspath(String(src_dir)), abspath(String(tarball_path)), io)
    return
end

"""
    download_verify_unpack(url, hash, dest; tarball_path = nothing, ignore_existence = false,
                           force = false, verbose = false, quiet_download = false, io = stderr) -> Bool

Downloads a tarball, verifies and unpacks it; see [`download_verify`](@ref) and [`unpack`](@ref). The
tarball is kept at `tarball_path`, if that is given. If the directory `dest` already exists, nothing is
unpacked, and the result is `false`; with `ignore_existence`, an empty `dest` is accepted. If `force`
replaced a tarball, `dest` is removed first.
"""
function download_verify_unpack(
    url::AbstractString,
    hash::Union{AbstractString, Nothing},
    dest::AbstractString;
    tarball_path::Union{AbstractString, Nothing} = nothing,
    ignore_existence::Bool = false,
    force::Bool = false,
    verbose::Bool = false,
    quiet_download::Bool = false,
    io::IO = stderr,
)
    tarball = something(tarball_path, tempname() * "-download.gz")
    try
        is_first = download_verify(
            url, hash, tarball; force = force, verbose = verbose, quiet_download = quiet_download,
        )
        if !is_first
            verbose && @info "Removing dest directory $dest as source tarball changed"
            rm(dest; recursive = true, force = true)
        end
        if !ignore_existence && isdir(dest)
            verbose && @info "Destination directory $dest already exists, returning"
            return false
        end
        verbose && @info "Unpacking $tarball into $dest..."
        unpack(tarball, dest; verbose = verbose)
        return true
    finally
        if tarball_path === nothing
            rm(tarball; force = true)
            rm("$tarball.sha256"; force = true)
        end
    end
end

end
