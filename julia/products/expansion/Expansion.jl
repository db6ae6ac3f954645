# What `@products` and the macros of `JLLWrappers` expand to. Runs when a package is precompiled.
module Expansion

using Base: UUID
import ...ScratchRS
import ...ScratchRS: @seldom_run, Platforms, Setup
import ..Products
@seldom_run

include("product.jl")
include("location.jl")
include("package.jl")
include("dependencies.jl")
include("artifact.jl")
include("declare.jl")
include("init.jl")
include("expand.jl")
include("wrapper.jl")

end
