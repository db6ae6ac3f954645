# Packages as BinaryBuilder writes them, with the macros of `JLLWrappers` from here.

const MAIN_FILE = """
baremodule Foo_jll
using Base
using Base: UUID
import ScratchRS: JLLWrappers

JLLWrappers.@generate_main_file_header("Foo")
JLLWrappers.@generate_main_file("Foo", UUID("$(UUIDS["Foo_jll"])"))
end
"""

wrapper(dependencies...) = """
export libfoo, foo, foo_txt

$(join(("using $it\n" for it in dependencies)))
JLLWrappers.@generate_wrapper_header("Foo")
JLLWrappers.@declare_library_product(libfoo, "libfoo.$DLEXT")
JLLWrappers.@declare_executable_product(foo)
JLLWrappers.@declare_file_product(foo_txt)
function __init__()
    JLLWrappers.@generate_init_header($(join(dependencies, ", ")))
    JLLWrappers.@init_library_product(
        libfoo,
        "lib/libfoo.$DLEXT",
        RTLD_LAZY | RTLD_DEEPBIND,
    )

    JLLWrappers.@init_executable_product(
        foo,
        "bin/foo",
    )

    JLLWrappers.@init_file_product(
        foo_txt,
        "share/foo.txt",
    )

    JLLWrappers.@generate_init_footer()
end  # __init__()
"""

host_triplet() = ScratchRS.Platforms.triplet(ScratchRS.host_platform())
triplet_of_files() = "$(Sys.ARCH)-linux-gnu"

@testset "a package of BinaryBuilder" begin
    with_foo() do lab
        files = [
            "src/wrappers/$(triplet_of_files()).jl" => wrapper(),
            "src/wrappers/aarch64-apple-darwin.jl" => "error(\"another platform\")",
            # A platform that this Julia does not know.
            "src/wrappers/quantum-linux-gnu.jl" => "error(\"another platform\")",
        ]
        foo_jll = evaluated_package(lab, MAIN_FILE; files = files)
        @test value(foo_jll, "best_wrapper") ==
            joinpath(lab.root, "packages", "Foo_jll", "src", "wrappers", "$(triplet_of_files()).jl")
        # The same as from `@products`.
        products = evaluated_package(lab)
        for text in (
            "is_available()", "artifact_dir", "libfoo_path", "libfoo_handle", "foo_path", "foo_txt", "PATH_list",
            "LIBPATH_list", "PATH[]", "LIBPATH[]", "host_platform", "foo().exec", "foo(identity)", "get_libfoo_path()",
        )
            @test value(foo_jll, text) == value(products, text)
        end
        defined(mod) = filter(name -> !startswith(string(name), '#') && !(name in (:eval, :include)), Base.invokelatest(names, mod; all = true))
        @test sort(defined(foo_jll)) == sort(defined(products))
        @test sort(exports(foo_jll)) == sort(exports(products))
    end
end

@testset "a package of BinaryBuilder for every platform, and for none" begin
    with_foo() do lab
        files = ["src/wrappers/any.jl" => wrapper()]
        foo_jll = evaluated_package(lab, MAIN_FILE; artifacts = "[Foo]\ngit-tree-sha1 = \"$FOO\"\n", files = files)
        @test value(foo_jll, "ccall(Libdl.dlsym(libfoo_handle, :foo_answer), Cint, ())") == 42
        artifacts = binding("Foo", FOO; tags = other_tags())
        files = ["src/wrappers/aarch64-apple-darwin.jl" => wrapper()]
        foo_jll = evaluated_package(lab, MAIN_FILE; artifacts = artifacts, files = files)
        @test !value(foo_jll, "is_available()")
        @test value(foo_jll, "best_wrapper") === nothing
    end
end

@testset "packages of BinaryBuilder and of ours depend on each other" begin
    bar = replace(replace(MAIN_FILE, "Foo" => "Bar"), UUIDS["Foo_jll"] => UUIDS["Bar_jll"])
    bar_wrapper = replace(replace(wrapper(), r"foo(?!ter)" => "bar"), "\"Foo\"" => "\"Bar\"")
    with_foo_and_bar(bar; files = ["src/wrappers/$(triplet_of_files()).jl" => bar_wrapper]) do lab
        code = "using Foo_jll; println(ccall(Foo_jll.Libdl.dlsym(Foo_jll.libfoo_handle, :foo_answer), Cint, ())); print(join(Foo_jll.PATH_list, ':'))"
        expected = ["43", join((joinpath(in_depot(lab.depot, hash), "bin") for hash in (OTHER, FOO)), ':')]
        @test lines(lab, code) == expected
        package(lab, "Bar_jll", two_lines("bar"); artifacts = binding("Bar", OTHER))
        package(
            lab, "Foo_jll", MAIN_FILE;
            depends = ["Bar_jll"], files = ["src/wrappers/$(triplet_of_files()).jl" => wrapper("Bar_jll")],
        )
        @test lines(lab, code) == expected
    end
end

@testset "functions of JLLWrappers that others use" begin
    JLLWrappers = ScratchRS.JLLWrappers
    @test JLLWrappers.pathsep == ':'
    @test JLLWrappers.LIBPATH_env == (Sys.isapple() ? "DYLD_FALLBACK_LIBRARY_PATH" : "LD_LIBRARY_PATH")
    @test any(startswith(Sys.BINDIR), JLLWrappers.get_julia_libpaths())
    environment = JLLWrappers.adjust_ENV!(Dict("PATH" => "/bin"), "/a", "/b", true, true)
    @test environment["PATH"] == "/a:/bin"
    @test startswith(environment[JLLWrappers.LIBPATH_env], "/b")
    @test JLLWrappers.withenv_executable_wrapper(exe -> (exe, ENV["PATH"][1:2]), "/x", "/a", "/b", true, true) == ("/x", "/a")
end
