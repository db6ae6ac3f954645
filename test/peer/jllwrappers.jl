# The tests of JLLWrappers.jl with the macros of this package.
module JLLWrappersPeer

using ScratchRS
using Test
import Pkg
import ..Lab: child, copied_package, outcome

const OURS = "ScratchRS = \"$(Base.PkgId(ScratchRS).uuid)\""

function run_tests(source, lab)
    package = copied_package(joinpath(lab.root, "ScratchRS"))
    tests = joinpath(package, "test")
    cp(joinpath(source, "test"), tests)
    jlls = filter(isdir, readdir(tests; join = true))
    foreach(ours!, jlls)
    foreach(jll -> fill_artifacts(jll, lab.depot), jlls)
    stubs = joinpath(lab.root, "stubs")
    write_stub(stubs, "Preferences", PREFERENCES)
    needed = [write_stub(stubs, name, ""; uuid = uuid) for (name, uuid) in unknown_dependencies(jlls)]
    file = joinpath(tests, "runtests.jl")
    text = read(file, String)
    text = replace(text, "using JLLWrappers" => "using ScratchRS: JLLWrappers")
    # The stubs come with the package that needs them.
    lammps = "PackageSpec(path=joinpath(@__DIR__, \"LAMMPS_jll\"))"
    occursin(lammps, text) || error("the tests of JLLWrappers.jl have changed")
    text = replace(text, "Pkg.develop($lammps)" => "Pkg.develop([map(path -> PackageSpec(path = path), $needed); $lammps])")
    chmod(file, 0o644)
    write(file, text)
    # They read files of packages below the current directory.
    code = "cd($(repr(tests))); include($(repr(file)))"
    result = outcome(child(code; project = package, load_path = ["@", stubs, "@stdlib"]); patience = 600)
    @test result.ok
    print(result.out)
    @test occursin(r"JLLWrappers.jl +\| +32 +32 ", result.out)
    return
end

# Has a package import our macros.
function ours!(jll)
    project = joinpath(jll, "Project.toml")
    text = replace(read(project, String), r"^JLLWrappers = \"[0-9a-f-]{36}\"$"m => OURS)
    write(project, replace(text, r"^JLLWrappers = .*\n"m => ""))
    main = joinpath(jll, "src", basename(jll) * ".jl")
    write(main, replace(read(main, String), "import JLLWrappers" => "import ScratchRS: JLLWrappers"))
    return
end

# Makes the artifacts for this system, with files of the names that the wrappers give.
function fill_artifacts(jll, depot)
    paths = String[]
    for (directory, _, files) in walkdir(joinpath(jll, "src", "wrappers")), file in files
        file == "any.jl" || startswith(file, "$(Sys.ARCH)-linux-gnu") || continue
        for found in eachmatch(r"@init_(\w+)_product\(\s*\w+,\s*\"([^\"]+)\"", read(joinpath(directory, file), String))
            push!(paths, found[2])
        end
    end
    for (_, entries) in Pkg.TOML.parsefile(joinpath(jll, "Artifacts.toml")), entry in vcat(entries)
        get(entry, "os", "linux") == "linux" && get(entry, "arch", string(Sys.ARCH)) == string(Sys.ARCH) || continue
        artifact = joinpath(depot, "artifacts", entry["git-tree-sha1"])
        for path in unique(paths)
            file = joinpath(artifact, path)
            mkpath(dirname(file))
            occursin(".so", file) ? run(pipeline(`cc -shared -x c -o $file -`; stdin = devnull)) : touch(file)
        end
    end
    return
end

# What the packages depend on besides each other, this package and the standard library.
function unknown_dependencies(jlls)
    found = Dict{String, String}()
    for jll in jlls
        merge!(found, Pkg.TOML.parsefile(joinpath(jll, "Project.toml"))["deps"])
    end
    return sort!([name => uuid for (name, uuid) in found if name != "ScratchRS" && !isdir(joinpath(Sys.STDLIB, name))])
end

# Writes a package, and returns its directory.
function write_stub(directory, name, body; uuid = "")
    source = mkpath(joinpath(directory, name, "src"))
    write(joinpath(source, "$name.jl"), "module $name\n$body\nend\n")
    isempty(uuid) || write(
        joinpath(directory, name, "Project.toml"),
        "name = \"$name\"\nuuid = \"$uuid\"\nversion = \"$(name == "MPItrampoline_jll" ? "5.0.1" : "0.1.0")\"\n",
    )
    return joinpath(directory, name)
end

# What the tests use of Preferences.jl.
const PREFERENCES = """
export set_preferences!
set_preferences!(file, package, (name, value)) =
    open(io -> println(io, "[", package, "]\\n", name, " = ", repr(value)), file, "a")
"""

end
