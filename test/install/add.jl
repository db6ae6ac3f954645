# A user adds the package to an empty depot, and runs the first example of the README.

include("user.jl")

@test first(DEPOT_PATH) == DEPOT && !ispath(DEPOT)
add_registry()
Pkg.add("ScratchRS")

using ScratchRS

report = include("example.jl")
@test report isa ScratchRS.Report
@test readlines(joinpath(ScratchRS.artifact_path(hash), "squares.txt"))[12] == "144"
@test version(ScratchRS) == only(ARGS)
@test startswith(pathof(ScratchRS), joinpath(DEPOT, "packages"))
@test startswith(library(), joinpath(DEPOT, "artifacts"))
