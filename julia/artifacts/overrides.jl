# Replacements of artifacts by an administrator or a user: `artifacts/Overrides.toml` of the depots.

# The overrides of the depots, once they have been loaded, and those of directories that replace their
# artifacts. Threads read both without a lock, so a published dictionary never changes: a new one replaces
# it, under the lock.
const ARTIFACT_OVERRIDES = Ref{Union{Nothing, Dict{Symbol, Any}}}(nothing)
const OVERRIDES_OF_DIRECTORIES = Ref(Dict{String, Dict{Symbol, Any}}())
const OVERRIDES_LOCK = ReentrantLock()

# The overrides of a directory (`""`: of the depots) if they have been loaded, else `nothing`.
known_overrides(directory::String) =
    isempty(directory) ? ARTIFACT_OVERRIDES[] : get(OVERRIDES_OF_DIRECTORIES[], directory, nothing)

function publish_overrides(directory::String, overrides::Dict{Symbol, Any})
    if isempty(directory)
        ARTIFACT_OVERRIDES[] = overrides
    else
        OVERRIDES_OF_DIRECTORIES[] = with_entry(OVERRIDES_OF_DIRECTORIES[], directory, overrides)
    end
    return overrides
end

"""
    load_overrides(; force = false) -> Dict{Symbol, Any}

The content of the files `Overrides.toml` in [`artifacts_dirs`](@ref ScratchRS.artifacts_dirs), of which
the first have precedence:

- `:hash`: maps the hash of an artifact to the path or the hash of its replacement;
- `:UUID`: maps the UUID of a package to the same for names of artifacts in its `Artifacts.toml`.

The files are read once in a session, and again with `force`; those of a directory that
[`with_artifacts_directory`](@ref ScratchRS.with_artifacts_directory) sets are kept apart from those
of the depots. An invalid entry is logged as an error and ignored. The result is shared and must not be
modified.

# Format
```toml
78f35e74ff113f02274ce60dab6e92b4546ef806 = "/path/to/replacement"
c76f8cda85f83a06d17de6c57aabf9e294eb2537 = "fb886e813a4aed4147d5979fcdf27457d20aa35d"
[d57dbccd-ca19-4d82-b9b8-9d660942965b]
libfoo = "/path/to/replacement"
```
An empty text cancels the entry of a file with lower precedence.
"""
function load_overrides(; force::Bool = false)::Dict{Symbol, Any}
    directory = stand_in()
    known = known_overrides(directory)
    known !== nothing && !force && return known
    return @outside load_overrides_of(directory, force)
end

function load_overrides_of(directory::String, force::Bool)
    lock(OVERRIDES_LOCK)
    try
        # Another thread may have loaded them meanwhile.
        known = known_overrides(directory)
        known !== nothing && !force && return known
        return publish_overrides(directory, read_overrides(directory))
    finally
        unlock(OVERRIDES_LOCK)
    end
end

function read_overrides(directory::String)
    found = Native.MessagePack.decode(Native.read_overrides(DEPOT_PATH, directory))
    foreach(problem -> (@error problem), found["invalid"])
    by_hash = Dict{SHA1, Union{String, SHA1}}()
    for (hash, target) in found["by_hash"]
        by_hash[hash] = target
    end
    by_name = Dict{UUID, Dict{String, Union{String, SHA1}}}()
    for (package, name, target) in found["by_name"]
        get!(Dict{String, Union{String, SHA1}}, by_name, UUID(package))[name] = target
    end
    return Dict{Symbol, Any}(:UUID => by_name, :hash => by_hash)
end

"""
    query_override(hash::SHA1; overrides = load_overrides()) -> Union{String, Nothing}
    query_override(package::UUID, name; overrides = load_overrides()) -> Union{String, Nothing}

The path of the replacement of an artifact, by its hash or by the name that a package gives it;
`nothing` if it is not overridden.

# Errors
[`FormatError`](@ref ScratchRS.FormatError) if hashes override each other in a circle.
"""
function query_override(hash::SHA1; overrides = load_overrides())
    by_hash = overrides[:hash]
    isempty(by_hash) && return nothing
    return path_of_override(get(by_hash, hash, nothing), by_hash)
end

function query_override(package::UUID, name::AbstractString; overrides = load_overrides())
    names = get(overrides[:UUID], package, nothing)
    names === nothing && return nothing
    return path_of_override(get(names, name, nothing), overrides[:hash])
end

path_of_override(::Nothing, by_hash) = nothing
path_of_override(path::AbstractString, by_hash) = String(path)

function path_of_override(hash::SHA1, by_hash)
    seen = SHA1[]
    while true
        hash in seen && throw(FormatError(
            "Overrides.toml: $(join(seen, " is overridden by ")), which is overridden by $hash again",
            "",
            0,
            "replace one of them by a path, or remove it",
        ))
        push!(seen, hash)
        next = get(by_hash, hash, nothing)
        next === nothing && return artifact_path(hash; honor_overrides = false)
        next isa SHA1 || return String(next)
        hash = next
    end
end

"""
    process_overrides(bindings::Dict, package)

Applies the overrides by name to the `bindings` of a package, given by its UUID; does nothing for
`nothing`. The hashes that the package binds those names to count as overridden from now on, in all tasks
that search artifacts in the same depots or the same directory. The bindings are not modified.
"""
function process_overrides(bindings::Dict, package::UUID)
    overrides = load_overrides()
    names = get(overrides[:UUID], package, nothing)
    names === nothing && return bindings
    by_hash = overrides[:hash]
    found = Pair{SHA1, Union{String, SHA1}}[]
    for (name, replacement) in names
        bound = get(bindings, name, nothing)
        for entry in (bound isa Vector ? bound : [bound])
            hash = entry isa Dict ? parsed_hash(get(entry, HASH_KEY, nothing)) : nothing
            hash === nothing || get(by_hash, hash, nothing) == replacement ||
                push!(found, hash => replacement)
        end
    end
    isempty(found) || add_overrides(stand_in(), found)
    return bindings
end

# Adds overrides of hashes to those in force.
function add_overrides(directory::String, found)
    lock(OVERRIDES_LOCK)
    try
        known = known_overrides(directory)
        known === nothing && (known = read_overrides(directory))
        by_hash = merge(known[:hash], Dict{SHA1, Union{String, SHA1}}(found))
        publish_overrides(directory, Dict{Symbol, Any}(:UUID => known[:UUID], :hash => by_hash))
    finally
        unlock(OVERRIDES_LOCK)
    end
    return
end

process_overrides(::Dict, ::Nothing) = nothing
