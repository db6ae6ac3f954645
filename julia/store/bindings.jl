# Files of bindings: names for contents of the store.

"""
    my_artifacts_toml!(package; versioned = false) -> String

The path of the file of bindings of a package in the store; the file is created if it is missing.
`package` is a `Module` of it or its `UUID`; `nothing` stands for the active project, or else for the
global namespace.

If `versioned`, and the package has a version, the file is that of this version: two versions have
separate names, and share the contents.

The use is logged as that of a scratch space. While a project that uses the package exists, the store
and everything that the file binds are kept. When all projects for which the file was used are gone, the
file becomes an orphan, and is deleted together with the contents that only it binds; see
[`find_orphanages`](@ref). If there is no project to log, or with `JULIA_SCRATCH_TRACK_ACCESS=0`, the
file stays until its names are unbound. If the last collection is over seven days ago, this call
collects. See also [`@my_artifacts_toml!`](@ref), [`find_orphanages`](@ref).
"""
function my_artifacts_toml!(package::Union{Module, UUID, Nothing}; versioned::Bool = false)
    owner = find_uuid(package)
    depot, directory = own_store()
    version = versioned ? version_of(package) : nothing
    opened = until_free(
        Native.open_store, depot, directory, owner, something(version, ""), version !== nothing,
        something(user_project(owner), ""),
    )
    # Keeps the store while one of the packages that bind contents in it is in use.
    track(depot, owner, Native.store_root(depot, directory))
    track(depot, owner, dirname(opened.path))
    opened.is_collection_due && find_orphanages()
    return opened.path
end

"""
    @my_artifacts_toml!() -> String
    @my_artifacts_toml!(versioned = true) -> String

[`my_artifacts_toml!`](@ref) for the package that the calling module belongs to. Call it in
`__init__`, so that the path is not stored in a precompiled file.
"""
macro my_artifacts_toml!(arguments...)
    isempty(arguments) && return :(my_artifacts_toml!($(Base.PkgId(__module__).uuid)))
    argument = first(arguments)
    is_keyword = argument isa Expr && argument.head in (:(=), :kw) && argument.args[1] == :versioned
    is_keyword && length(arguments) == 1 ||
        error("Unknown arguments for @my_artifacts_toml!: it takes `versioned = …` only")
    return :(my_artifacts_toml!($__module__; versioned = $(esc(argument.args[2]))))
end

# The version of a package, by its project file; `nothing` if it has none.
function version_of(package)
    project = project_file_of(package)
    project === nothing && return nothing
    table = Native.decoded(Native.read_toml(project))
    version = table === nothing ? nothing : get(table, "version", nothing)
    return version isa String ? version : nothing
end

project_file_of(::Nothing) = Base.active_project()
project_file_of(package::Module) =
    Base.PkgId(package).uuid === nothing ? Base.active_project() :
    project_file_of(Base.PkgId(package).uuid)
function project_file_of(package::UUID)
    source = source_file(package)
    return source === nothing ? nothing : Base.current_project(dirname(source))
end

"""
    bind_my_artifact!(artifacts_toml, name, hash; force = false, metadata = nothing)

Binds `name` to `hash` in a file of bindings. Contents that a name is bound to are not collected.

`metadata`, any value that TOML can represent, is kept with the name as `meta`.

# Errors
`ErrorException` if the name is bound and not `force`; with `force` it is a warning. `AssertionError`
if the store has no content of that hash.
"""
function bind_my_artifact!(
    artifacts_toml::AbstractString,
    name::AbstractString,
    hash::SHA256;
    force::Bool = false,
    metadata = nothing,
)
    depot, directory = own_store()
    meta = metadata === nothing ? "" : toml_text(Dict{String, Any}("meta" => metadata))
    bound = as_peer(
        NotFound, AssertionError, until_free, Native.bind_my_artifact,
        depot, directory, abspath(String(artifacts_toml)), String(name), string(hash), meta, force,
    )
    bound === :taken && error("Mapping for $name within $artifacts_toml already exists!")
    bound === :replaced &&
        @warn "Mapping for $name within $artifacts_toml is replaced forcely"
    return nothing
end

# Prints a table with Julia's own printer: in a package of its own since 1.6, in Pkg before.
toml_text(table) = sprint(io -> Base.invokelatest(toml_package().print, io, table))

@static if isdefined(Base, :TOML)
    toml_package() =
        Base.require(Base.PkgId(UUID("fa267f1f-6049-4f14-aa54-33bafae1ed76"), "TOML"))
else
    toml_package() = Setup.pkg().TOML
end

"""
    unbind_my_artifact!(artifacts_toml, name)
    unbind_my_artifact!(artifacts_toml, names)

Removes one name or several from a file of bindings; unbound names are ignored. The contents stay until
a collection: see [`find_orphanages`](@ref).
"""
function unbind_my_artifact!(artifacts_toml::AbstractString, names)
    depot, directory = own_store()
    file = abspath(String(artifacts_toml))
    until_free(Native.unbind_my_artifact, depot, directory, file, String[name for name in names])
    return nothing
end

unbind_my_artifact!(artifacts_toml::AbstractString, name::AbstractString) =
    unbind_my_artifact!(artifacts_toml, [name])

"""
    my_artifact_hash(name, artifacts_toml) -> Union{SHA256, Nothing}

The hash that a name is bound to in a file of bindings, or `nothing`.
"""
function my_artifact_hash(name::AbstractString, artifacts_toml::AbstractString)
    hash = Native.my_artifact_hash(abspath(String(artifacts_toml)), String(name))
    return hash === nothing ? nothing : SHA256(codeunits(hash))
end

"""
    my_artifact_path(hash::SHA256) -> String

The path in the store of the content or tree with this hash, whether it exists or not.
"""
my_artifact_path(hash::SHA256) = Native.my_artifact_path(own_store()..., string(hash)).path

"""
    my_artifact_exists(hash::SHA256) -> Bool

Whether the store has a content or tree with this hash.
"""
my_artifact_exists(hash::SHA256) =
    Native.my_artifact_path(own_store()..., string(hash)).kind !== nothing

"""
    load_my_artifacts_toml(artifacts_toml) -> Dict{String, Any}

The content of a file of bindings: for each name a table with `sha256`, `isdir`, and `meta` if the name
has metadata.
"""
function load_my_artifacts_toml(artifacts_toml::AbstractString)
    file = String(artifacts_toml)
    table = Native.decoded(Native.read_toml(abspath(file)))
    table === nothing && throw(SystemError("opening file $(repr(file))", Libc.ENOENT))
    return table
end
