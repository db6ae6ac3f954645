# The tests of the package, one file per capability. They run once for each binding, which
# `SCRATCHRS_BINDING` selects, without network.

using ScratchRS, ScratchRS.Artifacts
using Test, Dates, Logging, Pkg

# One sentence, instead of an error of each file that includes the next.
try
    ScratchRS.Native.loaded()
catch error
    error isa ScratchRS.LibraryNotFound || rethrow()
    println(stderr, sprint(showerror, error))
    exit(1)
end

include("lab.jl")
using .Lab

const FILES = [
    "answers", "scratch", "place", "usage", "collection", "gc", "debug_log", "generate", "native", "jobs", "threads",
    "artifacts", "artifact_content", "install", "products", "store", "program", "docs", "manual", "peer", "pkg_peer",
]
# `julia test/runtests.jl usage native` runs only these, as does `test_args` of `Pkg.test`.
const CHOSEN = isempty(ARGS) ? FILES : ARGS

@testset "ScratchRS ($(Lab.binding()), Julia $VERSION)" begin
    for file in CHOSEN
        @testset "$file" begin
            include("$file.jl")
        end
    end
end
