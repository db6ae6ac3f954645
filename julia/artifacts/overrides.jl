# What an administrator or a user puts in the place of artifacts: `artifacts/Overrides.toml` of the
# depots.

# The overrides, once they have been loaded.
const ARTIFACT_OVERRIDES = Ref{Union{Nothing, Dict{Symbol, Any}}}(nothing)

"""
    load_overrides(; force = false) -> Dict{Symbol, Any}

What the files `Overrides.toml` in [`artifacts_dirs`](@ref ScratchRS.artifacts_dirs) say, a file
further in front counting for more:

- `:hash`: for hashes of artifacts, the path or the hash of what stands in for them;
- `:UUID`: for UUIDs of packages, the same for names of artifacts in their `Artifacts.toml`.

The files are read once in a session, and again with `force`. An entry that can't be is logged as an
error, and left out. The result is shared: it is not to be changed.

# Format
```toml
78f35e74ff113f02274ce60dab6e92b4546ef806 = "/path/to/replacement"
c76f8cda85f83a06d17de6c57aabf9e294eb2537 = "fb886e813a4aed4147d5979fcdf27457d20aa35d"
[d57dbccd-ca19-4d82-b9b8-9d660942965b]
libfoo = "/path/to/replacement"
```
An empty text takes back what a file further behind says.
"""
function load_overrides(; force::Bool = false)::Dict{Symbol, Any}
    known = ARTIFACT_OVERRIDES[]
    known !== nothing && !force && return known
    return outside(read_overrides)
end

function read_overrides()
    by_hash = Dict{SHA1, Union{String, SHA1}}()
    by_name = Dict{UUID, Dict{String, Union{String, SHA1}}}()
    reply = Native.read_overrides(DEPOT_PATH, something(of_task(ARTIFACTS_DIRECTORY), ""))
    for (what, key, name, target) in Iterators.partition(reply, 4)
        if what == "fault"
            @error target
            continue
        end
        replacement = what == "hash" || what == "UUID" ? target : SHA1(target)
        if startswith(what, "hash")
            by_hash[SHA1(key)] = replacement
        else
            get!(Dict{String, Union{String, SHA1}}, by_name, UUID(key))[name] = replacement
        end
    end
    return ARTIFACT_OVERRIDES[] = Dict{Symbol, Any}(:UUID => by_name, :hash => by_hash)
end

"""
    query_override(hash::SHA1; overrides = load_overrides()) -> Union{String, Nothing}
    query_override(package::UUID, name; overrides = load_overrides()) -> Union{String, Nothing}

The path of what stands in for an artifact, by its hash or by the name that a package gives it;
`nothing` if it is not overridden.

# Errors
[`FormatError`](@ref ScratchRS.FormatError) if hashes stand in for each other in a circle.
"""
function query_override(hash::SHA1; overrides = load_overrides())
    by_hash = overrides[:hash]
    isempty(by_hash) && return nothing
    return path_of_override(outside(get, by_hash, hash, nothing), by_hash)
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
            "let one of them stand for a path, or take it out",
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

Puts the overrides by name into force that hold for the `bindings` of a package, given by its UUID;
for `nothing`, none do. The hashes that the package gives those names count as overridden from
now on, for everybody. The bindings stay as they are.
"""
function process_overrides(bindings::Dict, package::UUID)
    overrides = load_overrides()
    names = get(overrides[:UUID], package, nothing)
    names === nothing && return bindings
    for (name, replacement) in names
        bound = get(bindings, name, nothing)
        for entry in (bound isa Vector ? bound : [bound])
            hash = entry isa Dict ? parsed_hash(get(entry, HASH_KEY, nothing)) : nothing
            hash === nothing || (overrides[:hash][hash] = replacement)
        end
    end
    return bindings
end

process_overrides(::Dict, ::Nothing) = nothing
