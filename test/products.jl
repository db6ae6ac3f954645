# Products: what a package gives its users of an artifact.
#
# Most packages of these tests are evaluated in this session; those whose identity or dependencies matter are
# precompiled and loaded by another Julia.

using Base: SHA1

const CC = Sys.which("cc")

if CC === nothing || Sys.iswindows()
    skipped("products", "libraries of these tests are made by `cc`, and executables are scripts")
else
    include("products/packages.jl")
    include("products/names.jl")
    include("products/choice.jl")
    include("products/refusals.jl")
    include("products/sessions.jl")
    include("products/wrappers.jl")
    include("products/develop.jl")
end
