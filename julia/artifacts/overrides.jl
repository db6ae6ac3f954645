# Replacements of artifacts by an administrator or a user: `artifacts/Overrides.toml` of the depots.

# The overrides of the depots, once they have been loaded, and those of directories that replace their
# artifacts. Threads read both without a lock, so a published dictionary never changes: a new one replaces
# it, under the lock.
const ARTIFACT_OVERRIDES = Ref{Union{Nothing, Dict{Symbol, Any}}}(nothing)
const OVERRIDES_OF_DIRECTORIES = Ref(Dict{String, Any}())
const OVERRIDES_LOCK = ReentrantLock()
const PUBLICATION_LOCK = Threads.SpinLock()

# The overrides if no depot has any, as most: with them, a path is found without the native library.
const NO_OVERRIDES = Dict{Symbol, Any}(
    :UUID => Dict{UUID, Dict{String, Union{String, SHA1}}}(),
    :hash => Dict{SHA1, Union{String, SHA1}}(),
)

# The overrides of a directory (`""`: of the depots) if they have been loaded, else `nothing`.
function known_overrides(directory::String)
    isempty(directory) && return ARTIFACT_OVERRIDES[]
    return get(OVERRIDES_OF_DIRECTORIES[], directory, nothing)::Union{Nothing, Dict{Symbol, Any}}
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
    isempty(directory) && !force && !has_override_files() &&
        return publish_of_depots(NO_OVERRIDES, false)
    return @outside(Overrides.load_overrides_of(directory, force))::Dict{Symbol, Any}
end

# Whether a depot has a file of overrides, even one that can't be read.
function has_override_files()
    for depot in DEPOT_PATH
        try
            mode_of(joinpath(depot, "artifacts", "Overrides.toml")) == 0 || return true
        catch error
            error isa Base.IOError || rethrow()
            return true
        end
    end
    return false
end

# Publishes the overrides of the depots: in place of others, or if there are none yet. Returns those in force. The
# lock is held for these steps only; compiling those of a `ReentrantLock` would take longer than all the rest.
function publish_of_depots(overrides::Dict{Symbol, Any}, is_replacing::Bool)
    ccall(:jl_sigatomic_begin, Cvoid, ())
    lock(PUBLICATION_LOCK)
    known = ARTIFACT_OVERRIDES[]
    if known === nothing || is_replacing
        known = ARTIFACT_OVERRIDES[] = overrides
    end
    unlock(PUBLICATION_LOCK)
    ccall(:jl_sigatomic_end, Cvoid, ())
    return known
end

# Reading the files, once in a session.
module Overrides

using Base: SHA1, UUID
import ..@seldom_run, ..Native
import ..OVERRIDES_LOCK, ..OVERRIDES_OF_DIRECTORIES, ..known_overrides, ..publish_of_depots
@seldom_run

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

function publish_overrides(directory::String, overrides::Dict{Symbol, Any})
    if isempty(directory)
        publish_of_depots(overrides, true)
    else
        others = copy(OVERRIDES_OF_DIRECTORIES[])
        others[directory] = overrides
        OVERRIDES_OF_DIRECTORIES[] = others
    end
    return overrides
end

function read_overrides(directory::String)
    found = Native.decoded(Native.read_overrides(DEPOT_PATH, directory))
    for problem in found["invalid"]
        @error problem
    end
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

# Whether there is any file of overrides, even one that can't be read.
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

end # module Overrides

"""
    query_override(hash::SHA1; overrides = load_overrides()) -> Union{String, Nothing}
    query_override(package::UUID, name; overrides = load_overrides()) -> Union{String, Nothing}

The path of the replacement of an artifact, by its hash or by the name that a package gives it;
`nothing` if it is not overridden.

# Errors
[`FormatError`](@ref ScratchRS.FormatError) if hashes override each other in a circle.
"""
function query_override(hash::SHA1; overrides = load_overrides())
    overrides === NO_OVERRIDES && return nothing
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
    overrides === NO_OVERRIDES || @outside apply_overrides(bindings, package, overrides)
    return bindings
end

function apply_overrides(bindings::Dict, package::UUID, overrides)
    names = get(overrides[:UUID], package, nothing)
    names === nothing && return
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
    isempty(found) || Overrides.add_overrides(stand_in(), found)
    return
end

process_overrides(::Dict, ::Nothing) = nothing
