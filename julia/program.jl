# The program `scratchrs`, which comes with the library.

"""
    scratchrs() -> Cmd
    scratchrs(f)

The program `scratchrs`, in the two forms of an executable product of a JLL: as a command to run, or
by calling `f` with the program's path.

It works on the depots of this session, and writes to the first. `scratchrs --help` lists its commands.

# Example
```julia
run(`\$(ScratchRS.scratchrs()) list`)

ScratchRS.scratchrs() do exe
    read(`\$exe list --json`, String)
end
```
"""
function scratchrs()
    first_depot()
    environment = Dict{String, String}(ENV)
    environment["JULIA_DEPOT_PATH"] = depots_text()
    return setenv(Cmd([program_path()]), environment)
end

scratchrs(f) = withenv(() -> f(program_path()), "JULIA_DEPOT_PATH" => depots_text())

# The depots of this session as `JULIA_DEPOT_PATH` lists them. An empty entry would mean the default ones.
depots_text() = join(filter(!isempty, DEPOT_PATH), Sys.iswindows() ? ';' : ':')

function program_path()
    if !isempty(Native.Binding.OWN)
        path = Native.in_working_copy(joinpath("override", PROGRAM_FILE))
        isfile(path) && return executable(path)
    end
    for (binding, hash) in Native.Binding.BOUND
        binding == "portable" || continue
        path = Native.find_in_artifact(hash, PROGRAM_FILE)
        path === nothing || return executable(path)
    end
    throw(NotFound(
        "the program `scratchrs` is not installed",
        "",
        0,
        "run `cargo xtask artifact` in a working copy, or `using Pkg; Pkg.instantiate()` where the package was added",
    ))
end

function executable(path)
    refused = @outside Native.Refusal.of_program(path)
    refused === nothing || throw(NotFound(refused[1], path, 0, refused[2]))
    return path
end

const PROGRAM_FILE = joinpath("bin", Sys.iswindows() ? "scratchrs.exe" : "scratchrs")
