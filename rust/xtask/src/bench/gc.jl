# Measures a `Pkg.gc` of the first depot, in which nothing is to go. Prints a number of seconds.
# `cargo xtask bench gc` runs it.

using Dates, Pkg

# Compiled before it is measured, on a depot with nothing in it.
mktempdir() do depot
    depots = copy(DEPOT_PATH)
    empty!(DEPOT_PATH)
    push!(DEPOT_PATH, depot)
    for kind in ["packages", "artifacts", "clones", "scratchspaces", "logs"]
        mkpath(joinpath(depot, kind))
    end
    Pkg.gc(; collect_delay = Day(7), io = devnull)
    append!(empty!(DEPOT_PATH), depots)
end

print(@elapsed Pkg.gc(; collect_delay = Day(7), io = devnull))
