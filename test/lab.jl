# The environment of the tests: depots, projects, and other processes.
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
# The depot of this test run, with a copy of the library. It has the compiled files of the tests, and no
# other Julia uses it.
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

# The depots after that of each test: the depot of this run, and those bundled with Julia, with the
# precompiled standard library. The depots of the user are not among them.
const OUTER = let shared = abspath(Sys.BINDIR, "..")
    [own_depot(); filter(depot -> startswith(depot, shared), map(abspath, DEPOT_PATH))]
end

# The path of an artifact of the native library, or `nothing` if it is not installed.
function installed_library(hash)
    path = joinpath(first(OUTER), "artifacts", hash)
    return isdir(path) ? path : nothing
end

# An empty home, which must stay empty.
const HOME = mkpath(joinpath(first(OUTER), "home"))

# Environment variables of tests and their children: a home without a depot, and no proxy.
isolated(home) = [
    "HOME" => home,
    ((name => nothing) for name in ("JULIA_PKG_SERVER_REGISTRY_PREFERENCE", "NETRC", "XDG_CONFIG_HOME"))...,
    ((name => nothing) for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"))...,
    ((name => nothing) for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"))...,
    "JULIA_PKG_SERVER" => "",
    "JULIA_PKG_PRECOMPILE_AUTO" => "0",
]

const GLOBAL = UUID(UInt128(0))
# Missing packages.
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
    # The library must be found before its depot is removed from `DEPOT_PATH`.
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

# Files of ScratchRS in the home and the depot of this run; there must be none.
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

"""The text of the usage log, empty if the log is missing."""
function log_text(depot::AbstractString = first(DEPOT_PATH))
    file = joinpath(depot, "logs", "scratch_usage.toml")
    return isfile(file) ? read(file, String) : ""
end

"""The records of a space in the usage log, read by Pkg's own parser."""
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

"""Records a test as skipped because something is missing on this machine. `cargo xtask test` counts it."""
function skipped(what, why)
    @info "Skipped: $what" why
    note("skipped", what, why)
end

"""
Records that a test does not apply: this version of Julia lacks the feature, or no checkout of the peer was
given.
"""
function inapplicable(what, why)
    @info "Does not apply: $what" why
    note("inapplicable", what, why)
end

# Appends a line to the file in `SCRATCHRS_SKIPS`, which `cargo xtask test` reads. The Rust tests write the
# same format (`rust/testkit/src/skips.rs`).
function note(kind, what, why)
    file = get(ENV, "SCRATCHRS_SKIPS", "")
    isempty(file) && return
    open(io -> write(io, "$kind\tJulia $VERSION: $what\t$why\n"), file, "a")
    return
end

# The result of a child process: whether it succeeded, and its output.
struct Outcome
    ok::Bool
    out::String
    err::String
end

# The time limit of a child in seconds. A child that exceeds it is killed, and the test fails.
const PATIENCE = 120
# The same for a child that runs the tests of a peer.
const PATIENCE_WITH_PEERS = 1200

"""
    child(code; depots, project, load_path, env, threads) -> Cmd

The command that runs `code` in another Julia, by default with the current first depot, followed by
those of the tests.
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
A copy of the package at `target`, without build products, and without bindings unless `is_bound`.
"""
function copied_package(target; is_bound::Bool = true)
    mkpath(target)
    for name in ["Project.toml", "Artifacts.toml", "JuliaArtifacts.toml", "src", "julia"]
        endswith(name, "Artifacts.toml") && !is_bound && continue
        ispath(joinpath(REPO, name)) && cp(joinpath(REPO, name), joinpath(target, name))
    end
    return target
end

"""The command with arguments before it."""
wrapped(command::Cmd, before) =
    setenv(Cmd([before; command.exec]), command.env; dir = command.dir)

"""Code for a child in which an interrupt is an exception."""
catching_interrupts(code) = string(
    VERSION < v"1.6" ? "ccall(:jl_exit_on_sigint, Cvoid, (Cint,), 0)" : "Base.exit_on_sigint(false)",
    "\n",
    code,
)

"""Runs a command to its end. Shows its output if it fails."""
function outcome(command::Cmd; patience = PATIENCE)
    result = quietly(command; patience = patience)
    result.ok || println(stderr, "A child failed:\n", result.out, result.err)
    return result
end

"""Runs a command to its end, which may be a failure."""
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
Starts a command. Returns the process, for reading and writing, and a pipe with its standard error.
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
