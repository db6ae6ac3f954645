# Where the tests work: depots of their own, projects, and other processes.
module Lab

using Base: UUID
using ScratchRS
using Test
import Pkg

export GLOBAL, OWNER, REPO, USER
export activated, catching_interrupts, child, log_text, outcome, prepared, records, start, thrown
export untested, with_lab, wrapped

# The package under test.
const REPO = dirname(dirname(pathof(ScratchRS)))
# The depots that the tests were started with: they have the native library and what is
# precompiled. Nothing of it may change, but for what Julia compiles.
const OUTER = map(abspath, copy(DEPOT_PATH))

const GLOBAL = UUID(UInt128(0))
# Packages that nobody has.
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
        withenv(() -> f(lab), environment..., "JULIA_PKG_SERVER" => "", "JULIA_PKG_PRECOMPILE_AUTO" => "0")
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

# What the depot of the tests has of what ScratchRS makes.
function outside()
    spaces = joinpath(first(OUTER), "scratchspaces")
    log = stat(joinpath(first(OUTER), "logs", "scratch_usage.toml"))
    names = isdir(spaces) ? [owner => readdir(joinpath(spaces, owner)) for owner in readdir(spaces)] : []
    return names, log.size, log.mtime
end

"""
A directory that is a depot: with a registry, since Pkg would download one otherwise.
"""
function prepared(depot::String)
    registry = joinpath(depot, "registries", "Stub")
    mkpath(registry)
    write(
        joinpath(registry, "Registry.toml"),
        """
        name = "Stub"
        uuid = "0b0d2d0a-3d62-4d3c-9a4a-52a5e1f4a111"
        repo = "https://example.invalid/Stub.git"
        [packages]
        """,
    )
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

"""Says that something is not tested here, and why."""
untested(what, why) = @info "Not tested: $what" why

# What became of a child: whether it succeeded, and what it wrote.
struct Outcome
    ok::Bool
    out::String
    err::String
end

# A child that hangs is a failed test, not a suite that never ends. In seconds.
const PATIENCE = 120

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

"""The command, with a list of arguments before it."""
wrapped(command::Cmd, before) =
    setenv(Cmd([before; command.exec]), command.env; dir = command.dir)

"""Code for a child in which an interrupt is an exception."""
catching_interrupts(code) = string(
    VERSION < v"1.6" ? "ccall(:jl_exit_on_sigint, Cvoid, (Cint,), 0)" : "Base.exit_on_sigint(false)",
    "\n",
    code,
)

"""Runs a command to its end."""
function outcome(command::Cmd)
    return mktempdir() do directory
        out, err = joinpath(directory, "out"), joinpath(directory, "err")
        process = run(pipeline(ignorestatus(command); stdin = devnull, stdout = out, stderr = err); wait = false)
        watch = Timer(_ -> kill(process, 9), PATIENCE)
        wait(process)
        close(watch)
        result = Outcome(success(process), read(out, String), read(err, String))
        result.ok || println(stderr, "A child failed:\n", result.out, result.err)
        return result
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

end
