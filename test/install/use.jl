# The package is used in an environment in which it is installed.

include("user.jl")

Pkg.activate(project(only(ARGS)))

using ScratchRS

@test isdir(get_scratch!("key"))
@test version(ScratchRS) == only(ARGS)
@test startswith(library(), joinpath(DEPOT, "artifacts"))
