module ScratchRS
Base.include(@__MODULE__, "../julia/ScratchRS.jl")
end
