# The user updates to a later version, and has what was created with the earlier one.

include("user.jl")

old = libraries()
Pkg.update()
@test length(entries("packages", "ScratchRS")) == 2
@test length(libraries()) == 2 * length(old)

using ScratchRS

@test isfile(joinpath(get_scratch!("squares"), "squares.txt"))
@test isdir(ScratchRS.artifact_path(ScratchRS.artifact_hash("squares", "Artifacts.toml")))
@test version(ScratchRS) == only(ARGS)
@test !(basename(dirname(dirname(library()))) in old)
