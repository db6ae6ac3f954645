# The depot was moved with everything in it.

include("user.jl")

compiled() = [joinpath(path, file) for (path, _, files) in walkdir(joinpath(DEPOT, "compiled")) for file in files]

before = compiled()
Pkg.activate(project(only(ARGS)))

using ScratchRS

@test startswith(get_scratch!("key"), DEPOT)
@test startswith(library(), joinpath(DEPOT, "artifacts"))
# Since Julia 1.11, it is not compiled again.
if VERSION >= v"1.11"
    @test Base.isrelocatable(Base.PkgId(ScratchRS))
    @test compiled() == before
end
