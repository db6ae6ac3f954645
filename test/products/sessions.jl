# Precompiled packages with products.

# Foo_jll depends on Bar_jll, and its library needs that of Bar_jll.
function with_foo_and_bar(f, bar = two_lines("bar"); files = [])
    with_foo() do lab
        filled(in_depot(lab.depot, OTHER), "bar"; value = 1)
        uses = ("bar", joinpath(in_depot(lab.depot, OTHER), "lib"))
        rm(in_depot(lab.depot, FOO); recursive = true)
        filled(in_depot(lab.depot, FOO); uses = uses)
        package(lab, "Bar_jll", bar; artifacts = binding("Bar", OTHER), files = files)
        package(lab, "Foo_jll", two_lines("foo"); depends = ["Bar_jll"])
        f(lab)
    end
end

const ANSWER = "print(ccall((:foo_answer, libfoo), Cint, ()))"

@testset "libraries of dependencies are opened first, and their directories come first" begin
    with_foo_and_bar() do lab
        foo, bar = in_depot(lab.depot, FOO), in_depot(lab.depot, OTHER)
        code = """
        using Foo_jll
        println(ccall((:foo_answer, libfoo), Cint, ()))
        println(join(Foo_jll.PATH_list, ':'))
        println(join(Foo_jll.LIBPATH_list, ':'))
        print(read(foo(), String))
        println(Foo_jll.Bar_jll.bar_txt)
        """
        found = lines(lab, code)
        @test found[1] == "43"
        @test found[2] == "$bar/bin:$foo/bin"
        @test found[3] == "$bar/lib:$foo/lib"
        @test startswith(found[4], "$bar/bin:$foo/bin:")
        @test found[5] == joinpath(bar, "share", "bar.txt")
        # The package is precompiled once.
        compiled() = [
            file => read(joinpath(directory, file))
            for (directory, _, files) in walkdir(joinpath(lab.depot, "compiled")) for file in files
        ]
        before = compiled()
        @test !isempty(before)
        lines(lab, code)
        @test compiled() == before
    end
end

@testset "a package directory that can't be written to" begin
    with_foo_and_bar() do lab
        directory = joinpath(lab.root, "packages")
        run(`chmod -R a-w $directory`)
        @test lines(lab, "using Foo_jll; $ANSWER") == ["43"]
        run(`chmod -R u+w $directory`)
    end
end

@testset "JLLs that depend on each other" begin
    with_foo_and_bar() do lab
        package(lab, "Bar_jll", two_lines("bar"); artifacts = binding("Bar", OTHER), depends = ["Foo_jll"])
        result = Lab.quietly(session(lab, "using Foo_jll"))
        @test !result.ok
        files = ["`$(joinpath(lab.root, "packages", name, "Project.toml"))`" for name in ("Foo_jll", "Bar_jll")]
        @test occursin("JLLs depend on each other in a circle", result.err)
        @test all(file -> occursin(file, result.err), files)
        @test occursin("remove one of them", result.err)
    end
end

VERSION >= v"1.6" && @testset "a preference for the path of a product" begin
    with_foo() do lab
        package(lab, "Foo_jll", two_lines("foo"))
        mine = library(joinpath(lab.root, "mine", "libfoo.$DLEXT"), "foo", 7)
        preferences = joinpath(mkpath(joinpath(lab.root, "project")), "LocalPreferences.toml")
        write(preferences, "[Foo_jll]\nlibfoo_path = \"$mine\"\nfoo_path = \"sh\"\nfoo_txt_path = \"unknown\"\n")
        code = """
        using Foo_jll
        println(ccall((:foo_answer, libfoo), Cint, ()))
        println(libfoo, ' ', Foo_jll.libfoo_path, ' ', Foo_jll.get_foo_txt_path(), ' ', foo_txt)
        println(join(Foo_jll.LIBPATH_list), ' ', join(Foo_jll.PATH_list))
        println(read(`\$(foo()) -c 'echo in the shell'`, String))
        """
        @test lines(lab, code)[1:4] == ["7", "$mine $mine unknown unknown", "$(dirname(mine)) ", "in the shell"]
        # The package is precompiled again when preferences change.
        rm(preferences)
        @test lines(lab, "using Foo_jll; $ANSWER") == ["42"]
        write(preferences, "[Foo_jll]\nlibfoo_path = \"/unknown/libfoo\"\n")
        result = Lab.quietly(session(lab, "using Foo_jll"))
        @test !result.ok
        @test occursin("there is no `/unknown/libfoo`", result.err)
        @test occursin("correct or remove its preference in `LocalPreferences.toml`", result.err)
    end
end

@testset "an `Overrides.toml` replaces the artifact of a package" begin
    with_foo() do lab
        package(lab, "Foo_jll", two_lines("foo"))
        mine = filled(joinpath(lab.root, "mine"); value = 7)
        file = joinpath(lab.depot, "artifacts", "Overrides.toml")
        write(file, "[$(UUIDS["Foo_jll"])]\nFoo = \"$mine\"\n")
        code = "using Foo_jll; println(Foo_jll.artifact_dir); println(libfoo)"
        @test lines(lab, code) == [mine, joinpath(mine, "lib", "libfoo.$DLEXT")]
        # It is not stored in the precompiled file. Products that it lacks are an error at their use.
        rm(joinpath(mine, "bin"); recursive = true)
        @test lines(lab, code)[1] == mine
        rm(file)
        @test lines(lab, code)[1] == in_depot(lab.depot, FOO)
        # Nor is what it names checked when the package is precompiled.
        write(file, "$FOO = \"$mine\"\n")
        package(lab, "Foo_jll", two_lines("foo") * "\n# changed")
        @test lines(lab, "$code; print(try foo() catch error; nameof(typeof(error)) end)") ==
            [mine, joinpath(mine, "lib", "libfoo.$DLEXT"), "NativeError"]
    end
end

@testset "`override` appears, and is deleted" begin
    with_foo() do lab
        directory = package(lab, "Foo_jll", two_lines("foo"))
        code = "using Foo_jll; $ANSWER"
        VERSION >= v"1.6" || (code = "using Foo_jll; print(ccall(Foo_jll.Libdl.dlsym(Foo_jll.libfoo_handle, :foo_answer), Cint, ()))")
        @test lines(lab, code) == ["42"]
        # Julia up to 1.10 compares the times of files, of which some file systems store seconds.
        sleep(1)
        filled(joinpath(directory, "override"); value = 7)
        @test lines(lab, code) == ["7"]
        sleep(1)
        rm(joinpath(directory, "override"); recursive = true)
        @test lines(lab, code) == ["42"]
    end
end
