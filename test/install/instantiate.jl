# Another user has a copy of the environment, and an empty depot.

include("user.jl")

@test !ispath(DEPOT)
add_registry()
Pkg.activate(pwd())
Pkg.instantiate()

using ScratchRS

@test isdir(get_scratch!("key"))
@test version(ScratchRS) == only(ARGS)
@test startswith(library(), joinpath(DEPOT, "artifacts"))
