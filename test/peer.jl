# The tests of Scratch.jl and OhMyArtifacts.jl, run against this package: whoever has checkouts of
# them says where, in `SCRATCH_JL` and `OHMYARTIFACTS_JL`. Nothing of them is kept here; what has to be
# changed in them is.

using Base: UUID

# Copies the tests of Scratch.jl, with our names in them.
function copied_peer_tests(source, target)
    cp(joinpath(source, "test"), target)
    uuid = string(Base.PkgId(ScratchRS).uuid)
    for (directory, _, files) in walkdir(target), file in files
        path = joinpath(directory, file)
        text = read(path, String)
        # `Scratch`, but not `ScratchUsage` or the words of a testset.
        text = replace(text, r"\b(using|import) Scratch\b" => s"\1 ScratchRS")
        text = replace(text, r"\bPkg, Scratch\b" => "Pkg, ScratchRS")
        text = replace(text, r"\bScratch\." => "ScratchRS.")
        text = replace(text, r"Scratch = \"[0-9a-f-]+\"" => "ScratchRS = \"$uuid\"")
        # The root of the package is not above its tests here.
        file == "Project.toml" || (text = replace(text, "dirname(@__DIR__)))" => "$(repr(REPO))))"))
        text = replace(text, "path=dirname(@__DIR__))" => "path=$(repr(REPO)))")
        text = replace(text, "--project=\$(dirname(@__DIR__))" => "--project=$REPO")
        # The depots that it makes: no registry is to be downloaded, and the library is there.
        text = replace(text, "push!(DEPOT_PATH, depot_dir)" => "push!(DEPOT_PATH, prepare(depot_dir))")
        # A Julia that lies beside its libraries, as Debian's when it is unpacked, needs this too.
        text = replace(text, "\"JULIA_DEPOT_PATH\" => first(Base.DEPOT_PATH)," =>
            "\"JULIA_DEPOT_PATH\" => first(Base.DEPOT_PATH), \"LD_LIBRARY_PATH\" => get(ENV, \"LD_LIBRARY_PATH\", \"\"),")
        # JET is no part of Julia.
        file == "runtests.jl" && directory == target && (text = first(split(text, "if Base.VERSION >= v\"1.7\"")))
        write(path, text)
    end
end

const PEER_SCRIPT = """
using Test
include(ARGS[1])
import .Lab
function prepare(depot)
    Lab.prepared(depot)
    # All that are bound: Pkg of Julia 1.5 installs those for other versions of Julia too.
    file = joinpath(Lab.REPO, "JuliaArtifacts.toml")
    isfile(file) || (file = joinpath(Lab.REPO, "Artifacts.toml"))
    hashes = [found[1] for found in eachmatch(r"git-tree-sha1 = .(\\w{40})", read(file, String))]
    for hash in hashes, outer in Lab.OUTER
        from = joinpath(outer, "artifacts", hash)
        to = joinpath(mkpath(joinpath(depot, "artifacts")), hash)
        isdir(from) && !ispath(to) && cp(from, to)
    end
    return depot
end
results = @testset "a peer" begin
    include(ARGS[2])
end
counts = Test.get_test_counts(results)
passed = counts isa Tuple ? counts[1] + counts[5] : counts.passes + counts.cumulative_passes
println("passed: ", passed)
"""

# Runs copied tests in a process of their own; at least so many have to pass, and none may fail.
function run_peer_tests(tests, least)
    command = child(PEER_SCRIPT; env = ["JULIA_PKG_PRECOMPILE_AUTO" => "0"])
    arguments = [joinpath(@__DIR__, "lab.jl"), joinpath(tests, "runtests.jl")]
    result = outcome(setenv(`$command $arguments`, command.env; dir = command.dir))
    @test result.ok
    result.ok || print(result.err)
    print(result.out)
    passed = match(r"passed: (\d+)", result.out)
    @test passed !== nothing && parse(Int, passed[1]) >= least
end

# Copies the tests of OhMyArtifacts.jl, with our names in them.
function copied_store_tests(source, target)
    cp(joinpath(source, "test"), target)
    for file in readdir(target)
        path = joinpath(target, file)
        text = read(path, String)
        text = replace(text, "using OhMyArtifacts, Pkg, Dates" => "using ScratchRS, Pkg, Dates")
        text = replace(text, "using Scratch\n" => "")
        text = replace(text, "OhMyArtifacts." => "ScratchRS.")
        # What it downloads, without a network.
        text = replace(text, r"\"https://[^\"]*README.md\"" => repr("file://" * joinpath(source, "README.md")))
        # Julia 1.5 prints vectors only.
        text = replace(text, r"bytes2hex\(\((\w+)\.bytes\[1\],\)\)" => s"bytes2hex([\1.bytes[1]])")
        text = replace(text, "path=dirname(@__DIR__))" => "path=$(repr(REPO)))")
        text = replace(text, "joinpath(dirname(@__DIR__), \"docs\"" => "joinpath($(repr(source)), \"docs\"")
        text = replace(text, "push!(DEPOT_PATH, depot_dir)" => "push!(DEPOT_PATH, prepare(depot_dir))")
        write(path, text)
    end
end

@testset "the tests of OhMyArtifacts.jl" begin
    source = get(ENV, "OHMYARTIFACTS_JL", "")
    if isempty(source)
        untested("what the tests of OhMyArtifacts.jl expect", "OHMYARTIFACTS_JL names no checkout of it")
    else
        with_lab() do lab
            tests = joinpath(lab.root, "tests")
            copied_store_tests(abspath(source), tests)
            run_peer_tests(tests, 99)
        end
    end
end

@testset "the tests of Scratch.jl" begin
    source = get(ENV, "SCRATCH_JL", "")
    if isempty(source)
        untested("what the tests of Scratch.jl expect", "SCRATCH_JL names no checkout of it")
    elseif VERSION >= v"1.11-"
        # Their package reads its version when it is precompiled, and is precompiled anew for another
        # version only where Julia goes by the times of files.
        untested("what the tests of Scratch.jl expect", "they can't pass in this version of Julia")
    else
        with_lab() do lab
            tests = joinpath(lab.root, "tests")
            copied_peer_tests(abspath(source), tests)
            run_peer_tests(tests, VERSION < v"1.6" ? 48 : 60)
        end
    end
end
