# The package is added while the server breaks the connection, has half of each library, other bytes, or none;
# then everything is right.

include("user.jl")

const BROKEN, WANTED, FILES = ARGS
const TARBALLS = readdir(FILES; join = true)
const GOOD = map(read, TARBALLS)

# The package can't be added. The error names the library, and nothing is left but the source of the package.
function check_refused(fault, version = WANTED)
    error = try
        Pkg.add(PackageSpec(name = "ScratchRS", version = version))
        nothing
    catch error
        error
    end
    @test error isa Exception
    text = sprint(showerror, error)
    println("$fault: $text")
    @test occursin("libscratchrs", text)
    @test isempty(entries("artifacts"))
    @test !haskey(Pkg.project().dependencies, "ScratchRS")
end

add_registry()
check_refused("broken connection", BROKEN)
foreach((file, bytes) -> write(file, bytes[1:(end ÷ 2)]), TARBALLS, GOOD)
check_refused("truncated file")
foreach((file, bytes) -> write(file, reverse(bytes)), TARBALLS, GOOD)
check_refused("other bytes")
foreach(rm, TARBALLS)
check_refused("missing file")
foreach(write, TARBALLS, GOOD)
Pkg.add("ScratchRS")

using ScratchRS

@test isdir(get_scratch!("key"))
