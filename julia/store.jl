# The store: files and trees that are made at run time, kept once, by content. The interface is that
# of OhMyArtifacts.jl.

"""
    SHA256(bytes)
    SHA256(hex)

The hash of something in the store: that of git's SHA-256 objects, of a file its blob, of a directory
its tree. `bytes` are 32, `hex` is 64 hexadecimal digits; else `ArgumentError`.
"""
struct SHA256
    bytes::NTuple{32, UInt8}
end

# What needs no speed and is not needed by most who load the package.
module Store

using Base: UUID
import ..@seldom_run, ..Native, ..SHA256, ..Setup, ..Tables
import ..NotFound, ..ScratchRSError
import ..announce, ..bytes_in_words, ..find_uuid, ..outside, ..patiently, ..place, ..source_file, ..track
import ..user_project
@seldom_run

function SHA256(bytes::AbstractVector{UInt8})
    length(bytes) == 32 ||
        throw(ArgumentError("wrong number of bytes for SHA256 hash: $(length(bytes))"))
    return SHA256((bytes...,))
end
SHA256(hex::AbstractString) = SHA256(hex2bytes(String(hex)))

Base.parse(::Type{SHA256}, hex::AbstractString) = SHA256(hex)
function Base.tryparse(::Type{SHA256}, hex::AbstractString)
    try
        return SHA256(hex)
    catch error
        error isa ArgumentError || rethrow()
        return nothing
    end
end

Base.string(hash::SHA256) = bytes2hex(collect(hash.bytes))
Base.print(io::IO, hash::SHA256) = print(io, string(hash))
Base.show(io::IO, hash::SHA256) = print(io, "SHA256(\"", hash, "\")")
Base.isless(a::SHA256, b::SHA256) = isless(a.bytes, b.bytes)

# The store of the first depot.
here() = place(nothing)

# Calls `f`. Where that throws a `kind` of error, OhMyArtifacts throws an `other`.
function as_peer(kind, other, f, args...)
    try
        return f(args...)
    catch error
        error isa kind || rethrow()
        throw(other(hinted(error)))
    end
end

hinted(error::ArgumentError) = error.msg
hinted(error::ScratchRSError) = error.message

const ended_at_exit = Ref(false)

# Before this process makes something: at its end, nothing is to be left of it.
function end_at_exit()
    ended_at_exit[] && return
    ended_at_exit[] = true
    atexit() do
        try
            Native.end_store_session()
        catch
            # Whoever collects next removes what could not be removed now.
        end
    end
    return
end

function my_artifacts_toml!(package::Union{Module, UUID, Nothing}; versioned::Bool = false)
    owner = find_uuid(package)
    depot, directory = here()
    version = versioned ? version_of(package) : nothing
    file, due = patiently(
        Native.open_store, depot, directory, owner, something(version, ""), version !== nothing,
        something(user_project(owner), ""),
    )
    # The store is there for as long as anybody is who binds something in it.
    track(depot, owner, Native.store_root(depot, directory))
    track(depot, owner, outside(dirname, file)::String)
    due == "due" && find_orphanages()
    return file
end

# The version of a package, by its project file; `nothing` if it has none.
function version_of(package)
    project = project_file_of(package)
    project === nothing && return nothing
    texts = Native.read_toml(project)
    version = isempty(texts) ? nothing : get(Tables.table_of(texts), "version", nothing)
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

function create_my_artifact(f::Base.Callable; link::Union{Nothing, Symbol} = nothing)
    depot, directory = here()
    end_at_exit()
    working_dir, ticket = patiently(Native.begin_creation, depot, directory)
    ticket = parse(UInt64, ticket)
    returned = try
        f(working_dir)
    catch
        Native.abandon_creation(ticket)
        rethrow()
    end
    reply = as_peer(ArgumentError, ErrorException, finish, ticket, returned, link)
    return SHA256(reply[1])
end

function finish(ticket::UInt64, returned, link::Union{Nothing, Symbol})
    if !(returned isa Union{Nothing, AbstractString})
        Native.abandon_creation(ticket)
        throw(ArgumentError(
            "the function returned neither a path nor nothing, but $(typeof(returned))",
        ))
    end
    returned === nothing || is_crossing(returned) || Native.abandon_creation(ticket)
    path = returned === nothing ? "" : String(returned)
    if returned !== nothing
        reply = Native.finish_small_creation(ticket, path)
        isempty(reply) || return reply
    end
    mode = link === nothing ? "" : string(link)
    return Native.finish_creation(ticket, path, returned === nothing, mode)
end

# Whether a text can be given to the library, which says otherwise what is wrong with it.
is_crossing(text::AbstractString) = isvalid(text) && !occursin('\0', text)

function bind_my_artifact!(
    artifacts_toml::AbstractString,
    name::AbstractString,
    hash::SHA256;
    force::Bool = false,
    metadata = nothing,
)
    depot, directory = here()
    meta = metadata === nothing ? "" : toml_text(Dict{String, Any}("meta" => metadata))
    bound = as_peer(
        NotFound, AssertionError, patiently, Native.bind_my_artifact,
        depot, directory, abspath(String(artifacts_toml)), String(name), string(hash), meta, force,
    )
    bound == "taken" && error("Mapping for $name within $artifacts_toml already exists!")
    bound == "replaced" &&
        @warn "Mapping for $name within $artifacts_toml is replaced forcely"
    return nothing
end

# Prints a table with Julia's own printer: in a package of its own since 1.6, in Pkg before.
toml_text(table) = sprint(io -> Base.invokelatest(toml_package().print, io, table))

@static if isdefined(Base, :TOML)
    toml_package() =
        Base.require(Base.PkgId(UUID("fa267f1f-6049-4f14-aa54-33bafae1ed76"), "TOML"))
else
    toml_package() =
        Base.require(Base.PkgId(UUID("44cfe95a-1eb2-52ea-b672-e2afdf69b78f"), "Pkg")).TOML
end

unbind_my_artifact!(artifacts_toml::AbstractString, name::AbstractString) =
    unbind_my_artifact!(artifacts_toml, [name])

function unbind_my_artifact!(artifacts_toml::AbstractString, names)
    depot, directory = here()
    file = abspath(String(artifacts_toml))
    patiently(Native.unbind_my_artifact, depot, directory, file, String[name for name in names])
    return nothing
end

function my_artifact_hash(name::AbstractString, artifacts_toml::AbstractString)
    hash = Native.my_artifact_hash(abspath(String(artifacts_toml)), String(name))
    return isempty(hash) ? nothing : SHA256(hash)
end

my_artifact_path(hash::SHA256) = first(Native.my_artifact_path(here()..., string(hash)))
my_artifact_exists(hash::SHA256) = !isempty(last(Native.my_artifact_path(here()..., string(hash))))

function load_my_artifacts_toml(artifacts_toml::AbstractString)
    file = String(artifacts_toml)
    texts = Native.read_toml(abspath(file))
    isempty(texts) && throw(SystemError("opening file $(repr(file))", Libc.ENOENT))
    return Tables.table_of(texts)
end

function download_my_artifact!(
    downloadf::Base.Callable,
    url,
    name::AbstractString,
    artifacts_toml::AbstractString;
    force_bind::Bool = false,
    bind_metadata = nothing,
    downloadf_kwarg...,
)
    hash = create_my_artifact() do working_dir
        file = joinpath(working_dir, "download")
        returned = downloadf(url, file; downloadf_kwarg...)
        # A function that returns something else than a path has put it where it was to.
        returned isa AbstractString ? returned : file
    end
    bind_my_artifact!(artifacts_toml, name, hash; force = force_bind, metadata = bind_metadata)
    return hash
end

download_my_artifact!(url, name::AbstractString, artifacts_toml::AbstractString; kw...) =
    download_my_artifact!(downloader(), url, name, artifacts_toml; kw...)

# Julia's own download function: in a package since 1.6.
function downloader()
    VERSION < v"1.6-" && return Base.download
    downloads =
        Base.require(Base.PkgId(UUID("f43a241f-c20a-4ad4-852c-f6b1247861c6"), "Downloads"))
    return (url, file; kw...) -> Base.invokelatest(downloads.download, url, file; kw...)
end

const WEEK = 7 * 24 * 60 * 60 * 1000

function find_orphanages(; collect_delay = nothing)
    depot, directory = here()
    delay = collect_delay === nothing ? WEEK : milliseconds(collect_delay)
    found = collection(depot, directory, delay, false)
    for (path, reason) in found["failed"]
        @warn "Failed to delete $path" reason
    end
    for (file, reason) in found["unreadable"]
        @warn "`$file` does not read, so what it binds is kept" reason
    end
    count = length(found["removed"])
    count == 0 && return nothing
    @info "$count MyArtifact$(count == 1 ? "" : "s") deleted ($(bytes_in_words(found["bytes"])))"
    return nothing
end

collection(depot, directory, delay, is_dry_run) =
    Tables.table_of(Native.collect_store(depot, directory, UInt64(delay), is_dry_run, false))

# A period of Dates, or a number of milliseconds.
milliseconds(delay::Real) = max(0, round(Int, delay))
milliseconds(delay) = max(0, Base.invokelatest(in_milliseconds, delay))
in_milliseconds(delay) = round(Int, Dates().toms(delay))
Dates() = Base.require(Base.PkgId(UUID("ade2ca70-3891-5945-98fb-dc099432e06a"), "Dates"))

get_scratchspace() = Native.store_root(here()...)
get_artifacts_dir() = joinpath(get_scratchspace(), "artifacts")
usages_toml() = joinpath(get_scratchspace(), "logs", "my_artifact_usage.toml")
orphanages_toml() = joinpath(get_scratchspace(), "logs", "my_artifact_orphanages.toml")

function parse_toml(file::AbstractString)
    path = abspath(String(file))
    texts = path == usages_toml() ? patiently(Native.store_usage, here()...) : Native.read_toml(path)
    isempty(texts) && throw(SystemError("opening file $(repr(path))", Libc.ENOENT))
    return Tables.table_of(texts)
end

# The names in a directory at a depth that `f` says yes to: 0 is the directory itself.
function readdirdepth(f, directory; files_only = false, dirs_only = false)
    files_only && dirs_only && throw(ArgumentError("there is nothing that is neither"))
    found = String[]
    root = rstrip(String(directory), '/')
    for (path, directories, files) in walkdir(root)
        parts = splitpath(relpath(path, root))
        ".git" in parts && continue
        depth = path == root ? 0 : length(parts)
        f(depth) || continue
        dirs_only || append!(found, joinpath.(path, files))
        files_only || append!(found, joinpath.(path, directories))
    end
    return found
end

function store_status(; store::AbstractString = "")
    depot, directory = here()
    table = Tables.table_of(Native.store_status(depot, directory, root_of(store)))
    artifacts = map(table["artifacts"]) do artifact
        (
            hash = SHA256(artifact["hash"]),
            path = artifact["path"],
            is_tree = artifact["kind"] == "tree",
            files = artifact["files"],
            bytes = artifact["bytes"],
            link = Symbol(artifact["link"]),
            bound_by = pairs_of(artifact["bound_by"]),
            orphan_since = get(artifact, "orphan_since", nothing),
        )
    end
    return StoreStatus(
        table["root"], table["files"], table["trees"], table["bytes"], table["saved_bytes"],
        artifacts, pairs_of(table["missing"]), pairs_of(table["unreadable"]),
    )
end

root_of(store::AbstractString) = isempty(store) ? "" : abspath(String(store))
pairs_of(list) = Pair{String, String}[first(pair) => last(pair) for pair in list]

# What is in a store.
struct StoreStatus
    root::String
    files::Int
    trees::Int
    bytes::Int
    saved_bytes::Int
    artifacts::Vector
    missing::Vector{Pair{String, String}}
    unreadable::Vector{Pair{String, String}}
end

function Base.show(io::IO, ::MIME"text/plain", status::StoreStatus)
    counted(count, what) = "$count $what$(count == 1 ? "" : "s")"
    println(io, status.root)
    print(io, "  ", counted(status.files, "file"), ", ", counted(status.trees, "tree"), ": ",
        bytes_in_words(status.bytes), ", ", bytes_in_words(status.saved_bytes), " saved by sharing")
    for artifact in sort(status.artifacts; by = artifact -> -artifact.bytes)
        isempty(artifact.bound_by) && continue
        print(io, "\n  ", string(artifact.hash)[1:8], "  ", artifact.is_tree ? "tree" : "file", "  ",
            lpad(bytes_in_words(artifact.bytes), 10))
        for (file, name) in artifact.bound_by
            print(io, "\n            \"", escape_string(name), "\" in ", file)
        end
    end
    for (file, name) in status.missing
        print(io, "\n  missing: \"", escape_string(name), "\" in ", file)
    end
    for (file, reason) in status.unreadable
        print(io, "\n  unreadable: ", file, ": ", reason)
    end
end

function verify_store(; store::AbstractString = "")
    depot, directory = here()
    table = Tables.table_of(Native.verify_store(depot, directory, root_of(store)))
    damaged = map(table["damaged"]) do damage
        (
            hash = SHA256(damage["hash"]),
            path = damage["path"],
            what = damage["what"],
            bound_by = pairs_of(damage["bound_by"]),
        )
    end
    return (
        files = table["files"], trees = table["trees"], bytes = table["bytes"], damaged = damaged,
    )
end

function adopt_store!(other::Union{Nothing, AbstractString} = nothing)
    depot, directory = here()
    root = other === nothing ? Native.peer_store_root(depot, directory) : root_of(other)
    isdir(root) || throw(ArgumentError("there is no store at $root"))
    table = Tables.table_of(Native.adopt_store(depot, directory, root))
    for (file, name) in table["taken"]
        @warn "\"$name\" within $file is bound to something else here, and stays so"
    end
    for (path, reason) in table["skipped"]
        @warn "$path is not taken over" reason
    end
    return (artifacts = table["artifacts"], names = table["names"])
end

function store_link()
    link = Native.store_link(here()...)
    return isempty(link) ? :auto : Symbol(link)
end

function store_link!(link::Symbol)
    Native.set_store_link(here()..., link === :auto ? "" : string(link))
    return link
end

Base.include(@__MODULE__, "store_macro.jl")

end # module Store

using .Store: adopt_store!, bind_my_artifact!, create_my_artifact, download_my_artifact!,
    find_orphanages, get_artifacts_dir, get_scratchspace, load_my_artifacts_toml, my_artifact_exists,
    my_artifact_hash, my_artifact_path, my_artifacts_toml!, orphanages_toml, parse_toml,
    readdirdepth, store_link, store_link!, store_status, unbind_my_artifact!, usages_toml,
    verify_store

"""
    my_artifacts_toml!(package; versioned = false) -> String

The file of bindings of a package in the store, made unless it is there. `package` is a `Module` of it
or its `UUID`; `nothing` stands for the active project, or else for everybody.

If `versioned`, and the package has a version, the file is that of this version: two versions have
names of their own, and share the contents.

As long as a project that uses the package is there, the store is, and what the file binds: the use is
logged as that of a scratch space. When all projects for which the file was used are gone, it waits and
goes with what only it binds; see [`find_orphanages`](@ref). A use for which there is no project to name,
or with `JULIA_SCRATCH_TRACK_ACCESS=0`, lets it stay until its names are unbound. If the last collection
is over seven days ago, this call collects. See also
[`@my_artifacts_toml!`](@ref), [`find_orphanages`](@ref).
"""
my_artifacts_toml!

"""
    @my_artifacts_toml!() -> String
    @my_artifacts_toml!(versioned = true) -> String

[`my_artifacts_toml!`](@ref) for the package that the calling module belongs to. Call it in
`__init__`: the path is not to be stored in a precompiled file.
"""
macro my_artifacts_toml!(arguments...)
    isempty(arguments) && return :(my_artifacts_toml!($(Base.PkgId(__module__).uuid)))
    argument = first(arguments)
    is_keyword = argument isa Expr && argument.head in (:(=), :kw) && argument.args[1] == :versioned
    is_keyword && length(arguments) == 1 ||
        error("Unknown arguments for @my_artifacts_toml!: it takes `versioned = …` only")
    return :(my_artifacts_toml!($__module__; versioned = $(esc(argument.args[2]))))
end

"""
    create_my_artifact(f; link = nothing) -> SHA256

Stores what `f(directory)` makes: `directory` is empty, and `f` returns the path of a file or a
directory in it, absolute or relative, or `nothing` for all that it put there.

The files are moved, not copied, to where their hashes say; those that are there already are not
stored again. Nobody waits for others who make the same. What is stored can't be written to.

`link` says how the files of a tree share their contents: `:reflink`, `:hardlink`, `:symlink` or
`:copy`. Without it, it is what [`store_link!`](@ref ScratchRS.store_link!) has chosen, or the best that
the file system can do, in that order. If it can't do what is asked for, the files are copies.
Executables keep their bit, and links in the tree stay what they are.

Until it is bound, what was made belongs to this session; see [`bind_my_artifact!`](@ref).

# Errors
`ErrorException` if `f` returns something outside of the directory or that is not there; if there is
something that is neither file, directory nor link; or a link that leads out of the tree, to nothing,
or in a circle. [`ScratchRS.DepotIO`](@ref) if the file system refuses.

# Example
```julia
hash = create_my_artifact() do directory
    write(joinpath(directory, "table.csv"), make_table())
    return "table.csv"
end
```
"""
create_my_artifact

"""
    bind_my_artifact!(artifacts_toml, name, hash; force = false, metadata = nothing)

Lets `name` stand for `hash` in a file of bindings. What a name stands for is not collected.

`metadata`, which is anything that TOML can say, is kept with the name as `meta`.

# Errors
`ErrorException` if the name is bound and not `force`; with `force` it is a warning. `AssertionError`
if there is nothing of that hash in the store.
"""
bind_my_artifact!

"""
    unbind_my_artifact!(artifacts_toml, name)
    unbind_my_artifact!(artifacts_toml, names)

Removes one name or several from a file of bindings; those that are not there do not matter. What
they stood for stays until a collection: see [`find_orphanages`](@ref).
"""
unbind_my_artifact!

"""
    my_artifact_hash(name, artifacts_toml) -> Union{SHA256, Nothing}

What a name stands for in a file of bindings, or `nothing`.
"""
my_artifact_hash

"""
    my_artifact_path(hash::SHA256) -> String

Where what has this hash is in the store, or would be.
"""
my_artifact_path

"""
    my_artifact_exists(hash::SHA256) -> Bool

Whether something of this hash is in the store.
"""
my_artifact_exists

"""
    load_my_artifacts_toml(artifacts_toml) -> Dict{String, Any}

The content of a file of bindings: for each name a table with `sha256`, `isdir`, and `meta` if there
is any.
"""
load_my_artifacts_toml

"""
    download_my_artifact!([downloadf,] url, name, artifacts_toml; force_bind = false, bind_metadata = nothing, kw...) -> SHA256

Downloads a file, stores it and binds `name` to it. It is always downloaded: nobody knows its hash
before.

`downloadf(url, file; kw...)` downloads to `file`, or to the path that it returns; without it, Julia's
`Downloads.download` does.
"""
download_my_artifact!

"""
    find_orphanages(; collect_delay = Day(7))

Removes from the store what no name has stood for since `collect_delay`, a period of Dates or a number
of milliseconds. Who stands for something is found out by each call: what is an orphan for the first
time waits from then on.

What a tree has stays as long as the tree, and what another process has made and not bound yet
stays too.

A name stands for nothing any more when all projects for which its file was used are gone: the package
was removed, say. The file waits as long, and goes together with what only it binds. Files that lie
elsewhere than in the store bind for as long as they are there.
"""
find_orphanages

"""
    store_status(; store = "")

What is in the store, or in the one in the directory `store` (that of OhMyArtifacts.jl, for example):
how many files and trees, how many bytes, how many sharing saves; each thing with its hash, path and
size, how it is linked, who binds it, and since when nobody does.
"""
store_status

"""
    verify_store(; store = "")

Reads everything in the store, and looks through all trees. `damaged` of the result is what is not
what it should be: the file, what is wrong with it, and the names that are concerned.
"""
verify_store

"""
    adopt_store!()
    adopt_store!(directory)

Takes over what is bound in another store: that of OhMyArtifacts.jl in the same depot, or the one in
a directory. All is verified on the way. The other store stays as it is.
"""
adopt_store!

"""
    store_link() -> Symbol
    store_link!(link)

How the files of trees in the store share their contents, unless [`create_my_artifact`](@ref) is told:
`:reflink`, `:hardlink`, `:symlink`, `:copy`; `:auto` is the best that the file system can do.
"""
store_link
"""See [`store_link`](@ref ScratchRS.store_link)."""
store_link!

"""
    @my_artifact :bind name hash [force = …] [metadata = …]
    @my_artifact :hash name
    @my_artifact :unbind name
    @my_artifact :download name url [downloadf [kw = …]]

[`bind_my_artifact!`](@ref), [`my_artifact_hash`](@ref), [`unbind_my_artifact!`](@ref) and
[`download_my_artifact!`](@ref) with the file of bindings that the calling module has in a global
variable `my_artifacts`, which is a `String` or a `Ref` of one, and has to be there when the macro is
expanded.
"""
macro my_artifact(operation, name, arguments...)
    return Store.expand(__module__, operation, name, arguments)
end
