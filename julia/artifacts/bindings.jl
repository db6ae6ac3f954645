# Reading `Artifacts.toml` files: the artifact that a name is bound to, for a platform.

const HASH_KEY = "git-tree-sha1"

# The files that were read, each with its metadata at that time: `FileOfBindings`. The value type is `Any` because
# Base has that dictionary compiled.
const BINDINGS = Dict{String, Any}()

struct FileOfBindings
    found::Base.Filesystem.StatStruct
    content::Dict{String, Any}
end
const BINDINGS_LOCK = ReentrantLock()

# How old a modification time must be to be relied on: file systems store times with a resolution of up
# to two seconds.
const SETTLED = 3.0

"""
    load_artifacts_toml(artifacts_toml; pkg_uuid = nothing) -> Dict{String, Any}

The content of a file of bindings. The result is shared and must not be modified.

With the UUID of the package that the file belongs to, overrides of its artifacts by name are applied: see [`process_overrides`](@ref ScratchRS.process_overrides).

# Errors
`SystemError` if there is no such file, [`FormatError`](@ref ScratchRS.FormatError), with line and
column, if it is not TOML.
"""
function load_artifacts_toml(
    artifacts_toml::AbstractString;
    pkg_uuid::Union{Nothing, UUID} = nothing,
)
    bindings = bindings_of(artifacts_toml, pkg_uuid)
    bindings === nothing &&
        throw(SystemError("opening file $(repr(artifacts_toml))", Libc.ENOENT))
    return bindings
end

# The content of a file of bindings, after applying the overrides of its package; `nothing` if the file is
# missing.
function bindings_of(artifacts_toml::AbstractString, package::Union{Nothing, UUID})
    bindings = read_bindings(String(artifacts_toml))
    bindings === nothing || package === nothing || process_overrides(bindings, package)
    return bindings
end

function read_bindings(file::String)
    path = isabspath(file) ? file : @outside(abspath(file))::String
    found = stat(path)
    isfile(found) || return nothing
    lock(BINDINGS_LOCK)
    try
        known = get(BINDINGS, path, nothing)
        if known !== nothing
            known = known::FileOfBindings
            same_state(known.found, found) && return known.content
        end
        bindings = Native.decoded(Native.read_toml(path))::Dict{String, Any}
        if time() - found.mtime > SETTLED
            BINDINGS[path] = FileOfBindings(found, bindings)
        else
            delete!(BINDINGS, path)
        end
        return bindings
    finally
        unlock(BINDINGS_LOCK)
    end
end

same_state(a, b) =
    a.mtime == b.mtime && a.size == b.size && a.inode == b.inode && a.device == b.device

"""
    artifact_meta(name, artifacts_toml; platform = host, pkg_uuid = nothing)
    artifact_meta(name, bindings::Dict, artifacts_toml; platform = host)

The entry of a name for a platform: a `Dict` with the key `git-tree-sha1`, and possibly `lazy`,
`download` and the tags of the platform. `nothing` if the file is missing, or does not bind the name for
that platform.

- `platform`: by default that of the running Julia; any `AbstractPlatform` of `Base.BinaryPlatforms`,
  in Julia 1.5 one of `Pkg.BinaryPlatforms`.
- `pkg_uuid`: see [`load_artifacts_toml`](@ref ScratchRS.load_artifacts_toml).

An invalid entry is logged as an error, and counts as missing. The result is shared and must not be
modified.

# Errors
[`FormatError`](@ref ScratchRS.FormatError) if the file is not TOML.

# Example
```julia
meta = artifact_meta("iris", "Artifacts.toml")
get(meta, "lazy", false)
```
"""
function artifact_meta(
    name::AbstractString,
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    pkg_uuid::Union{Nothing, UUID} = nothing,
)
    bindings = bindings_of(artifacts_toml, pkg_uuid)
    bindings === nothing && return nothing
    return meta_for(name, bindings, artifacts_toml, platform)
end

function artifact_meta(
    name::AbstractString,
    bindings::Dict,
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
)
    return meta_for(name, bindings, artifacts_toml, platform)
end

function meta_for(name::AbstractString, bindings::Dict, artifacts_toml::AbstractString, @nospecialize(platform))
    bound = get(bindings, name, nothing)
    bound === nothing && return nothing
    if bound isa Vector
        bound = @outside Platforms.choose(bound, platform, name, artifacts_toml)
        bound === nothing && return nothing
    elseif !(bound isa Dict)
        @outside Platforms.report(name, artifacts_toml, "malformed, must be array or dict!")
        return nothing
    end
    haskey(bound, HASH_KEY) && return bound
    @outside Platforms.report(name, artifacts_toml, "contains no `git-tree-sha1`!")
    return nothing
end

"""
    artifact_hash(name, artifacts_toml; platform = host, pkg_uuid = nothing) -> Union{SHA1, Nothing}

The hash of the artifact that a name is bound to for a platform. Arguments as for
[`artifact_meta`](@ref).

# Errors
[`FormatError`](@ref ScratchRS.FormatError) if the file is not TOML, or the hash is invalid.
"""
function artifact_hash(
    name::AbstractString,
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    pkg_uuid::Union{Nothing, UUID} = nothing,
)::Union{Nothing, SHA1}
    return hash_for(String(name), String(artifacts_toml), platform, pkg_uuid)
end

function hash_for(name::String, file::String, @nospecialize(platform), package::Union{Nothing, UUID})
    bindings = bindings_of(file, package)
    bindings === nothing && return nothing
    meta = meta_for(name, bindings, file, platform)
    return meta === nothing ? nothing : hash_of(meta, name, file, platform)
end

# The hash in an entry.
function hash_of(meta::Dict, name, artifacts_toml, @nospecialize(platform))
    hash = parsed_hash(meta[HASH_KEY])
    hash === nothing || return hash
    return @outside invalid_hash(meta, name, artifacts_toml, platform)
end

function invalid_hash(meta::Dict, name, artifacts_toml, platform)
    check_binding(artifacts_toml, name, platform)
    # The file has changed meanwhile, or the entry is not from the file.
    file = String(artifacts_toml)
    throw(FormatError(
        "$file: artifact `$name` has a `git-tree-sha1` that is not 40 hexadecimal digits: $(repr(meta[HASH_KEY]))",
        file,
        0,
        "",
    ))
end

# Throws a `FormatError`, with the line, if the entry of a name for a platform is invalid in the file.
check_binding(artifacts_toml, name, platform) =
    Native.check_binding(abspath(artifacts_toml), String(name), tag_texts(platform))

# Parses a hash; `nothing` if the value is not one.
function parsed_hash(value)
    value isa AbstractString || return nothing
    text = String(value)
    ncodeunits(text) == 40 && all(is_hex_digit, codeunits(text)) || return nothing
    return @outside(SHA1(text))::SHA1
end

is_hex_digit(byte::UInt8) =
    UInt8('0') <= byte <= UInt8('9') || UInt8('a') <= byte <= UInt8('f') || UInt8('A') <= byte <= UInt8('F')

"""
    select_downloadable_artifacts(artifacts_toml; platform = host, include_lazy = false, pkg_uuid = nothing)
    select_downloadable_artifacts(bindings::Dict, artifacts_toml; …)

The artifacts of a file that can be downloaded for a platform: a `Dict` from names to what
[`artifact_meta`](@ref) returns. Lazy artifacts are included with `include_lazy` only. Empty if the file
is missing.
"""
function select_downloadable_artifacts(
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    include_lazy::Bool = false,
    pkg_uuid::Union{Nothing, UUID} = nothing,
)
    bindings = bindings_of(artifacts_toml, pkg_uuid)
    bindings === nothing && return Dict{String, Any}()
    return select_downloadable_artifacts(
        bindings, artifacts_toml; platform = platform, include_lazy = include_lazy,
    )
end

function select_downloadable_artifacts(
    bindings::Dict,
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    include_lazy::Bool = false,
    pkg_uuid::Union{Nothing, UUID} = nothing,
)
    selected = select(bindings, artifacts_toml, platform, include_lazy)
    return filter(((_, meta),) -> haskey(meta, "download"), selected)
end

# The entries of all names for a platform.
function select(bindings::Dict, artifacts_toml, platform, include_lazy::Bool)
    selected = Dict{String, Any}()
    for name in keys(bindings)
        meta = artifact_meta(name, bindings, artifacts_toml; platform = platform)
        meta === nothing && continue
        is_lazy(meta) && !include_lazy && continue
        selected[name] = meta
    end
    return selected
end

is_lazy(meta::Dict) = get(meta, "lazy", false) === true

"""
    extract_all_hashes(artifacts_toml; platform = host, include_lazy = false, pkg_uuid = nothing) -> Vector{SHA1}

The hashes of all artifacts of a file for a platform, whether they can be downloaded or not. Lazy
artifacts are included with `include_lazy` only. Empty if the file is missing.
"""
function extract_all_hashes(
    artifacts_toml::AbstractString;
    platform::AbstractPlatform = host_platform(),
    include_lazy::Bool = false,
    pkg_uuid::Union{Nothing, UUID} = nothing,
)
    bindings = bindings_of(artifacts_toml, pkg_uuid)
    bindings === nothing && return SHA1[]
    selected = select(bindings, artifacts_toml, platform, include_lazy)
    return SHA1[hash_of(meta, name, artifacts_toml, platform) for (name, meta) in selected]
end

"""
    pack_platform!(meta::Dict, platform) -> meta

Writes the tags of a platform into a table, as in a file of bindings.
"""
function pack_platform!(meta::Dict, platform::AbstractPlatform)
    for (tag, value) in Platforms.tags_of(platform)
        meta[tag] = value
    end
    return meta
end

"""
    unpack_platform(entry::Dict, name, artifacts_toml)

The platform that an entry of a file of bindings is for. If the entry has no `os` or no `arch`, logs an
error that mentions `name` and `artifacts_toml`, and returns `nothing`.
"""
function unpack_platform(entry::Dict, name::AbstractString, artifacts_toml::AbstractString)
    Platforms.is_for_one(entry, name, artifacts_toml) || return nothing
    return Platforms.platform_of(entry)
end

# The platform of the running Julia, which is detected once.
function host_platform()
    host = HOST[]
    return host === nothing ? find_host() : host
end

find_host() = HOST[] = Platforms.host()

const HOST = Ref{Union{Nothing, AbstractPlatform}}(nothing)
