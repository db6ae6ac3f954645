# `dev_jll()`.

# A registry that has Foo_jll; Pkg finds its source among the packages in development.
function register(lab)
    registry = joinpath(lab.depot, "registries", "Stub")
    uuid = UUIDS["Foo_jll"]
    write(
        joinpath(registry, "Registry.toml"),
        replace(Lab.REGISTRY, "[packages]\n" => "[packages]\n$uuid = { name = \"Foo_jll\", path = \"Foo_jll\" }\n"),
    )
    entry = mkpath(joinpath(registry, "Foo_jll"))
    write(joinpath(entry, "Package.toml"), "name = \"Foo_jll\"\nuuid = \"$uuid\"\nrepo = \"https://example.invalid/Foo_jll.git\"\n")
    write(joinpath(entry, "Versions.toml"), "[\"1.0.0\"]\ngit-tree-sha1 = \"$FOO\"\n")
    write(joinpath(entry, "Deps.toml"), "")
    write(joinpath(entry, "Compat.toml"), "")
    return
end

@testset "a package in development has the files of its artifact, which can be changed" begin
    with_foo() do lab
        register(lab)
        run(`chmod -R a-w $(joinpath(in_depot(lab.depot, FOO), "share"))`)
        directory = joinpath(lab.depot, "dev", "Foo_jll")
        mkpath(dirname(directory))
        # A package without dependencies: Pkg would look them up in the registry.
        source = package(lab, "Foo_jll", two_lines("foo"))
        write(joinpath(source, "Project.toml"), "name = \"Foo_jll\"\nuuid = \"$(UUIDS["Foo_jll"])\"\nversion = \"1.0.0\"\n")
        cp(source, directory)
        develop() = withenv("JULIA_PKG_DEVDIR" => joinpath(lab.depot, "dev")) do
            @test_logs (:info, r"Foo_jll is developed in") match_mode = :any value(foo_jll, "dev_jll()")
        end
        foo_jll = Base.include(Module(), joinpath(source, "src", "Foo_jll.jl"))
        develop()
        override = joinpath(directory, "override")
        @test sort(readdir(override)) == ["bin", "lib", "share"]
        @test readdir(directory) == ["Artifacts.toml", "Project.toml", "override", "src"]
        write(joinpath(override, "share", "foo.txt"), "changed")
        developed = Base.include(Module(), joinpath(directory, "src", "Foo_jll.jl"))
        @test value(developed, "read(foo_txt, String)") == "changed"
        # Calling it again keeps the changes.
        develop()
        @test read(joinpath(override, "share", "foo.txt"), String) == "changed"
    end
end
