# The user collects what the earlier version left, then removes the package.

include("user.jl")

using Dates: Day

created = setdiff(entries("artifacts"), libraries())
both = libraries()
Pkg.gc(collect_delay = Day(0))
@test length(entries("packages", "ScratchRS")) == 1
@test 2 * length(libraries()) == length(both)
Pkg.rm("ScratchRS")
Pkg.gc(collect_delay = Day(0))
@test isempty(entries("packages", "ScratchRS"))
# The artifact of the user stays.
@test entries("artifacts") == created != []
