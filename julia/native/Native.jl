# The native library: finding, loading and calling it.
module Native

using Base: UUID
using ..ScratchRS: @outside, existing, native_error
using ..ScratchRS.Progress: shown, terminal
using ..ScratchRS.Setup: Libdl

include("Refusal.jl")
include("Binding.jl")
include("artifact.jl")
include("library.jl")
include("MessagePack.jl")
include("call.jl")
include("operations.jl")

end
