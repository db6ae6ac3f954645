# A user adds a package with products, which needs the library of another one. Both were made by `scratchrs jll`.

include("user.jl")

add_registry()
Pkg.add("Squares_jll")

using Squares_jll

@test ccall((:next_square, libsquares), Cint, (Cint,), 3) == 16
@test read(squares(), String) == "144\n"
@test startswith(Squares_jll.libsquares_path, joinpath(DEPOT, "artifacts"))
# The library of the other package is open already, and its directory is in the environment of the program.
@test any(path -> endswith(path, "libnumbers.so"), Libdl.dllist())
@test length(Squares_jll.LIBPATH_list) == 2
@test Squares_jll.is_available()
# Neither package has paths of this machine in its precompiled file.
isdefined(Base, :isrelocatable) && @test Base.isrelocatable(Base.PkgId(Squares_jll))
