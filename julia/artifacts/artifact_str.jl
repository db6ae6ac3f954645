# `artifact"name"`.

"""
    artifact"name"
    artifact"name/path/in/it"
    @artifact_str(name, platform = host)

The path of the artifact that `name` is bound to in the `JuliaArtifacts.toml` or `Artifacts.toml` of
the package, or of a path in it; `\\` separates like `/`. At the REPL, in a notebook, and in other
code without a source file, the file of bindings is searched from the current directory upwards: see
[`find_artifacts_toml`](@ref).

A `lazy` artifact is installed at its first use. Pkg installs the others together with the package that
binds them.

The file of bindings is read when the code is compiled, and a precompiled package becomes stale when it
changes. A literal `name` is looked up at that time, too.

# Errors
`ErrorException`, when the code is compiled, if there is no file of bindings, or if it does not bind a
literal `name` for the running Julia; at run time, if the artifact is neither installed nor lazy. For a
lazy artifact, the errors of [`ensure_artifact_installed`](@ref).

# Example
```julia
iris() = readlines(joinpath(artifact"iris", "iris.csv"))
```
"""
macro artifact_str(name, platform = nothing)
    return expand_artifact(name, platform, __module__, __source__)
end

function expand_artifact(name, platform, mod::Module, source::LineNumberNode)
    artifacts_toml = find_artifacts_toml(source_of(source))
    artifacts_toml === nothing && error(
        "Cannot locate '(Julia)Artifacts.toml' file when attempting to use artifact '$name' in '$mod'",
    )
    bindings = load_artifacts_toml(artifacts_toml)
    Setup.depend_on(artifacts_toml)
    package = Base.PkgId(mod).uuid
    if name isa AbstractString && (platform === nothing || platform isa AbstractPlatform)
        platform = something(platform, host_platform())
        artifact, tail, hash = artifact_slash_lookup(name, bindings, artifacts_toml, platform)
        used = Dict{String, Any}(artifact => bindings[artifact])
        return :($(Base.invokelatest)(
            $path_of_bound, $artifacts_toml, $artifact, $tail, $used, $hash, $platform, $package, $mod,
        )::String)
    end
    platform = platform === nothing ? :($host_platform()) : esc(platform)
    return :($(Base.invokelatest)(
        $path_by_name, $artifacts_toml, $(esc(name)), $bindings, $platform, $package, $mod,
    )::String)
end

# The file that uses the macro. Code without a file counts as being in the current directory:
# at the REPL (`REPL[1]`), with `-e` (`none`), in a cell of a notebook (`In[3]`), and in `include_string`,
# whatever its file name.
function source_of(source::LineNumberNode)
    file = string(source.file)
    is_typed = isinteractive() ? startswith(file, "REPL[") : file == "none"
    return is_typed && !isfile(file) ? pwd() : abspath(file)
end

"""
    split_artifact_slash(name) -> (artifact, path)

Splits a text as in `artifact"name/path"` into the name of the artifact and the path in it.
"""
function split_artifact_slash(name::AbstractString)
    parts = String.(split(name, ('/', '\\')))
    return parts[1], length(parts) == 1 ? "" : joinpath(parts[2:end]...)
end

"""
    artifact_slash_lookup(name, bindings::Dict, artifacts_toml, platform = host) -> (artifact, path, hash)

Splits a text as in `artifact"name/path"`, and returns the name of the artifact, the path in it, and
the hash that the name is bound to for the platform.

# Errors
`ErrorException` if the name is not bound for that platform.
"""
function artifact_slash_lookup(
    name::AbstractString,
    bindings::Dict,
    artifacts_toml::AbstractString,
    platform::AbstractPlatform = host_platform(),
)
    artifact, tail = split_artifact_slash(name)
    meta = artifact_meta(artifact, bindings, artifacts_toml; platform = platform)
    meta === nothing && error(
        "Cannot locate artifact '$name' for $(Platforms.triplet(platform)) in '$artifacts_toml'",
    )
    return artifact, tail, hash_of(meta, artifact, artifacts_toml, platform)
end

function path_by_name(artifacts_toml, name, bindings, platform, package, mod)
    artifact, tail, hash = artifact_slash_lookup(name, bindings, artifacts_toml, platform)
    return path_of_bound(artifacts_toml, artifact, tail, bindings, hash, platform, package, mod)
end

# The path in an artifact that a package binds. `bindings` has at least the entry of that artifact.
function path_of_bound(
    artifacts_toml::String,
    artifact::String,
    tail::String,
    bindings::Dict{String, Any},
    hash::SHA1,
    @nospecialize(platform),
    package::Union{Nothing, UUID},
    mod::Module,
)
    process_overrides(bindings, package)
    path = query_override(hash)
    path === nothing && (path = find_installed(string(hash)))
    if path === nothing || !is_directory(path)
        path = @outside path_of_missing(artifacts_toml, artifact, bindings, hash, platform)::String
    end
    return isempty(tail) ? path : joinpath(path, tail)
end

# The path of an artifact that is not installed. Installs it if it is lazy.
function path_of_missing(artifacts_toml, artifact, bindings, hash, platform)
    meta = artifact_meta(artifact, bindings, artifacts_toml; platform = platform)
    if meta !== nothing && is_lazy(meta)
        return ensure_artifact_installed(artifact, meta, artifacts_toml; platform = platform)
    end
    paths = artifact_paths(hash)
    places = length(paths) == 1 ? "path \"$(paths[1])\". " : string("paths:\n  ", join(paths, "\n  "), '\n')
    advice = if query_override(hash) !== nothing
        "Check that your `Overrides.toml` file is correct: see `ScratchRS.load_overrides`."
    else
        "Try `using Pkg; Pkg.instantiate()` if the artifact is part of a package, or call " *
        "`ensure_artifact_installed($(repr(artifact)), $(repr(artifacts_toml)))` if not."
    end
    error("Artifact $(repr(artifact)) was not found by looking in the $places$advice")
end
