# A package with another list of operations than its library.

include("user.jl")

const PACKAGE, LIBRARY = ARGS

Pkg.Registry.update()
Pkg.add(PackageSpec(name = "ScratchRS", version = PACKAGE))

using ScratchRS

refusal = try
    get_scratch!("key")
catch error
    error
end
text = sprint(showerror, refusal)
println(text)
@test refusal isa ScratchRS.LibraryNotFound
@test occursin("does not fit the package in $(directory(ScratchRS)): the library is $LIBRARY, the package $PACKAGE\n", text)
@test occursin("\nhint: ", text)
