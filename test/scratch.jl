# Creating, finding and deleting spaces.

using Base: UUID

const GOOD_KEYS = ["a", "abcABC123._-", "1.2.3", "...", ".hidden", "-", "_", "a..b", "k"^255]
const BAD_KEYS = [
    "", ".", "..", "a/b", "/", "../other", "a\\b", "a\0b", "\0", "a\n", "\n", "a b", " ", "é", "😀",
    "a:b", "a@b", "a*", "k"^256, "k"^300, String(UInt8[0x61, 0xff]),
]

@testset "a space is created at its path" begin
    with_lab() do lab
        path = get_scratch!(OWNER, "cache")
        @test path isa String
        @test path == joinpath(lab.depot, "scratchspaces", string(OWNER), "cache")
        @test isdir(path)
        @test isempty(readdir(path))
        write(joinpath(path, "file"), "content")
        @test get_scratch!(OWNER, "cache") == path
        @test read(joinpath(path, "file"), String) == "content"
        @test readdir(dirname(path)) == ["cache"]
    end
end

@testset "all forms of parent and key" begin
    with_lab() do lab
        package = Base.PkgId(ScratchRS).uuid
        in_namespace(uuid) = joinpath(lab.depot, "scratchspaces", string(uuid), "key")
        @test get_scratch!(OWNER, "key") == in_namespace(OWNER)
        @test get_scratch!("key", OWNER) == in_namespace(OWNER)
        @test get_scratch!(OWNER, "key", USER) == in_namespace(OWNER)
        @test get_scratch!(OWNER, "key", ScratchRS) == in_namespace(OWNER)
        @test get_scratch!(OWNER, "key", nothing) == in_namespace(OWNER)
        @test get_scratch!(ScratchRS, "key") == in_namespace(package)
        @test get_scratch!("key", ScratchRS) == in_namespace(package)
        @test get_scratch!(ScratchRS.Native, "key") == in_namespace(package)
        @test get_scratch!(nothing, "key") == in_namespace(GLOBAL)
        @test get_scratch!("key", nothing) == in_namespace(GLOBAL)
        @test get_scratch!("key") == in_namespace(GLOBAL)
        @test get_scratch!(Main, "key") == in_namespace(GLOBAL)
        @test get_scratch!(Base, "key") == in_namespace(GLOBAL)
        @test get_scratch!(Module(:Anonymous), "key") == in_namespace(GLOBAL)
        @test get_scratch!(OWNER, SubString("a key", 3)) == in_namespace(OWNER)
        @test get_scratch!(SubString("a key", 3)) == in_namespace(GLOBAL)
        @test get_scratch!(SubString("a key", 3), OWNER) == in_namespace(OWNER)
        @test @get_scratch!("key") == in_namespace(GLOBAL)
        @test @get_scratch!(SubString("a key", 3)) == in_namespace(GLOBAL)
        anonymous = Module()
        Core.eval(anonymous, :(using Main.ScratchRS))
        @test Core.eval(anonymous, :(@get_scratch!("key"))) == in_namespace(GLOBAL)
        @test sort(readdir(scratch_dir())) == sort(string.([GLOBAL, OWNER, package]))
    end
end

@testset "outside of packages, the active project owns the space" begin
    with_lab() do lab
        owner(path) = UUID(basename(dirname(path)))
        activated("[deps]\n") do _
            @test owner(@get_scratch!("key")) == GLOBAL
        end
        activated(OWNER) do _
            @test owner(@get_scratch!("key")) == OWNER
            @test owner(get_scratch!("key")) == OWNER
            @test owner(get_scratch!(Main, "key")) == OWNER
            @test owner(get_scratch!(@__MODULE__, "key")) == OWNER
            @test owner(get_scratch!(nothing, "key")) == OWNER
            @test owner(get_scratch!(USER, "key")) == USER
        end
        @test owner(@get_scratch!("key")) == GLOBAL
    end
end

@testset "find_uuid" begin
    with_lab() do lab
        @test ScratchRS.find_uuid(OWNER) === OWNER
        @test ScratchRS.find_uuid(ScratchRS) === Base.PkgId(ScratchRS).uuid
        @test ScratchRS.find_uuid(ScratchRS.Native.Binding) === Base.PkgId(ScratchRS).uuid
        @test ScratchRS.find_uuid(nothing) === GLOBAL
        @test ScratchRS.find_uuid(Main) === GLOBAL
        activated(file -> (@test ScratchRS.find_uuid(nothing) === OWNER), OWNER)
        activated(file -> (@test ScratchRS.find_uuid(Main) === OWNER), OWNER)
        for (text, expected) in [
            "" => GLOBAL,
            "name = \"x\"\n" => GLOBAL,
            "uuid = \"no uuid\"\n" => GLOBAL,
            "uuid = 3\n" => GLOBAL,
            "uuid = \"$OWNER\"" => OWNER,
            "uuid = \"$(uppercase(string(OWNER)))\"\n" => OWNER,
            "uuid = '$OWNER'\r\nname = 'x'\r\n" => OWNER,
            "# uuid = \"$USER\"\nuuid=\"$OWNER\"\n" => OWNER,
            "[deps]\nuuid = \"$USER\"\n" => GLOBAL,
            "[deps]\nSome_uuid = \"$USER\"\n" => GLOBAL,
            "authors = [\n  \"uuid\",\n]\nuuid = \"$OWNER\"\n[deps]\nuuid = \"$USER\"\n" => OWNER,
            "name = \"torn\nuuid = \"$OWNER\"\n" => OWNER,
        ]
            activated(file -> (@test ScratchRS.find_uuid(nothing) === expected), text)
        end
        # A file that is changed, emptied, deleted, and created again.
        activated(OWNER) do file
            @test ScratchRS.find_uuid(nothing) === OWNER
            write(file, "uuid = \"$USER\"\n")
            @test ScratchRS.find_uuid(nothing) === USER
            write(file, "")
            @test ScratchRS.find_uuid(nothing) === GLOBAL
            rm(file)
            @test ScratchRS.find_uuid(nothing) === GLOBAL
            mkdir(file)
            @test ScratchRS.find_uuid(nothing) === GLOBAL
            rm(file)
            write(file, "uuid = \"$OWNER\"\n")
            @test ScratchRS.find_uuid(nothing) === OWNER
        end
    end
end

@testset "a package that gets its space when it is loaded" begin
    with_lab(stacked = true) do lab
        # An environment with ScratchRS and the package.
        append!(LOAD_PATH, [REPO, joinpath(@__DIR__, "packages", "SpaceUser")])
        @eval Main import SpaceUser
        user = Base.invokelatest(getfield, Main, :SpaceUser)
        uuid = UUID("b2d3c1a4-7f60-4e0b-8c5b-1f6a0f9f3e77")
        namespace = joinpath(lab.depot, "scratchspaces", string(uuid))
        Base.invokelatest() do
            @test user.cache == joinpath(namespace, "cache")
            @test isdir(user.cache)
            @test user.BUILT == "built"
            # Uses while the package is loaded are also logged for it.
            project = realpath(joinpath(@__DIR__, "packages", "SpaceUser", "Project.toml"))
            @test [realpath.(record["parent_projects"]) for record in records(user.cache)] == [[project]]
            @test user.space("a") == joinpath(namespace, "a")
            @test user.Inner.space("a") == joinpath(namespace, "a")
            @test get_scratch!(user, "a") == joinpath(namespace, "a")
            @test get_scratch!(user.Inner, "a") == joinpath(namespace, "a")
            @test user.table() == "1 2 3"
            @test user.table() == "1 2 3"
            @test ScratchRS.find_uuid(user.Inner) == uuid
            # The path is not part of the precompiled code.
            pushfirst!(DEPOT_PATH, joinpath(lab.root, "other"))
            @test user.space("a") == joinpath(lab.root, "other", "scratchspaces", string(uuid), "a")
            parents = only(records(user.space("a")))["parent_projects"]
            @test realpath.(parents) == [project]
        end
    end
end

@testset "a path that would be stored in a precompiled file" begin
    with_lab() do lab
        package = joinpath(lab.root, "KeepsPath")
        mkpath(joinpath(package, "src"))
        write(joinpath(package, "Project.toml"), """
        name = "KeepsPath"
        uuid = "0d4ad3c5-3a4d-4f9e-9c5f-6a1c4a3d1b57"
        [deps]
        ScratchRS = "$(Base.PkgId(ScratchRS).uuid)"
        """)
        said(code) = begin
            write(joinpath(package, "src", "KeepsPath.jl"), "module KeepsPath\nusing ScratchRS\n$code\nend\n")
            result = outcome("using KeepsPath"; project = package, load_path = [REPO, "@", "@stdlib"])
            @test result.ok
            return result.err
        end
        warning = "stores the path of the space in the precompiled file of KeepsPath"
        @test occursin(warning, said("const cache = @get_scratch!(\"cache\")"))
        @test !occursin(warning, said("cache = \"\"\n__init__() = global cache = @get_scratch!(\"cache\")"))
        # A function that is called while the package is precompiled does not keep the path.
        @test !occursin(warning, said("space() = @get_scratch!(\"cache\")\nspace()"))
    end
end

@testset "keys" begin
    with_lab() do lab
        namespace = scratch_dir(string(OWNER))
        for key in GOOD_KEYS
            path = get_scratch!(OWNER, key)
            @test path == joinpath(namespace, key)
            @test isdir(path)
        end
        @test sort(readdir(namespace)) == sort(GOOD_KEYS)
        for key in BAD_KEYS, call in [
            () -> get_scratch!(OWNER, key),
            () -> get_scratch!(key, OWNER),
            () -> get_scratch!(key),
            () -> @get_scratch!(key),
            () -> get_scratch!(directory -> error("generated"), OWNER, key),
            () -> get_scratch!(directory -> error("generated"), OWNER, key; version = 1),
            () -> delete_scratch!(OWNER, key),
            () -> delete_scratch!(key),
            () -> delete_scratch!(key; pkg_uuid = OWNER),
        ]
            error = thrown(call)
            @test error isa ArgumentError
            # Whatever the rules of escaping, the message has the letters of the key.
            named = isvalid(key) ? first(split(escape_string(first(key, 20)), '\\')) : "a"
            @test occursin(named, error.msg)
            length(key) > 0 && all(isprint, key) && isascii(key) && length(key) < 100 &&
                @test occursin(repr(key), error.msg)
        end
        # No file was created or deleted, here or at the path of an invalid key.
        @test sort(readdir(namespace)) == sort(GOOD_KEYS)
        @test readdir(scratch_dir()) == [string(OWNER)]
        @test sort(readdir(lab.depot)) == ["registries", "scratchspaces"]
    end
end

@testset "a parent that is a String" begin
    with_lab() do lab
        error = thrown(() -> get_scratch!(string(OWNER), "key"))
        @test error isa ArgumentError
        @test occursin("Base.UUID(\"$OWNER\")", error.msg)
        @test !ispath(scratch_dir())
    end
end

@testset "delete_scratch!" begin
    with_lab() do lab
        full(parent, key) = mkpath(joinpath(get_scratch!(parent, key), "a", "b"))
        namespace = scratch_dir(string(OWNER))
        full(OWNER, "mine")
        full(OWNER, "other")
        full(nothing, "mine")
        @test delete_scratch!(OWNER, "mine") === nothing
        @test readdir(namespace) == ["other"]
        @test isdir(scratch_dir(string(GLOBAL), "mine"))
        @test delete_scratch!("mine") === nothing
        @test !ispath(scratch_dir(string(GLOBAL), "mine"))
        # Deleting a missing space is not an error, with and without a namespace and a depot.
        @test delete_scratch!(OWNER, "mine") === nothing
        @test delete_scratch!(USER, "mine") === nothing
        @test delete_scratch!(OWNER, "mine"; depot = joinpath(lab.root, "nowhere")) === nothing
        @test !ispath(joinpath(lab.root, "nowhere"))

        for pkg_uuid in [OWNER, ScratchRS, ScratchRS.Native, nothing, Main]
            full(pkg_uuid, "key")
            @test delete_scratch!("key"; pkg_uuid = pkg_uuid) === nothing
            @test !ispath(ScratchRS.scratch_path(ScratchRS.find_uuid(pkg_uuid), "key"))
            full(pkg_uuid, "key")
            @test delete_scratch!(pkg_uuid, SubString("a key", 3)) === nothing
            @test !ispath(ScratchRS.scratch_path(ScratchRS.find_uuid(pkg_uuid), "key"))
        end
        activated(OWNER) do _
            full(OWNER, "key")
            delete_scratch!("key")
            @test !ispath(ScratchRS.scratch_path(OWNER, "key"))
        end
        @test isdir(ScratchRS.scratch_path(OWNER, "other"))
    end
end

@testset "the contents of a deleted space" begin
    with_lab() do lab
        space = get_scratch!(OWNER, "key")
        precious = joinpath(mkpath(joinpath(lab.root, "precious")), "file")
        write(precious, "content")
        write(joinpath(space, "ü 😀"), "")
        touch(joinpath(space, "line\nbreak"))
        write(joinpath(mkpath(joinpath(space, "locked")), "file"), "")
        chmod(joinpath(space, "locked", "file"), 0o000)
        chmod(joinpath(space, "locked"), 0o000)
        deep = foldl(joinpath, fill("d"^50, 30); init = space)
        mkpath(deep)
        if Sys.isunix()
            symlink(precious, joinpath(space, "to-file"))
            symlink(dirname(precious), joinpath(space, "to-directory"))
            symlink("nowhere", joinpath(space, "to-nothing"))
        end
        delete_scratch!(OWNER, "key")
        @test !ispath(space)
        @test isempty(readdir(dirname(space)))
        @test read(precious, String) == "content"
        if Sys.isunix()
            # A space may be a link to another disk: the link is deleted.
            symlink(dirname(precious), space)
            @test get_scratch!(OWNER, "key") == space
            delete_scratch!(OWNER, "key")
            @test !islink(space)
            @test read(precious, String) == "content"
        end
        # A space that is the current directory of a process.
        cd(get_scratch!(OWNER, "key")) do
            delete_scratch!(OWNER, "key")
        end
        @test !ispath(space)
    end
end

@testset "clear_scratchspaces!" begin
    with_lab() do lab
        @test clear_scratchspaces!() === nothing
        @test clear_scratchspaces!(OWNER) === nothing
        @test !ispath(scratch_dir())
        for parent in [OWNER, USER, ScratchRS, nothing], key in ["a", "b"]
            write(joinpath(get_scratch!(parent, key), "file"), "")
        end
        @test clear_scratchspaces!(OWNER) === nothing
        @test !ispath(scratch_dir(string(OWNER)))
        @test clear_scratchspaces!(ScratchRS.Native) === nothing
        @test !ispath(scratch_dir(string(Base.PkgId(ScratchRS).uuid)))
        @test sort(readdir(scratch_dir())) == sort(string.([GLOBAL, USER]))
        for parent in [nothing, Main, GLOBAL]
            @test thrown(() -> clear_scratchspaces!(parent)) isa ArgumentError
        end
        activated("name = \"x\"") do _
            @test thrown(() -> clear_scratchspaces!(nothing)) isa ArgumentError
        end
        @test isfile(scratch_dir(string(GLOBAL), "a", "file"))
        activated(USER) do _
            @test clear_scratchspaces!(nothing) === nothing
        end
        @test readdir(scratch_dir()) == [string(GLOBAL)]
        log = log_text()
        @test clear_scratchspaces!() === nothing
        @test !ispath(scratch_dir())
        @test log_text() == log
        @test isdir(lab.depot)
        @test isdir(get_scratch!(OWNER, "a"))
    end
end

@testset "scratch_dir, scratch_path and usage_toml" begin
    with_lab() do lab
        @test scratch_dir() == joinpath(lab.depot, "scratchspaces")
        @test scratch_dir("a", "b") == joinpath(lab.depot, "scratchspaces", "a", "b")
        other = joinpath(lab.root, "other")
        @test scratch_dir("a"; depot = other) == joinpath(other, "scratchspaces", "a")
        @test ScratchRS.scratch_path(OWNER, "key") == scratch_dir(string(OWNER), "key")
        @test ScratchRS.scratch_path(OWNER, SubString("key")) == scratch_dir(string(OWNER), "key")
        @test ScratchRS.scratch_path(OWNER, "key"; depot = other) ==
              scratch_dir(string(OWNER), "key"; depot = other)
        @test ScratchRS.usage_toml() == joinpath(lab.depot, "logs", "scratch_usage.toml")
        @test readdir(lab.depot) == ["registries"]
        @test readdir(lab.root) == ["depot"]
    end
end
