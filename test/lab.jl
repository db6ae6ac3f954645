# Where the tests work: depots of their own, projects, and other processes.
module Lab

using Base: UUID
using ScratchRS
using Test
import Pkg

export GLOBAL, OWNER, REPO, USER
export activated, catching_interrupts, child, copied_package, log_text, outcome, prepared, records, start, thrown
export inapplicable, skipped, with_lab, wrapped

# The package under test.
const REPO = dirname(dirname(pathof(ScratchRS)))
# A depot for this run of the tests, with a copy of the library: what the tests compile goes there, and
# no other Julia uses it.
function own_depot()
    depot = realpath(mktempdir())
    # For tests that run as another user.
    chmod(depot, 0o755)
    artifacts = mkpath(joinpath(depot, "artifacts"))
    for (_, hash) in ScratchRS.Native.Binding.BOUND
        installed = [joinpath(depot, "artifacts", hash) for depot in DEPOT_PATH]
        at = findfirst(isdir, installed)
        at === nothing || cp(installed[at], joinpath(artifacts, hash))
    end
    return depot
end

# The depots behind that of each test: the one of this run, and those that come with Julia, with the
# precompiled standard library. None is the user's.
const OUTER = let shared = abspath(Sys.BINDIR, "..")
    [own_depot(); filter(depot -> startswith(depot, shared), map(abspath, DEPOT_PATH))]
end

# Where an artifact of the native library is; `nothing` if it is not installed.
function installed_library(hash)
    path = joinpath(first(OUTER), "artifacts", hash)
    return isdir(path) ? path : nothing
end

# A home in which nothing is, and nothing is to come to be.
const HOME = mkpath(joinpath(first(OUTER), "home"))

# What tests and their children find in the environment in place of what the user has there: a home
# without a depot, and no proxy between them and their own servers.
isolated(home) = [
    "HOME" => home,
    ((name => nothing) for name in ("JULIA_PKG_SERVER_REGISTRY_PREFERENCE", "NETRC", "XDG_CONFIG_HOME"))...,
    ((name => nothing) for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"))...,
    ((name => nothing) for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"))...,
    "JULIA_PKG_SERVER" => "",
    "JULIA_PKG_PRECOMPILE_AUTO" => "0",
]

const GLOBAL = UUID(UInt128(0))
# Packages that are not installed.
const OWNER = UUID("d3a5e2b1-6c1f-4b8e-9f57-0a4d2c9b7e61")
const USER = UUID("4f0c8f3e-2b7a-4c55-8d21-7be1a1f0c9d2")

"""The binding in use."""
binding() = ScratchRS.Native.loaded().is_jlrs ? "jlrs" : "portable"

struct Laboratory
    root::String
    depot::String
end

"""
    with_lab(f; stacked = false)

Calls `f(lab)` with an empty depot as the only one (`stacked`: in front of those of the tests), no
active project, and an empty current directory `lab.root`. Everything is as before afterwards.
"""
function with_lab(f; stacked::Bool = false)
    # The library has to be found before the depot that has it is out of sight.
    ScratchRS.Native.loaded()
    before = outside()
    root = realpath(mktempdir())
    lab = Laboratory(root, prepared(joinpath(root, "depot")))
    depots, loads, directory = copy(DEPOT_PATH), copy(LOAD_PATH), pwd()
    project = Base.ACTIVE_PROJECT[]
    home = isdefined(Base, :HOME_PROJECT) ? Base.HOME_PROJECT[] : nothing
    refill!(DEPOT_PATH, stacked ? [lab.depot; OUTER] : [lab.depot])
    refill!(LOAD_PATH, ["@", "@v#.#", "@stdlib"])
    Base.ACTIVE_PROJECT[] = nothing
    isdefined(Base, :HOME_PROJECT) && (Base.HOME_PROJECT[] = nothing)
    cd(root)
    try
        environment = (name => nothing for name in (
            "JULIA_DEPOT_PATH",
            "JULIA_LOAD_PATH",
            "JULIA_PROJECT",
            "JULIA_PKG_DEVDIR",
            "JULIA_SCRATCH_TRACK_ACCESS",
        ))
        withenv(() -> f(lab), environment..., isolated(HOME)...)
    finally
        refill!(DEPOT_PATH, depots)
        refill!(LOAD_PATH, loads)
        Base.ACTIVE_PROJECT[] = project
        isdefined(Base, :HOME_PROJECT) && (Base.HOME_PROJECT[] = home)
        cd(directory)
        empty!(ScratchRS.scratch_access_timers)
        rm(root; force = true, recursive = true)
    end
    @test outside() == before
    return
end

function refill!(list, values)
    empty!(list)
    append!(list, values)
end

# What the home and the depot of this run have of what ScratchRS makes, which is nothing.
function outside()
    spaces = joinpath(first(OUTER), "scratchspaces")
    log = stat(joinpath(first(OUTER), "logs", "scratch_usage.toml"))
    names = isdir(spaces) ? [owner => readdir(joinpath(spaces, owner)) for owner in readdir(spaces)] : []
    return names, log.size, log.mtime, readdir(HOME)
end

const REGISTRY = """
name = "Stub"
uuid = "0b0d2d0a-3d62-4d3c-9a4a-52a5e1f4a111"
repo = "https://example.invalid/Stub.git"
[packages]
"""

"""
A directory that is a depot: with a registry, since Pkg would download one otherwise.
"""
function prepared(depot::String)
    registry = joinpath(depot, "registries", "Stub")
    mkpath(registry)
    write(joinpath(registry, "Registry.toml"), REGISTRY)
    return depot
end

"""
    activated(f, text) -> value of f

Calls `f(file)` while a project file with this text is active.
"""
function activated(f, text::String)
    before = Base.ACTIVE_PROJECT[]
    file = joinpath(mktempdir(pwd()), "Project.toml")
    write(file, text)
    Base.ACTIVE_PROJECT[] = file
    try
        return f(file)
    finally
        Base.ACTIVE_PROJECT[] = before
    end
end

activated(f, uuid::UUID) = activated(f, "name = \"Active\"\nuuid = \"$uuid\"\n")

"""The log of uses, as text; empty if there is none."""
function log_text(depot::AbstractString = first(DEPOT_PATH))
    file = joinpath(depot, "logs", "scratch_usage.toml")
    return isfile(file) ? read(file, String) : ""
end

"""The records of a space in the log of uses, as Pkg's own parser reads them."""
function records(space::AbstractString, depot::AbstractString = first(DEPOT_PATH))
    file = joinpath(depot, "logs", "scratch_usage.toml")
    isfile(file) || return []
    return get(Pkg.TOML.parsefile(file), space, [])
end

"""The error that `f()` throws, or nothing."""
function thrown(f)
    try
        f()
        return nothing
    catch error
        return error
    end
end

"""Says that something is not tested, and why: the machine lacks what it takes. That is counted."""
function skipped(what, why)
    @info "Skipped: $what" why
    note("skipped", what, why)
end

"""
Says that something is not tested, and why: this version of Julia does not have it, or it is
a peer's and no checkout was given.
"""
function inapplicable(what, why)
    @info "Does not apply: $what" why
    note("inapplicable", what, why)
end

# Tells `cargo xtask test`, which reads the file that `SCRATCHRS_SKIPS` names. The Rust tests write the
# same lines (`rust/testkit/src/skips.rs`).
function note(kind, what, why)
    file = get(ENV, "SCRATCHRS_SKIPS", "")
    isempty(file) && return
    open(io -> write(io, "$kind\tJulia $VERSION: $what\t$why\n"), file, "a")
    return
end

# What became of a child: whether it succeeded, and what it wrote.
struct Outcome
    ok::Bool
    out::String
    err::String
end

# A child that hangs is a failed test, not a suite that never ends. In seconds.
const PATIENCE = 120
# For one that runs the tests of a peer, with sessions of its own.
const PATIENCE_WITH_PEERS = 1200

"""
    child(code; depots, project, load_path, env, threads) -> Cmd

The command that runs `code` in another Julia, by default with the first depot of now and those
of the tests behind it.
"""
function child(
    code::AbstractString;
    depots = [first(DEPOT_PATH); OUTER],
    project::AbstractString = REPO,
    load_path = ["@", "@stdlib"],
    env = [],
    threads::Int = 1,
)
    command = Cmd([
        Base.julia_cmd().exec;
        ["--startup-file=no", "--color=no", "--threads=$threads", "--project=$project"]
        ["-e", code]
    ])
    separator = Sys.iswindows() ? ';' : ':'
    variables = Dict{String, String}(ENV)
    delete!(variables, "JULIA_PROJECT")
    delete!(variables, "JULIA_SCRATCH_TRACK_ACCESS")
    variables["JULIA_DEPOT_PATH"] = join(depots, separator)
    variables["JULIA_LOAD_PATH"] = join(load_path, separator)
    for (name, value) in env
        value === nothing ? delete!(variables, name) : (variables[name] = value)
    end
    return setenv(command, variables; dir = pwd())
end

"""
A copy of the package at `target`, without what was built beside it, and without bindings if these are
not wanted.
"""
function copied_package(target; is_bound::Bool = true)
    mkpath(target)
    for name in ["Project.toml", "Artifacts.toml", "JuliaArtifacts.toml", "src", "julia"]
        endswith(name, "Artifacts.toml") && !is_bound && continue
        ispath(joinpath(REPO, name)) && cp(joinpath(REPO, name), joinpath(target, name))
    end
    return target
end

"""The command, with a list of arguments before it."""
wrapped(command::Cmd, before) =
    setenv(Cmd([before; command.exec]), command.env; dir = command.dir)

"""Code for a child in which an interrupt is an exception."""
catching_interrupts(code) = string(
    VERSION < v"1.6" ? "ccall(:jl_exit_on_sigint, Cvoid, (Cint,), 0)" : "Base.exit_on_sigint(false)",
    "\n",
    code,
)

"""Runs a command to its end, and shows what it wrote if it fails."""
function outcome(command::Cmd; patience = PATIENCE)
    result = quietly(command; patience = patience)
    result.ok || println(stderr, "A child failed:\n", result.out, result.err)
    return result
end

"""Runs a command to its end, which may be a bad one."""
function quietly(command::Cmd; patience = PATIENCE)
    return mktempdir() do directory
        out, err = joinpath(directory, "out"), joinpath(directory, "err")
        process = run(pipeline(ignorestatus(command); stdin = devnull, stdout = out, stderr = err); wait = false)
        watch = Timer(_ -> kill(process, 9), patience)
        wait(process)
        close(watch)
        return Outcome(success(process), read(out, String), read(err, String))
    end
end

outcome(code::AbstractString; options...) = outcome(child(code; options...))

"""
Starts a command and returns the process, which is read from and written to, and a pipe with what
it writes to the standard error.
"""
function start(command::Cmd)
    errors = Pipe()
    process = open(pipeline(command; stderr = errors), "r+")
    close(errors.in)
    Timer(_ -> process_running(process) && kill(process, 9), PATIENCE)
    return process, errors
end

# The package is compiled once for the children of all tests.
outcome(child("using ScratchRS"; depots = OUTER)).ok || error("the package can't be loaded")

end
