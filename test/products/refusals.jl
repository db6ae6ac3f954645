# Invalid products, and products that vanish.

with_products(lab, text; options...) = refusal(lab, "using ScratchRS\n@products $text"; options...)

@testset "a product is missing in the artifact" begin
    with_foo() do lab
        text = with_products(lab, "\"Foo\" LibraryProduct(\"libbar\", :libbar)")
        artifact = in_depot(lab.depot, FOO)
        @test occursin("Foo_jll.jl:3: the product `libbar` is missing in the artifact `Foo` in `$artifact`", text)
        @test occursin("has no `lib/libbar.$DLEXT`", text) && occursin("it has `lib/libfoo.$DLEXT`", text)
        @test occursin("Correct the product, or bind an artifact that has it", text)
        text = with_products(lab, "\"Foo\" FileProduct(\"include/foo.h\", :header)")
        @test occursin("has no `include/foo.h`", text)
    end
end

@testset "invalid products" begin
    with_foo() do lab
        says(text, parts...) = (said = with_products(lab, text); @test all(part -> occursin(part, said), parts))
        says(
            "\"Foo\" LibraryProduct(\"libfoo\", :foo) ExecutableProduct(\"foo\", :foo)",
            "Foo_jll.jl:3", "the product `foo` defines `foo`, and so does the product `foo`: choose another name",
        )
        says(
            "\"Foo\" LibraryProduct(\"libfoo\", :foo) FileProduct(\"share/foo.txt\", :foo_path)",
            "the product `foo_path` defines `foo_path`, and so does the product `foo`",
        )
        says("\"Foo\" FileProduct(\"share/foo.txt\", :artifact_dir)", "and so does every package with products")
        for name in ("foo-bar", "1foo", "end", "")
            says(
                "\"Foo\" FileProduct(\"share/foo.txt\", Symbol($(repr(name))))",
                "the product name `$name` is not an identifier: choose one such as",
            )
        end
        says("\"Foo\" Library(\"libfoo\", :foo)", "`Library(\"libfoo\", :foo)` is not a product", "LibraryProduct(")
        says("\"Foo\" LibraryProduct(\"libfoo\")", "other arguments than expected")
        says("\"Foo\" LibraryProduct([], :foo)", "other arguments than expected")
        says("\"Foo\" FileProduct(\"share/foo.txt\", :foo, \"lib\")", "other arguments than expected")
        says("\"Foo\" LibraryProduct(\"libfoo\", :foo; dlopen = false)", "unknown option `dlopen`")
        says("\"Foo\" ExecutableProduct(\"foo\", :foo; dont_dlopen = true)", "unknown option `dont_dlopen`")
        says("3 LibraryProduct(\"libfoo\", :foo)", "the name of the artifact is not a text: 3")
        says(
            "\"Bar\" LibraryProduct(\"libfoo\", :foo)",
            "does not bind the artifact `Bar`; it binds `Foo`", joinpath("Foo_jll", "Artifacts.toml"),
        )
        rm(joinpath(lab.root, "packages", "Foo_jll", "Artifacts.toml"))
        text = refusal(lab, two_lines("foo"); artifacts = "Foo = 3")
        @test occursin("the entry of `Foo` in", text) && occursin("is neither a table nor a list", text)
        text = refusal(lab, two_lines("foo"); artifacts = "")
        @test occursin("does not bind the artifact `Foo`", text)
        says("\"Foo\" LibraryProduct(\"libfoo\", :foo; dont_dlopen)", "other arguments than expected")
        @test occursin("has an `__init__` already", refusal(lab, "__init__() = nothing\n$(two_lines("foo"))"))
    end
end

@testset "no file of bindings" begin
    with_lab() do lab
        push!(LOAD_PATH, REPO)
        write("code.jl", "module Alone\n$(two_lines("foo"))\nend")
        text = sprint(showerror, thrown(() -> Base.include(Module(), joinpath(pwd(), "code.jl"))))
        @test occursin("there is no `Artifacts.toml` that binds the artifact `Foo` in `$(pwd())`", text)
    end
end

@testset "an artifact that is deleted while the package is in use" begin
    with_foo() do lab
        foo_jll = evaluated_package(lab)
        artifact = in_depot(lab.depot, FOO)
        rm(joinpath(artifact, "bin"); recursive = true)
        error = thrown(() -> value(foo_jll, "foo()"))
        @test error isa ScratchRS.NotFound
        @test error.path == joinpath(artifact, "bin", "foo")
        @test occursin("a product of Foo_jll is missing: there is no `$(error.path)`", error.message)
        @test occursin("delete `$artifact`, and run `using Pkg; Pkg.instantiate()`", error.hint)
        rm(artifact; recursive = true)
        for use in ("foo()", "foo(identity)")
            error = thrown(() -> value(foo_jll, use))
            @test error isa ScratchRS.NotFound
            @test occursin("the artifact was deleted: run `using Pkg; Pkg.instantiate()`", error.hint)
        end
        @test occursin("Pkg.instantiate()", sprint(showerror, thrown(() -> value(foo_jll, "find_artifact_dir()"))))
        # A library that is open stays usable.
        @test value(foo_jll, "ccall(Libdl.dlsym(libfoo_handle, :foo_answer), Cint, ())") == 42
    end
end

@testset "a library that can't be opened" begin
    with_foo() do lab
        library = joinpath(lab.root, "packages", "Foo_jll", "override", "lib", "libfoo.$DLEXT")
        mkpath(dirname(library))
        write(library, "not a library")
        text = refusal(lab, two_lines("foo"))
        # The system's reason.
        @test occursin("could not load library \"$library\"", text)
        rm(library)
        text = refusal(lab, two_lines("foo"))
        @test occursin("there is no `$library`", text)
        @test occursin("build it there, or delete `$(dirname(dirname(library)))`", text)
    end
end
