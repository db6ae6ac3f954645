# The tests of Pkg and of the Artifacts standard library, run against this package, as far as they need no
# network. This file has only the changes to them.
#
# They are those of the running Julia, or, if it has none, those of checkouts of the same version in
# `PKG_JL` and `ARTIFACTS_JL`.

# The directory of the tests of a standard library, or nothing.
function standard_tests(name, variable)
    for root in [get(ENV, variable, ""), joinpath(Sys.STDLIB, name)]
        isempty(root) || !isfile(joinpath(root, "test", "runtests.jl")) || return joinpath(abspath(root), "test")
    end
    return nothing
end

# Cuts the text from a mark up to the next one.
function without(text, from, to)
    first_of = findfirst(from, text)
    first_of === nothing && return text
    last_of = findnext(to, text, last(first_of))
    return string(text[1:prevind(text, first(first_of))], last_of === nothing ? "" : text[first(last_of):end])
end

without_testset(text, name) = without(text, "@testset \"$name\"", r"\n(@testset|end # module)")

# The download in place of those from the network: a tarball, its URL and its hash.
function local_download(lab)
    hash = create_artifact(directory -> write(joinpath(directory, "file"), "content"))
    tarball = joinpath(lab.root, "tarball.tar.gz")
    sha256 = archive_artifact(hash, tarball)
    remove_artifact(hash)
    return "file://$tarball", sha256
end

# Writes a copy of Pkg's tests with our names.
function copied_pkg_tests(source, target, lab)
    cp(source, target)
    foreach(path -> chmod(path, 0o755), [dir for (dir, _, _) in walkdir(target)])
    edit(f, parts...) = (path = joinpath(target, parts...); chmod(path, 0o644); write(path, f(read(path, String))))
    url, sha256 = local_download(lab)
    edit("artifacts.jl") do text
        text = replace(text, "using Test, Random, Pkg.Artifacts" => "using Test, Random, ScratchRS, ScratchRS.Artifacts")
        text = replace(text, r"\bPkg\.Artifacts\b" => "ScratchRS.Artifacts")
        # Packages that are not bundled with Julia.
        text = without(text, "# Order-dependence in the tests", "using ..Utils")
        # Downloads by name, and installations by Pkg.
        for name in ["Artifact Usage", "artifacts for non package project", "installing artifacts when symlinks are copied"]
            text = without_testset(text, name)
        end
        text = without(text, "# Ensure it's installable", r"\n            end\n        end\n    end\n")
        # The exception of a failed download.
        text = replace(text, r"@test_throws ErrorException ensure_artifact_installed\(\"(broken_artifact|does_not_exist)\"" =>
            s"@test_throws ScratchRS.ScratchRSError ensure_artifact_installed(\"\1\"")
        text = replace(text, r"@test_logs \(:error, r\"Hash Mismatch!\"\) match_mode=:any begin" => "begin")
        # Julia 1.5 reports that a wrong artifact was installed, at a missing path.
        VERSION < v"1.6" && (text = without(text, "\n    # Next, test incorrect download errors", "\n    mktempdir() do dir"))
        # The package that it loads uses ours.
        text = replace(text, r"(?<indent>\n *)add_this_pkg\(\)" => s"\g<indent>Pkg.develop(Pkg.PackageSpec(path = REPO))")
        text = replace(text, "append!(DEPOT_PATH, [depot1, depot2, depot3])" => "append!(DEPOT_PATH, [prepare(depot1), depot2, depot3])")
        return replace(text, "using ..Utils" => "using ..Utils\nimport ..prepare, ..REPO")
    end
    for name in ["incorrect_gitsha", "incorrect_sha256"]
        edit("artifacts", "bad", "$name.toml") do text
            text = replace(text, r"url = .*" => "url = \"$url\"")
            return name == "incorrect_gitsha" ? replace(text, r"sha256 = .*" => "sha256 = \"$sha256\"") : text
        end
    end
    # It would resolve a host over the network. Julia 1.5 has no such test.
    unknown = ("artifacts", "bad", "doesnotexist.toml")
    isfile(joinpath(target, unknown...)) && edit(unknown...) do text
        return replace(text, "https://github.com" => "http://127.0.0.1:9")
    end
    uuid = Base.PkgId(ScratchRS).uuid
    edit("test_packages", "ArtifactOverrideLoading", "Project.toml") do text
        return replace(text, r"Pkg = .*" => "ScratchRS = \"$uuid\"")
    end
    edit("test_packages", "ArtifactOverrideLoading", "src", "ArtifactOverrideLoading.jl") do text
        return replace(text, "using Pkg.Artifacts" => "using ScratchRS.Artifacts")
    end
    edit("utils.jl") do text
        text = replace(text, r"push!\(DEPOT_PATH, (depot_dir|target_depot)\)" => s"push!(DEPOT_PATH, prepare(\1))")
        # No registry may be downloaded or found.
        text = replace(text, "const REGISTRY_DIR = joinpath(REGISTRY_DEPOT" => "const REGISTRY_DIR = joinpath(prepare(REGISTRY_DEPOT)")
        text = replace(text, r"const REGISTRY_DIR = .*" => "const REGISTRY_DIR = joinpath(prepare(joinpath(@__DIR__, \"registry\")), \"registries\", \"Stub\")")
        text = replace(text, "generaldir = joinpath(@__DIR__, \"registries\", \"General\")" => "generaldir = REGISTRY_DIR")
        text = replace(text, "joinpath(dirname(@__DIR__), \"Project.toml\")" => "joinpath(Sys.STDLIB, \"Pkg\", \"Project.toml\")")
        return replace(text, "import ..Pkg\n" => "import ..Pkg, ..prepare\n"; count = 1)
    end
    # One block of this file, and the function that it calls.
    edit("new.jl") do text
        start = findfirst(r"\ntree_hash\(root::AbstractString.*\n", text)
        finish = findnext("\n@testset", text, last(findnext("@testset", text, last(start))))
        text = text[first(start):first(finish)]
        return string("module TreeHashTests\nusing ScratchRS, Test\nhashed(path; keywords...) = ScratchRS.tree_hash(path).bytes\n", replace(text, "Pkg.GitTools.tree_hash" => "hashed"), "\nend\n")
    end
end

# Writes a copy of the tests of the standard library Artifacts with our names.
function copied_artifacts_tests(source, target)
    cp(source, target)
    path = joinpath(target, "runtests.jl")
    chmod(target, 0o755)
    chmod(path, 0o644)
    text = read(path, String)
    text = replace(text, "using Artifacts:" => "using ScratchRS:")
    text = replace(text, r"using Artifacts\b" => "using ScratchRS, ScratchRS.Artifacts")
    text = replace(text, "`Artifacts." => "`ScratchRS.")
    text = replace(text, r"\bArtifacts\.(?!toml)" => "ScratchRS.")
    # The artifact is created by hand instead of downloaded.
    text = replace(text, r"\nrun\(addenv\(.*refresh_artifacts.*\n" => "\nfill_directory(artifacts_dir)\n")
    # Lazy artifacts are installed without loading another package.
    text = without(text, "                ex = @test_throws ErrorException artifact\"socrates\"", r"\n            end\n        end\n    end\nend")
    # Tests of Julia's own files and of the documentation of its module do not apply.
    text = without_testset(text, "Docstrings")
    text = without(text, "    @test length(Base.project_names) == n", "\nend")
    write(path, text)
end

const PKG_PEER_SCRIPT = """
using ScratchRS, Test
import Pkg
const REPO = dirname(dirname(pathof(ScratchRS)))
function prepare(depot)
    registry = mkpath(joinpath(depot, "registries", "Stub"))
    write(joinpath(registry, "Registry.toml"), ARGS[1])
    return depot
end
function fill_directory(directory)
    file = joinpath(dirname(ARGS[2]), "Artifacts.toml")
    for (_, bound) in ScratchRS.load_artifacts_toml(file), entry in (bound isa Vector ? bound : [bound])
        tool = joinpath(directory, entry["git-tree-sha1"], "bin", "hello_world")
        get(entry, "lazy", false) || (mkpath(dirname(tool)); touch(tool))
    end
end
VERSION < v"1.6" && Pkg.PlatformEngines.probe_platform_engines!()
results = @testset "of the peers" begin
    foreach(include, ARGS[2:end])
end
counts = Test.get_test_counts(results)
passed = counts isa Tuple ? counts[1] + counts[5] : counts.passes + counts.cumulative_passes
println("passed: ", passed)
"""

# Runs test files in a separate session, and returns the number of passed tests.
function peer_tests(files...)
    # In a depot with a stub of a registry, before those of the tests.
    command = child(PKG_PEER_SCRIPT; env = ["JULIA_PKG_PRECOMPILE_AUTO" => "0"])
    arguments = [Lab.REGISTRY; collect(files)]
    result = outcome(setenv(`$command $arguments`, command.env; dir = command.dir); patience = Lab.PATIENCE_WITH_PEERS)
    @test result.ok
    passed = match(r"passed: (\d+)", result.out)
    return passed === nothing ? 0 : parse(Int, passed[1])
end

@testset "the tests of Pkg" begin
    source = standard_tests("Pkg", "PKG_JL")
    if source === nothing
        inapplicable("what the tests of Pkg expect", "PKG_JL names no checkout of it")
    elseif VERSION >= v"1.11-"
        inapplicable("what the tests of Pkg expect", "theirs changed")
    else
        with_lab() do lab
            tests = joinpath(lab.root, "tests")
            copied_pkg_tests(source, tests, lab)
            passed = peer_tests((joinpath(tests, name) for name in ["utils.jl", "artifacts.jl", "new.jl"])...)
            println("of Pkg $(VERSION.major).$(VERSION.minor): $passed passed")
            @test passed >= (VERSION < v"1.6" ? 1380 : 90)
        end
    end
end

@testset "the tests of the standard library Artifacts" begin
    source = standard_tests("Artifacts", "ARTIFACTS_JL")
    if source === nothing || VERSION < v"1.6"
        inapplicable("what the tests of Artifacts expect", "ARTIFACTS_JL names no checkout of it")
    else
        with_lab() do lab
            tests = joinpath(lab.root, "tests")
            copied_artifacts_tests(source, tests)
            passed = peer_tests(joinpath(tests, "runtests.jl"))
            println("of Artifacts $(VERSION.major).$(VERSION.minor): $passed passed")
            @test passed >= 1300
        end
    end
end
