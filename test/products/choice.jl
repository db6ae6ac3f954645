# Which directory has the products.

@testset "no artifact for this platform" begin
    with_foo() do lab
        foo_jll = evaluated_package(lab; artifacts = binding("Foo", FOO; tags = other_tags()))
        @test !value(foo_jll, "is_available()")
        @test value(foo_jll, "best_wrapper") === nothing
        @test value(foo_jll, "(PATH_list, LIBPATH_list, PATH[], LIBPATH[])") == ([], [], "", "")
        @test !has(foo_jll, :libfoo) && !has(foo_jll, :foo)
        file = joinpath(lab.root, "packages", "Foo_jll", "Artifacts.toml")
        # Julia 1.5 shows no hints at names that are not defined.
        uses = ["find_artifact_dir()"]
        VERSION < v"1.6" || append!(uses, ["foo()", "libfoo", "get_foo_txt_path()"])
        for use in uses
            text = sprint(showerror, thrown(() -> value(foo_jll, use)))
            @test occursin("Foo_jll has no artifact for $(ScratchRS.Platforms.triplet(ScratchRS.host_platform()))", text)
            @test occursin("`$file` binds `Foo` for `aarch64-apple-darwin", text)
            @test occursin("put its files into `$(joinpath(lab.root, "packages", "Foo_jll", "override"))`", text)
        end
        # Names that are not its products are not explained.
        @test !occursin("Foo_jll has no artifact", sprint(showerror, thrown(() -> Core.eval(Module(), :unknown))))
    end
end

@testset "an artifact for every platform" begin
    with_foo() do lab
        foo_jll = evaluated_package(lab; artifacts = "[Foo]\ngit-tree-sha1 = \"$FOO\"\n")
        @test value(foo_jll, "artifact_dir") == in_depot(lab.depot, FOO)
    end
end

@testset "`override` in the package replaces the artifact" begin
    with_foo() do lab
        directory = joinpath(lab.root, "packages", "Foo_jll", "override")
        filled(directory; value = 7)
        for artifacts in (binding("Foo", FOO), binding("Foo", FOO; tags = other_tags()))
            foo_jll = evaluated_package(lab; artifacts = artifacts)
            @test value(foo_jll, "artifact_dir") == value(foo_jll, "find_artifact_dir()") == directory
            @test value(foo_jll, "is_available()")
            @test value(foo_jll, "ccall((:foo_answer, libfoo), Cint, ())") == 7
        end
    end
end

@testset "a lazy artifact is installed when the package is loaded" begin
    with_foo() do lab
        hash = create_artifact(directory -> filled(directory))
        archive = joinpath(lab.root, "foo.tar.gz")
        sha256 = archive_artifact(hash, archive)
        remove_artifact(hash)
        download = "lazy = true\n[[Foo.download]]\nurl = \"file://$archive\"\nsha256 = \"$sha256\""
        foo_jll = evaluated_package(lab; artifacts = binding("Foo", hash; more = download))
        @test value(foo_jll, "artifact_dir") == artifact_path(hash)
        VERSION >= v"1.6" && @test value(foo_jll, "ccall((:foo_answer, libfoo), Cint, ())") == 42
        @test value(foo_jll, "success(foo())")
    end
end

@testset "a lazy artifact whose library has a version in its name" begin
    with_foo() do lab
        hash = create_artifact(directory -> library(joinpath(directory, "lib", "libfoo.$DLEXT.3"), "foo", 3))
        archive = joinpath(lab.root, "foo.tar.gz")
        sha256 = archive_artifact(hash, archive)
        remove_artifact(hash)
        download = "lazy = true\n[[Foo.download]]\nurl = \"file://$archive\"\nsha256 = \"$sha256\""
        foo_jll = evaluated_package(
            lab, "using ScratchRS\n@products \"Foo\" LibraryProduct(\"libfoo\", :libfoo)";
            artifacts = binding("Foo", hash; more = download),
        )
        @test value(foo_jll, "libfoo_path") == joinpath(artifact_path(hash), "lib", "libfoo.$DLEXT.3")
    end
end

# Older Julia has a closed list of tags.
VERSION >= v"1.6" && @testset "the package adds tags to the platform" begin
    with_foo() do lab
        filled(in_depot(lab.depot, OTHER); value = 7)
        artifacts = binding("Foo", FOO; tags = merge(host_tags(), Dict("flavour" => "sweet"))) *
            binding("Foo", OTHER; tags = merge(host_tags(), Dict("flavour" => "sour")))
        augmentation = """
        using Base.BinaryPlatforms
        augment_platform!(platform::Platform) = (platform["flavour"] = "sour"; platform)
        """
        for body in (two_lines("foo"), "$augmentation\n$(two_lines("foo"))")
            files = body == two_lines("foo") ? [".pkg/platform_augmentation.jl" => augmentation] : []
            foo_jll = evaluated_package(lab, body; artifacts = artifacts, files = files)
            @test value(foo_jll, "artifact_dir") == in_depot(lab.depot, OTHER)
            @test value(foo_jll, "host_platform[\"flavour\"]") == "sour"
            @test value(foo_jll, "ccall((:foo_answer, libfoo), Cint, ())") == 7
            rm(joinpath(lab.root, "packages", "Foo_jll", ".pkg"); force = true, recursive = true)
        end
    end
end
