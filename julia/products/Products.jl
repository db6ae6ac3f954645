# Products: the libraries, executables and files of an artifact that a package gives its users, like the packages
# that JLLWrappers makes.
#
# `session.jl` runs whenever such a package is loaded, and is compiled ahead. The modules are interpreted: what they
# do is done once, or is followed by starting a program.
module Products

import ..@outside, ..Native, ..mode_of

include("session.jl")
include("Executables.jl")
include("expansion/Expansion.jl")
include("Refusal.jl")
include("Development.jl")
include("JLLWrappers.jl")

end
