# What a package with products defines.

@testset "two lines give what a JLL gives" begin
    with_foo() do lab
        artifact = in_depot(lab.depot, FOO)
        foo_jll = evaluated_package(lab)
        is(text, expected) = @test value(foo_jll, text) == expected
        is("is_available()", true)
        is("artifact_dir", artifact)
        is("find_artifact_dir()", artifact)
        is("best_wrapper", joinpath(lab.root, "packages", "Foo_jll", "src", "Foo_jll.jl"))
        is("host_platform", nothing)
        path = joinpath(artifact, "lib", "libfoo.$DLEXT")
        for name in ("libfoo", "libfoo_path", "get_libfoo_path()")
            is(name, path)
        end
        is("ccall((:foo_answer, libfoo), Cint, ())", 42)
        is("Libdl.dlsym(libfoo_handle, :foo_answer) != C_NULL", true)
        for name in ("foo_txt", "foo_txt_path", "get_foo_txt_path()")
            is(name, joinpath(artifact, "share", "foo.txt"))
        end
        for name in ("foo_path", "get_foo_path()")
            is(name, joinpath(artifact, "bin", "foo"))
        end
        is("PATH_list", [joinpath(artifact, "bin")])
        is("LIBPATH_list", [joinpath(artifact, "lib")])
        is("PATH[]", joinpath(artifact, "bin"))
        libraries = joinpath(Sys.BINDIR, Base.LIBDIR)
        is("LIBPATH[]", join([joinpath(artifact, "lib"), joinpath(libraries, "julia"), libraries], ':'))
        is("dev_jll isa Function", true)
        @test issubset([:libfoo, :foo, :foo_txt], exports(foo_jll))
        @test !(:artifact_dir in exports(foo_jll))
    end
end

# The parts of the environment that the executable prints.
parts(text) = split(chomp(text), '|')

@testset "an executable has the directories in its environment" begin
    with_foo() do lab
        foo_jll = evaluated_package(lab)
        run_with(options = "") = parts(value(foo_jll, "read(`\$(foo($options)) argument`, String)"))
        # The directories of this session's environment come last.
        withenv("PATH" => "/usr/bin:/bin", "LD_LIBRARY_PATH" => "/mine") do
            path, libraries = value(foo_jll, "PATH[]"), value(foo_jll, "LIBPATH[]")
            @test run_with() == ["$path:/usr/bin:/bin", "$libraries:/mine", "argument"]
            @test run_with("adjust_PATH = false")[1:2] == ["/usr/bin:/bin", "$libraries:/mine"]
            @test run_with("adjust_LIBPATH = false")[1:2] == ["$path:/usr/bin:/bin", "/mine"]
            withenv("LD_LIBRARY_PATH" => nothing) do
                @test run_with()[2] == libraries
            end
            # The form that changes the environment of this process meanwhile.
            inside = value(foo_jll, "foo(exe -> (exe, ENV[\"PATH\"], ENV[\"LD_LIBRARY_PATH\"]))")
            @test inside == (value(foo_jll, "foo_path"), "$path:/usr/bin:/bin", "$libraries:/mine")
            inside = value(foo_jll, "foo(exe -> ENV[\"PATH\"]; adjust_PATH = false, adjust_LIBPATH = false)")
            @test inside == "/usr/bin:/bin"
            @test ENV["PATH"] == "/usr/bin:/bin" && ENV["LD_LIBRARY_PATH"] == "/mine"
            @test thrown(() -> value(foo_jll, "foo(exe -> error(\"inside\"))")) == ErrorException("inside")
            @test ENV["PATH"] == "/usr/bin:/bin"
        end
    end
end

@testset "a library is opened with the flags that are wanted, or not at all" begin
    with_foo() do lab
        foo_jll = evaluated_package(
            lab,
            """
            using ScratchRS, Libdl
            @products("Foo",
                LibraryProduct("libfoo", :closed; dont_dlopen = true),
                LibraryProduct("libfoo", :global_one, dlopen_flags = [:RTLD_NOW, :RTLD_GLOBAL]))
            """,
        )
        @test value(foo_jll, "closed_handle") == C_NULL
        @test isfile(value(foo_jll, "closed_path"))
        @test value(foo_jll, "global_one_handle") != C_NULL
        @test value(foo_jll, "LIBPATH_list") == [joinpath(in_depot(lab.depot, FOO), "lib")]
    end
end

@testset "products of a package that is not a JLL" begin
    with_foo() do lab
        body = "module Binaries\nusing ScratchRS\n@products \"Foo\" LibraryProduct(\"libfoo\", :libfoo)\nend\n" *
            "answer() = ccall((:foo_answer, Binaries.libfoo), Cint, ())\nready = false\n__init__() = global ready = true"
        foo = evaluated_package(lab, body; name = "Foo")
        @test value(foo, "answer()") == 42
        @test value(foo, "ready")
        @test !(:libfoo in exports(value(foo, "Binaries")))
    end
end

@testset "names may be computed, and files have other names" begin
    with_foo() do lab
        artifact = in_depot(lab.depot, FOO)
        mv(joinpath(artifact, "lib", "libfoo.$DLEXT"), joinpath(artifact, "lib", "libfoo.$DLEXT.1.2.3"))
        cp(joinpath(artifact, "lib", "libfoo.$DLEXT.1.2.3"), joinpath(artifact, "lib", "libfoo.$DLEXT.1"))
        mkpath(joinpath(artifact, "libexec"))
        mv(joinpath(artifact, "bin", "foo"), joinpath(artifact, "libexec", "foo"))
        foo_jll = evaluated_package(
            lab,
            """
            using ScratchRS
            const NAMES = ["libunknown", "libfoo"]
            @products("Foo",
                LibraryProduct(NAMES, Symbol("lib", "foo")),
                ExecutableProduct("foo", :foo, "libexec"),
                FileProduct(["share/unknown", "share/foo.txt"], :text))
            """,
        )
        @test value(foo_jll, "libfoo") == joinpath(artifact, "lib", "libfoo.$DLEXT.1")
        @test value(foo_jll, "success(foo())")
        @test value(foo_jll, "read(text, String)") == "text of foo"
    end
end
