# Two environments in one depot have different versions of the package.

include("user.jl")

add_registry()
for wanted in ARGS
    Pkg.activate(project(wanted))
    Pkg.add(PackageSpec(name = "ScratchRS", version = wanted))
end
@test length(entries("packages", "ScratchRS")) == 2
