# The program `scratchrs`, which comes with the library.

"""
    scratchrs() -> Cmd
    scratchrs(f)

The program `scratchrs`, as a product of a JLL is used: a command to run, or a function that is
called with the program's path.

It works on the first depot of this session. Its commands are those of `scratchrs --help`.

# Example
```julia
run(`\$(ScratchRS.scratchrs()) list`)

ScratchRS.scratchrs() do exe
    read(`\$exe list --json`, String)
end
```
"""
scratchrs() = Cmd([program_path(), "--depot", first_depot()])

function scratchrs(f)
    depots = join(DEPOT_PATH, Sys.iswindows() ? ';' : ':')
    return withenv(() -> f(program_path()), "JULIA_DEPOT_PATH" => depots)
end

function program_path()
    for (binding, hash) in Native.Binding.BOUND
        binding == "portable" || continue
        path = Native.find_in_artifact(hash, PROGRAM_FILE)
        path === nothing || return path
    end
    throw(NotFound(
        "the program `scratchrs` is not installed",
        "",
        0,
        "run `cargo xtask artifact` in a working copy, or `using Pkg; Pkg.instantiate()` where the package was added",
    ))
end

const PROGRAM_FILE = joinpath("bin", Sys.iswindows() ? "scratchrs.exe" : "scratchrs")
