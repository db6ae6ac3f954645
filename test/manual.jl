# Runs the examples of README.md and of the manual, and compares their output.
#
# Fences of these kinds are run, file by file, from top to bottom:
#
# - ```julia: evaluated.
# - ```julia-repl: the text after `julia> ` is evaluated; the following lines, if any, are its output,
#   which may be an error.
# - ```console: the text after `$ ` runs in a shell, with `scratchrs` and `julia` in its PATH, and must
#   succeed; the following lines, if any, are its output.
#
# In output, `…` matches any text. A fence that cannot be run is marked ```julia no-run, and the line before
# it has the reason: <!-- no-run: reason -->. Other kinds (```text, ```toml) are not run.
#
# Each file has its own module and home directory, whose path is `/home/ada` in input and output:
# `~/.julia` is the first depot, the default environment is active, and the current directory is
# `~/MyPackage`, with the project file of a package. `runtests.jl` runs this file after `lab.jl`, so no
# depot of the user is used.
module Manual

using ScratchRS
using Test
import ..Lab

const REPO = dirname(@__DIR__)
const SHOWN_HOME = "/home/ada"
const RUN = ("julia", "julia-repl", "console")
const NOT_RUN = ("text", "toml", "json", "rust", "c")

struct Fence
    line::Int
    language::String
    runs::Bool
    # The reason why it is not run.
    reason::String
    text::String
end

# The fences of a file, with the directory `home` in place of `/home/ada`.
function fences(file::String, home::String)
    found = Fence[]
    lines = readlines(file)
    at = 1
    while at <= length(lines)
        opening = match(r"^```+", lines[at])
        if opening === nothing
            at += 1
            continue
        end
        closing = findnext(==(opening.match), lines, at + 1)
        closing === nothing && error("$file:$at: a fence is not closed")
        info = split(lines[at][sizeof(opening.match)+1:end])
        before = findprev(!isempty, lines, at - 1)
        comment = before === nothing ? nothing : match(r"^<!-- no-run: (.+) -->$", lines[before])
        push!(found, Fence(
            at,
            isempty(info) ? "" : info[1],
            !("no-run" in info),
            comment === nothing ? "" : comment.captures[1],
            replace(join(lines[at+1:closing-1], '\n') * '\n', SHOWN_HOME => home),
        ))
        at = closing + 1
    end
    return found
end

# Calls `f(home)` with a home directory as above, then restores the previous state.
function in_home(f)
    home = realpath(mktempdir())
    depot = joinpath(home, ".julia")
    environment = mkpath(joinpath(depot, "environments", "v$(VERSION.major).$(VERSION.minor)"))
    touch(joinpath(environment, "Project.toml"))
    package = mkpath(joinpath(home, "MyPackage"))
    write(
        joinpath(package, "Project.toml"),
        "name = \"MyPackage\"\nuuid = \"5d2c5a2e-3f0b-4c1e-9d55-0c8f6a3b7e21\"\n",
    )
    depots, loads, directory = copy(DEPOT_PATH), copy(LOAD_PATH), pwd()
    project, home_project = Base.ACTIVE_PROJECT[], Base.HOME_PROJECT[]
    # The examples use the first depot. The library was found before; programs that the examples start
    # find it and the compiled files in the second one.
    append!(empty!(DEPOT_PATH), [Lab.prepared(depot)])
    append!(empty!(LOAD_PATH), ["@", "@v#.#", REPO, "@stdlib"])
    Base.ACTIVE_PROJECT[] = Base.HOME_PROJECT[] = nothing
    cd(package)
    try
        withenv(() -> f(home), "JULIA_SCRATCH_TRACK_ACCESS" => nothing, Lab.isolated(home)...)
    finally
        append!(empty!(DEPOT_PATH), depots)
        append!(empty!(LOAD_PATH), loads)
        Base.ACTIVE_PROJECT[], Base.HOME_PROJECT[] = project, home_project
        cd(directory)
        empty!(ScratchRS.scratch_access_timers)
        rm(home; force = true, recursive = true)
    end
end

# The environment of the shell, in which `julia` is this Julia.
function shell_environment(home::String)
    bin = mkpath(joinpath(home, "bin"))
    julia = joinpath(bin, "julia")
    options = join((Base.shell_escape(word) for word in Base.julia_cmd().exec), ' ')
    write(julia, "#!/bin/sh\nexec $options --startup-file=no \"\$@\"\n")
    chmod(julia, 0o755)
    environment = Dict{String, String}(ENV)
    for name in ("JULIA_PROJECT", "NO_COLOR")
        delete!(environment, name)
    end
    environment["JULIA_DEPOT_PATH"] = join([DEPOT_PATH; Lab.OUTER], ':')
    environment["JULIA_LOAD_PATH"] = join(LOAD_PATH, ':')
    program = ScratchRS.scratchrs(dirname)
    environment["PATH"] = join([bin, program, get(ENV, "PATH", "")], ':')
    return environment
end

# The output of `f()` on standard output and standard error.
function captured(f)
    path, io = mktemp()
    out, err = stdout, stderr
    redirect_stdout(io)
    redirect_stderr(io)
    # The logger of Julia 1.5 writes to the standard error at the time of its creation.
    logging = Base.PkgId(Base.UUID("56ddb016-857b-54e1-b83d-db4d58db5568"), "Logging")
    logger = Base.invokelatest(Base.require(logging).ConsoleLogger, io)
    try
        Base.CoreLogging.with_logger(f, logger)
    finally
        redirect_stdout(out)
        redirect_stderr(err)
        close(io)
    end
    return read(path, String)
end

# The difference between the output of a step and the expected one, or nothing.
function fault(input, expected, actual::String, ok::Bool)
    shown = String(rstrip(join(map(rstrip, split(actual, '\n')), '\n')))
    ok || return "`$input` failed:\n$shown"
    isempty(expected) && return nothing
    pattern = join(map(literally, split(rstrip(expected), '…')), "[\\s\\S]*?")
    occursin(Regex("\\A$pattern\\z"), shown) && return nothing
    return "`$input` printed\n$shown\n-- instead of --\n$expected"
end

literally(text) = replace(text, r"[^\w\s]" => s"\\\0")

function run_julia(mod::Module, file::String, fence::Fence)
    # With the empty lines, errors have the line numbers of the file.
    text = '\n'^fence.line * fence.text
    failure = nothing
    output = captured() do
        try
            include_string(mod, text, file)
        catch error
            failure = error
        end
    end
    failure === nothing && return nothing
    return output * sprint(showerror, failure)
end

function run_repl(mod::Module, fence::Fence)
    for (input, expected) in steps(fence.text, "julia> ", is_whole)
        failed = false
        output = captured() do
            try
                value = include_string(mod, input, "REPL")
                if value !== nothing && !endswith(rstrip(input), ';')
                    io = IOContext(stdout, :limit => true, :module => mod)
                    Base.invokelatest(show, io, MIME("text/plain"), value)
                    println()
                end
            catch error
                failed = true
                error = error isa LoadError ? error.error : error
                print("ERROR: ")
                Base.invokelatest(showerror, stdout, error)
                println()
            end
        end
        ok = !failed || occursin("ERROR: ", expected)
        wrong = fault(input, expected, output, ok)
        wrong === nothing || return wrong
    end
    return nothing
end

# Whether a parser needs no more lines.
is_whole(input) =
    !Meta.isexpr(Meta.parse("begin\n$input\nend"; raise = false), (:incomplete, :error))

function run_console(environment, fence::Fence)
    for (command, expected) in steps(fence.text, "\$ ", _ -> true)
        shell = Cmd(["sh", "-c", "exec 2>&1\n$command"])
        process = open(setenv(shell, environment; dir = pwd()), "r")
        output = read(process, String)
        wait(process)
        wrong = fault(command, expected, output, success(process))
        wrong === nothing || return wrong
    end
    return nothing
end

# Pairs of input and output. The input begins after the prompt, and ends with the line for which `is_whole`
# is true.
function steps(text::String, prompt::String, is_whole)
    found = Pair{String, String}[]
    lines = split(chomp(text), '\n')
    startswith(lines[1], prompt) || error("an example begins without `$prompt`")
    at = 1
    while at <= length(lines)
        input = String(lines[at][sizeof(prompt)+1:end])
        at += 1
        while !is_whole(input) && at <= length(lines)
            input *= "\n" * lines[at]
            at += 1
        end
        output = at
        while at <= length(lines) && !startswith(lines[at], prompt)
            at += 1
        end
        push!(found, input => String(rstrip(join(lines[output:at-1], '\n'))))
    end
    return found
end

# The problem of a fence, or nothing.
function run_fence(mod::Module, file::String, fence::Fence, environment)
    language = fence.language
    language in RUN || language in NOT_RUN ||
        return "a fence is `$language`, and only these are known: $(join((RUN..., NOT_RUN...), ", "))"
    language in RUN || return nothing
    if !fence.runs
        return isempty(fence.reason) ? "it is not run, and no comment before it says why" : nothing
    end
    language == "julia" && return run_julia(mod, file, fence)
    language == "julia-repl" && return run_repl(mod, fence)
    return environment === nothing ? nothing : run_console(environment, fence)
end

function run_file(file::String)
    name = relpath(file, REPO)
    mod = Module(Symbol(replace(basename(file), '.' => '_')))
    ran, left_out = String[], String[]
    in_home() do home
        environment = Sys.which("sh") === nothing ? nothing : shell_environment(home)
        for fence in fences(file, home)
            wrong = run_fence(mod, file, fence, environment)
            wrong === nothing || println(stderr, "$name:$(fence.line): $wrong\n")
            @test wrong === nothing
            fence.language in RUN || continue
            here = "$(fence.line) $(fence.language)"
            if !fence.runs
                push!(left_out, "$here ($(fence.reason))")
            elseif fence.language == "console" && environment === nothing
                push!(left_out, "$here (no shell)")
            else
                push!(ran, here)
            end
        end
    end
    println("$name: ", isempty(ran) ? "nothing to run" : "ran " * join(ran, ", "))
    isempty(left_out) || println("$name: left out ", join(left_out, ", "))
end

@testset "the examples of $(relpath(file, REPO))" for file in [
    joinpath(REPO, "README.md")
    filter(endswith(".md"), readdir(joinpath(REPO, "docs"); join = true))
]
    run_file(file)
end

end
