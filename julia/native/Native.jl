# The native library: found, loaded, and called.
module Native

using Base: UUID
using ..ScratchRS: existing, native_error, outside
using ..ScratchRS.Progress: shown
using ..ScratchRS.Setup: Libdl

Base.include(@__MODULE__, "Binding.jl")
Base.include(@__MODULE__, "artifact.jl")
Base.include(@__MODULE__, "library.jl")
Base.include(@__MODULE__, "call.jl")
Base.include(@__MODULE__, "operations.jl")

end
