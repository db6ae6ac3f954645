# The tests of Scratch.jl, OhMyArtifacts.jl and JLLWrappers.jl, run against this package: `SCRATCH_JL`,
# `OHMYARTIFACTS_JL` and `JLLWRAPPERS_JL` name checkouts of them. None of their files is kept here.
#
# Their test files are changed only in the name and UUID of the package, and by a stub of a registry in their
# depots: Pkg would download one. They are in the directory `test` of a copy of this package, as they
# expect. Their depots have no library: it is found where it was when the package was loaded, and Pkg
# installs it if a test develops the package into a depot.

# Copies the tests of a peer into a copy of this package, with our names.
function copied_peer(source, target)
    package = copied_package(joinpath(target, "ScratchRS"))
    tests = joinpath(package, "test")
    cp(joinpath(source, "test"), tests)
    ispath(joinpath(source, "docs")) && cp(joinpath(source, "docs"), joinpath(package, "docs"))
    uuid = string(Base.PkgId(ScratchRS).uuid)
    for (directory, _, files) in walkdir(tests), file in files
        path = joinpath(directory, file)
        text = read(path, String)
        # Not inside another name or a URL.
        text = replace(text, r"\b(Scratch|OhMyArtifacts)\b(?!\.jl)" => "ScratchRS")
        text = replace(text, "6c6a2e73-6563-6170-7368-637461726353" => uuid)
        text = replace(text, "push!(DEPOT_PATH, depot_dir)" => "push!(DEPOT_PATH, with_registry(depot_dir))")
        chmod(path, 0o644)
        write(path, text)
    end
    # JET is a dependency of the tests that is not bundled with Julia.
    stub = mkpath(joinpath(target, "stubs", "JET", "src"))
    write(joinpath(stub, "JET.jl"), "module JET\nexport test_package\ntest_package(arguments...) = nothing\nend\n")
    return package
end

const PEER_SCRIPT = """
using Test, ScratchRS
const with_registry = include(ARGS[1])
# Downloads of the tests of OhMyArtifacts.jl are copies from their checkout.
ScratchRS.Store.eval(:(downloader() = (url, file) -> cp(\$(ARGS[2]), file)))
# They require Julia 1.6 or later.
VERSION < v"1.6" && Base.eval(:(bytes2hex(bytes::Tuple{UInt8}) = bytes2hex(collect(bytes))))
results = @testset "a peer" begin
    include(ARGS[3])
end
counts = Test.get_test_counts(results)
passed = counts isa Tuple ? counts[1] + counts[5] : counts.passes + counts.cumulative_passes
println("passed: ", passed)
"""

# Runs the tests of a peer in a separate process. At least this number must pass, and none may fail.
function run_peer_tests(source, lab, least)
    package = copied_peer(source, lab.root)
    registry = joinpath(lab.root, "registry.jl")
    write(registry, "function (depot)\n    registry = mkpath(joinpath(depot, \"registries\", \"Stub\"))\n    write(joinpath(registry, \"Registry.toml\"), $(repr(Lab.REGISTRY)))\n    return depot\nend\n")
    command = child(PEER_SCRIPT; project = package, load_path = ["@", joinpath(lab.root, "stubs"), "@stdlib"])
    arguments = [registry, joinpath(source, "README.md"), joinpath(package, "test", "runtests.jl")]
    result = outcome(setenv(`$command $arguments`, command.env; dir = command.dir); patience = Lab.PATIENCE_WITH_PEERS)
    @test result.ok
    print(result.out)
    passed = match(r"passed: (\d+)", result.out)
    @test passed !== nothing && parse(Int, passed[1]) >= least
end

@testset "the tests of OhMyArtifacts.jl" begin
    source = get(ENV, "OHMYARTIFACTS_JL", "")
    if isempty(source)
        inapplicable("what the tests of OhMyArtifacts.jl expect", "OHMYARTIFACTS_JL names no checkout of it")
    else
        with_lab(lab -> run_peer_tests(source, lab, 99))
    end
end

@testset "the tests of Scratch.jl" begin
    source = get(ENV, "SCRATCH_JL", "")
    if isempty(source)
        inapplicable("what the tests of Scratch.jl expect", "SCRATCH_JL names no checkout of it")
    elseif VERSION >= v"1.11-"
        # Their package reads its version when it is precompiled. For another version, it is precompiled
        # again only if Julia compares the times of files.
        inapplicable("what the tests of Scratch.jl expect", "they can't pass in this version of Julia")
    else
        with_lab(lab -> run_peer_tests(source, lab, VERSION < v"1.6" ? 48 : 66))
    end
end

# Their tests use four packages of BinaryBuilder, which they download unless the directory `test` of the checkout has
# them, in the versions that they name. These are changed only in what they import, and their artifacts are made
# here. What else they depend on is replaced by stubs.
@testset "the tests of JLLWrappers.jl" begin
    source = get(ENV, "JLLWRAPPERS_JL", "")
    packages = joinpath.(source, "test", ["HelloWorldC_jll", "LAMMPS_jll", "libxls_jll", "Vulkan_Headers_jll"])
    if isempty(source)
        inapplicable("what the tests of JLLWrappers.jl expect", "JLLWRAPPERS_JL names no checkout of it")
    elseif !all(isdir, packages)
        skipped("what the tests of JLLWrappers.jl expect", "the checkout has not all of $(join(packages, ", "))")
    elseif VERSION < v"1.10"
        inapplicable("what the tests of JLLWrappers.jl expect", "their packages require a later version of Julia")
    else
        include("peer/jllwrappers.jl")
        with_lab(lab -> JLLWrappersPeer.run_tests(source, lab), stacked = true)
    end
end
