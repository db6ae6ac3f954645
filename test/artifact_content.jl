# Creating, binding, archiving, installing, verifying and repairing artifacts.

using Base: SHA1
using ScratchRS: DownloadError, IntegrityMismatch, ScratchRSError

# The hash of an artifact that is not installed, and its tarball.
function packed_artifact(lab, content)
    hash = create_artifact() do directory
        write(joinpath(directory, "file"), content)
        mkdir(joinpath(directory, "empty"))
        symlink("file", joinpath(directory, "link"))
    end
    tarball = joinpath(lab.root, "$hash.tar.gz")
    sha256 = archive_artifact(hash, tarball)
    return hash, tarball, sha256
end

artifacts_in(depot) = filter(name -> !occursin('@', name), readdir(joinpath(depot, "artifacts")))

@testset "an artifact is created completely or not at all" begin
    with_lab() do lab
        hash = create_artifact(directory -> write(joinpath(directory, "file"), "content"))
        @test hash isa SHA1
        @test read(joinpath(artifact_path(hash), "file"), String) == "content"
        @test iszero(filemode(joinpath(artifact_path(hash), "file")) & 0o222)
        @test verify_artifact(hash) && ScratchRS.tree_hash(artifact_path(hash)) == hash
        @test create_artifact(directory -> write(joinpath(directory, "file"), "content")) == hash
        @test artifacts_in(lab.depot) == [string(hash)]
        @test thrown(() -> create_artifact(directory -> error("no"))) == ErrorException("no")
        # The function may create the directory again.
        @test create_artifact(path -> (rm(path); mkdir(path); write(joinpath(path, "file"), "content"))) == hash
        @test thrown(() -> create_artifact(rm)) isa ScratchRSError
        @test artifacts_in(lab.depot) == [string(hash)]
        remove_artifact(hash)
        remove_artifact(hash)
        @test !artifact_exists(hash) && !verify_artifact(hash)
        @test readdir(joinpath(lab.depot, "artifacts")) == []
    end
end

@testset "the hash is that of Pkg" begin
    with_lab() do lab
        for round in 1:200
            tree = mktempdir(lab.root)
            for i in 1:rand(0:6)
                parent = mkpath(joinpath(tree, rand(["", "a", "b", "a/c", "a.b"])))
                path = joinpath(parent, string(rand(["x", "y", "é", "a.", "a0"]), rand(1:3)))
                (islink(path) || ispath(path)) && continue
                kind = rand(1:3)
                kind == 1 && symlink(rand(["b", "../a", "nowhere"]), path)
                kind == 2 && mkdir(path)
                kind == 3 && (write(path, rand(UInt8, rand(0:2000))); chmod(path, rand([0o644, 0o755])))
            end
            @test collect(ScratchRS.tree_hash(tree).bytes) == collect(Pkg.GitTools.tree_hash(tree))
        end
    end
end

@testset "a file of bindings is as by Pkg, and keeps comments" begin
    with_lab() do lab
        file = joinpath(lab.root, "Artifacts.toml")
        hash, other = SHA1("11"^20), SHA1("22"^20)
        bind(f; kw...) = f(file, "name", hash; download_info = [("https://example.invalid/x", "ab"^32)], kw...)
        theirs = Pkg.Artifacts
        platforms = [nothing, ScratchRS.host_platform()]
        for platform in platforms
            texts = map((bind_artifact!, theirs.bind_artifact!)) do f
                rm(file; force = true)
                bind(f; platform = platform, lazy = true)
                read(file, String)
            end
            @test texts[1] == texts[2]
        end
        @test any(key -> startswith(key, file), keys(Pkg.TOML.parsefile(joinpath(lab.depot, "logs", "artifact_usage.toml"))))
        write(file, "# first\n\n[name] # why\ngit-tree-sha1 = \"$hash\"\n")
        @test thrown(() -> bind_artifact!(file, "name", other)) isa ErrorException
        bind_artifact!(file, "more", other)
        @test startswith(read(file, String), "# first\n")
        @test occursin("# why", read(file, String))
        unbind_artifact!(file, "name")
        unbind_artifact!(file, "name")
        @test artifact_hash("name", file) === nothing && artifact_hash("more", file) == other
        @test thrown(() -> unbind_artifact!(joinpath(lab.root, "missing"), "x")) isa SystemError
        @test thrown(() -> bind_artifact!(file, "x", other; download_info = [("x", "ab")])) isa ArgumentError
        # Two processes can bind concurrently.
        code(name) = "using ScratchRS; for i in 1:20; bind_artifact!($(repr(file)), \"$name-\$i\", Base.SHA1(\"$hash\")); end"
        children = [run(child(code(name)); wait = false) for name in "ab"]
        foreach(wait, children)
        @test all(success, children)
        @test length(ScratchRS.load_artifacts_toml(file)) == 41
    end
end

@testset "an artifact is installed from the first source that has it" begin
    with_lab() do lab
        hash, tarball, sha256 = packed_artifact(lab, "content")
        remove_artifact(hash)
        file = joinpath(lab.root, "Artifacts.toml")
        nowhere = ("file:///nowhere/x.tar.gz", "ab"^32)
        bind_artifact!(file, "x", hash; download_info = [nowhere, ("file://$tarball", sha256)], lazy = true)
        path = ensure_artifact_installed("x", file)
        @test path == ensure_artifact_installed("x", file) == artifact_path(hash)
        @test verify_artifact(hash) && readlink(joinpath(path, "link")) == "file"
        remove_artifact(hash)
        # A lazy artifact is installed at its first use.
        @test include_string(@__MODULE__, "artifact\"x/file\"", joinpath(lab.root, "code.jl")) == joinpath(path, "file")
        remove_artifact(hash)
        asked = String[]
        own(url, to) = (push!(asked, url); cp(url[8:end], to))
        @test ensure_artifact_installed("x", file; download = own) == path
        @test asked == [nowhere[1], "file://$tarball"]
        remove_artifact(hash)
        @test download_artifact(hash, "file://$tarball") === true
        remove_artifact(hash)
        ScratchRS.ensure_all_artifacts_installed(file)
        @test !artifact_exists(hash)
        ScratchRS.ensure_all_artifacts_installed(file; include_lazy = true)
        @test artifact_exists(hash)
        # A failed installation leaves nothing.
        wrong = SHA1("ab"^20)
        for (downloads, kind) in [[nowhere] => DownloadError, [("file://$tarball", sha256)] => IntegrityMismatch, [("file://$tarball", "ab"^32)] => IntegrityMismatch]
            bind_artifact!(file, "wrong", wrong; download_info = downloads, force = true)
            @test thrown(() -> ensure_artifact_installed("wrong", file)) isa kind
            @test artifacts_in(lab.depot) == [string(hash)]
        end
        @test download_artifact(wrong, "file://$tarball") isa IntegrityMismatch
        @test thrown(() -> ensure_artifact_installed("missing", file)) isa ErrorException
    end
end

@testset "installing or finding an artifact logs the use of the file that binds it" begin
    own(url, to) = cp(url[8:end], to)
    ways = [
        "a function" => file -> ensure_artifact_installed("x", file),
        "own download" => file -> ensure_artifact_installed("x", file; download = own),
        "all" => file -> ScratchRS.ensure_all_artifacts_installed(file; include_lazy = true),
        "the macro" => file -> include_string(@__MODULE__, "artifact\"x\"", joinpath(dirname(file), "code.jl")),
    ]
    for (way, install) in ways, is_there in (false, true)
        # For an installed artifact, it only checks the path.
        is_there && way == "the macro" && continue
        with_lab() do lab
            hash, tarball, sha256 = packed_artifact(lab, "content")
            is_there || remove_artifact(hash)
            file = joinpath(lab.root, "Artifacts.toml")
            bind_artifact!(file, "x", hash; download_info = [("file://$tarball", sha256)], lazy = true)
            # Binding has logged the use.
            log = joinpath(lab.depot, "logs", "artifact_usage.toml")
            rm(log)
            # A session that has logged the use today does not check the log again.
            other = joinpath(mkdir(joinpath(lab.root, "other")), "Artifacts.toml")
            cp(file, other)
            install(other)
            @test artifact_exists(hash)
            @test (way, is_there, collect(keys(Pkg.TOML.parsefile(log)))) == (way, is_there, [other])
        end
    end
    # An installed artifact can be used although its use cannot be logged.
    with_lab() do lab
        hash, tarball, sha256 = packed_artifact(lab, "content")
        file = joinpath(lab.root, "Artifacts.toml")
        write(file, "[x]\ngit-tree-sha1 = \"$hash\"\n")
        mkpath(joinpath(lab.depot, "logs", "artifact_usage.toml"))
        @test_logs (:warn, r"can't be logged") ensure_artifact_installed("x", file)
    end
end

@testset "corruption is found, reported and repaired" begin
    with_lab() do lab
        hash, tarball, sha256 = packed_artifact(lab, "content")
        file = joinpath(lab.root, "Artifacts.toml")
        bind_artifact!(file, "x", hash; download_info = [("file://$tarball", sha256)])
        found = ScratchRS.verify_artifacts()
        @test (found.sound, found.corrupt, found.unreadable) == (1, [], [])
        @test sprint(show, MIME("text/plain"), found) == "1 artifact matches its hash"
        chmod(joinpath(artifact_path(hash), "file"), 0o644)
        write(joinpath(artifact_path(hash), "file"), "corrupt")
        write(joinpath(artifact_path(hash), "more"), "")
        @test !verify_artifact(hash)
        found = ScratchRS.verify_artifacts().corrupt
        @test length(found) == 1 && found[1].hash == hash
        @test found[1].differences == ["file" => :changed, "more" => :extra]
        shown = sprint(show, MIME("text/plain"), ScratchRS.verify_artifacts())
        @test occursin("corrupt $hash", shown) && occursin("\n  changed  file\n  extra    more\n", shown)
        @test endswith(shown, "1 of 1 artifact does not match its hash")
        @test occursin("0 intact, 1 corrupt", string(ScratchRS.verify_artifacts()))
        @test [use.names for use in ScratchRS.artifact_usage(hash)] == [["x"]]
        @test ScratchRS.repair_artifacts().repaired == [artifact_path(hash)]
        @test verify_artifact(hash)
        remove_artifact(hash)
        @test ScratchRS.repair_artifacts(file).installed == [artifact_path(hash)]
    end
end
