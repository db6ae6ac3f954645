# The user can't write to the depot.

include("user.jl")

# Pkg itself would log the use of the environment.
Base.ACTIVE_PROJECT[] = joinpath(project(only(ARGS)), "Project.toml")

using ScratchRS

@test isfile(joinpath(get_scratch!("filled"), "file"))
refusal = try
    get_scratch!("new")
catch error
    error
end
println(sprint(showerror, refusal))
@test refusal isa ScratchRS.DepotIO
# With another depot before it, there are new spaces.
pushfirst!(DEPOT_PATH, mktempdir())
@test startswith(get_scratch!("new"), first(DEPOT_PATH))
