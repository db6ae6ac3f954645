# The store: the interface of OhMyArtifacts.jl. The store itself is tested in Rust; `peer.jl` runs the tests of
# OhMyArtifacts.

using ScratchRS: SHA256, find_orphanages, store_link, store_link!, store_status, verify_store

# A module with a file of bindings, like a package.
module Bound
using ScratchRS
const my_artifacts = Ref{String}()
end

text_artifact(text) = create_my_artifact() do directory
    write(joinpath(directory, "file"), text)
    return "file"
end

@testset "a hash is read, compared and shown" begin
    hex = "a4e13f7dfd8345eae550125113b9d9bcd4b0f781037c02afb133fd98f5f973ae"
    hash = SHA256(hex)
    @test hash == SHA256(hex2bytes(hex)) == parse(SHA256, uppercase(hex))
    @test string(hash) == hex && sprint(show, hash) == "SHA256(\"$hex\")"
    @test hash.bytes[1] == 0xa4 && length(hash.bytes) == 32
    @test tryparse(SHA256, "12") === nothing && tryparse(SHA256, "x"^64) === nothing
    @test_throws ArgumentError SHA256("12")
    @test_throws ArgumentError SHA256(zeros(UInt8, 31))
    @test SHA256(zeros(UInt8, 32)) < hash && length(Set([hash, SHA256(hex)])) == 1
    with_lab() do lab
        @test text_artifact("hi") == hash
    end
end

@testset "contents are created, bound, found and collected" begin
    with_lab() do lab
        file = @my_artifacts_toml!()
        @test startswith(file, joinpath(lab.depot, "scratchspaces"))
        one, two = text_artifact("one"), text_artifact("two")
        @test read(my_artifact_path(one), String) == "one"
        bind_my_artifact!(file, "one", one; metadata = Dict("list" => [1, 2], "time" => DateTime(2020)))
        loaded = load_my_artifacts_toml(file)
        @test loaded["one"]["sha256"] == string(one) && loaded["one"]["isdir"] === false
        @test loaded["one"]["meta"] == Dict("list" => [1, 2], "time" => DateTime(2020))
        @test my_artifact_hash("one", file) == one && my_artifact_hash("two", file) === nothing
        error = thrown(() -> bind_my_artifact!(file, "one", two))
        @test error isa ErrorException && occursin("already exists", error.msg)
        @test_logs (:warn, r"replaced forcely") bind_my_artifact!(file, "one", two; force = true)
        @test thrown(() -> bind_my_artifact!(file, "x", SHA256("0"^64))) isa AssertionError
        find_orphanages()
        @test my_artifact_exists(one)
        @test_logs (:info, r"1 MyArtifact deleted") find_orphanages(collect_delay = Hour(0))
        @test !my_artifact_exists(one) && my_artifact_exists(two)
        unbind_my_artifact!(file, ["one", "never"])
        @test_logs (:info, r"1 MyArtifact deleted") find_orphanages(collect_delay = 0)
        @test_throws SystemError load_my_artifacts_toml(joinpath(lab.root, "nothing.toml"))
        @test verify_store().corrupt == []
        @test endswith(sprint(show, MIME("text/plain"), verify_store()), "intact (0 bytes read)")
    end
end

@testset "invalid results of a generator" begin
    with_lab() do lab
        refused(f) = thrown(() -> create_my_artifact(f))
        for (f, words) in [
            (_ -> "/", "outside of the given directory"),
            (_ -> "../x", "outside of the given directory"),
            (_ -> "nothing", "does not exist"),
            (_ -> 17, "neither a path nor nothing"),
            (directory -> (symlink("nowhere", joinpath(directory, "l")); nothing), "leads to a missing file"),
            (directory -> (symlink("l", joinpath(directory, "l")); nothing), "cannot be resolved"),
        ]
            error = refused(f)
            @test error isa ErrorException && occursin(words, error.msg)
        end
        @test refused(_ -> error("mine")).msg == "mine"
        @test refused(_ -> "a\xff") isa ErrorException
        # An empty directory is an empty tree.
        @test isdir(my_artifact_path(create_my_artifact(_ -> nothing)))
        @test thrown(() -> create_my_artifact(_ -> nothing; link = :junction)) isa ErrorException
    end
end

@testset "names with any characters" begin
    with_lab() do lab
        file = @my_artifacts_toml!()
        hash = text_artifact("x")
        names = ["", "a.b", "\"quoted\"", "new\nline", "ü", "[x]"]
        foreach(name -> bind_my_artifact!(file, name, hash), names)
        @test sort(collect(keys(load_my_artifacts_toml(file)))) == sort(names)
        @test all(name -> my_artifact_hash(name, file) == hash, names)
        @test thrown(() -> bind_my_artifact!(file, "\xff", hash)) isa ArgumentError
    end
end

@testset "files of bindings for a package and for its versions" begin
    with_lab() do lab
        text = "name = \"Mine\"\nuuid = \"$OWNER\"\nversion = \"1.2.0\"\n"
        activated(text) do _
            file = my_artifacts_toml!(nothing)
            @test basename(dirname(file)) == string(OWNER)
            versioned = @my_artifacts_toml!(versioned = true)
            @test dirname(versioned) == dirname(file) && basename(versioned) == "Artifacts_v1.2.0.toml"
            # The store exists as long as a package that uses it.
            @test occursin(ScratchRS.get_scratchspace(), log_text())
        end
        # Julia 1.5 finds the sources of a package by the load path, here that of the lab.
        if VERSION >= v"1.6"
            @test basename(my_artifacts_toml!(ScratchRS; versioned = true)) == "Artifacts_v0.1.0.toml"
        end
        @test isempty(load_my_artifacts_toml(my_artifacts_toml!(USER)))
        @test_throws Exception Core.eval(Bound, :(@my_artifacts_toml!(other = true)))
    end
end

@testset "the macro" begin
    with_lab() do lab
        Bound.my_artifacts[] = @my_artifacts_toml!()
        file = Bound.my_artifacts[]
        hash = text_artifact("one")
        inside(expression) = Core.eval(Bound, expression)
        inside(:(@my_artifact :bind "one" $hash))
        @test inside(:(@my_artifact :hash "one")) == hash
        inside(:(@my_artifact bind "one" $hash force = true metadata = [1]))
        @test load_my_artifacts_toml(file)["one"]["meta"] == [1]
        inside(:(force = true))
        inside(:(@my_artifact :bind "one" $hash force))
        inside(:(@my_artifact :unbind "one"))
        @test my_artifact_hash("one", file) === nothing
        source = joinpath(lab.root, "source")
        write(source, "downloaded")
        copied(url, path; note = nothing) = cp(url, path)
        got = inside(:(@my_artifact :download "it" $source $copied note = 1))
        @test read(my_artifact_path(got), String) == "downloaded"
        @test my_artifact_hash("it", file) == got
        for wrong in [
            :(@my_artifact :hash "a" "b"), :(@my_artifact :bind "a"), :(@my_artifact :other "a"),
            :(@my_artifact :bind "a" $hash other = 1), :(@my_artifact :download "a"),
        ]
            @test thrown(() -> inside(wrong)) isa Exception
        end
        @test thrown(() -> Core.eval(Main, :(@my_artifact :hash "a"))) isa Exception
    end
end

@testset "downloads with a given function" begin
    with_lab() do lab
        file = @my_artifacts_toml!()
        # One that returns the path, and one that does not.
        for (name, f) in ["path" => (url, path) -> (write(path, url); path), "none" => (url, path) -> write(path, url)]
            hash = download_my_artifact!(f, "the text of $name", name, file; bind_metadata = name)
            @test read(my_artifact_path(hash), String) == "the text of $name"
            @test load_my_artifacts_toml(file)[name]["meta"] == name
        end
        @test thrown(() -> download_my_artifact!((_, _) -> error("no network"), "x", "y", file)).msg == "no network"
        if VERSION >= v"1.6"
            write(joinpath(lab.root, "source"), "by Downloads")
            hash = download_my_artifact!("file://" * joinpath(lab.root, "source"), "it", file)
            @test read(my_artifact_path(hash), String) == "by Downloads"
        end
    end
end

@testset "how trees are linked" begin
    with_lab() do lab
        make(; kw...) = create_my_artifact(; kw...) do directory
            write(joinpath(directory, "a"), "one")
            return nothing
        end
        @test store_link() === :auto
        linked = joinpath(my_artifact_path(make(link = :symlink)), "a")
        @test islink(linked) && readlink(linked) == my_artifact_path(text_artifact("one"))
        @test store_link!(:copy) === :copy === store_link()
        @test islink(linked)
        make(link = :copy)
        @test !islink(linked)
        status = store_status()
        @test (status.files, status.trees) == (1, 1)
        @test occursin("1 file and 1 tree in", sprint(show, MIME("text/plain"), status))
        @test sort([(artifact.kind, artifact.files) for artifact in status.artifacts]) == [(:file, 1), (:tree, 1)]
        @test eltype(status.artifacts) <: NamedTuple && isempty(status.missing) && isempty(status.unreadable)
        artifact = first(status.artifacts)
        @test artifact.hash isa SHA256 && artifact.path == my_artifact_path(artifact.hash)
        @test artifact.bound_by == [] && artifact.orphan_since === missing
        store_link!(:auto)
        @test thrown(() -> store_link!(:junction)) isa ArgumentError
    end
end

@testset "a process leaves only its contents" begin
    with_lab() do lab
        result = outcome(child("""
            using ScratchRS
            hash = create_my_artifact(d -> (write(joinpath(d, "f"), "x"); "f"))
            bind_my_artifact!(my_artifacts_toml!(Base.UUID("$USER")), "f", hash)
            """))
        @test result.ok
        work = joinpath(ScratchRS.get_scratchspace(), "work")
        @test !isdir(work) || isempty(readdir(work))
        @test my_artifact_hash("f", my_artifacts_toml!(USER)) !== nothing
    end
end

@testset "the bindings of a deleted project are orphans, also in the reports of the depot" begin
    with_lab() do lab
        text = "name = \"Mine\"\nuuid = \"$OWNER\"\n"
        activated(text) do project
            file = my_artifacts_toml!(OWNER)
            hash = text_artifact("x"^3000)
            bind_my_artifact!(file, "numbers", hash)
            gc(; kw...) = ScratchRS.gc(; io = devnull, kw...)
            @test isempty(filter(item -> item.kind === :store, gc(collect_delay = 0, dry_run = true).gone))
            status = ScratchRS.status()
            @test (:store, 1) in [(kind.kind, kind.count) for kind in status.kinds]
            shown = sprint(show, MIME("text/plain"), status)
            @test occursin(r"store .* 1 files", shown) && occursin(r"numbers +store +2.9 KiB .* 1 name", shown)
            for query in ["numbers", string(hash), my_artifact_path(hash)]
                why = sprint(show, MIME("text/plain"), ScratchRS.why(query))
                @test occursin("bound as `numbers` by $file", why) && occursin(project, why)
            end
            rm(project)
            io = IOBuffer()
            ScratchRS.gc(; dry_run = true, io = io)
            @test occursin("In 6 days another 2.9 KiB becomes deletable", String(take!(io)))
            @test occursin("which no project uses any more", sprint(show, MIME("text/plain"), ScratchRS.why("numbers")))
            @test my_artifact_exists(hash) && isfile(file)
            report = ScratchRS.gc(; collect_delay = 0, dry_run = true, io = io)
            @test occursin(r"store +1 +2.9 KiB   unbound", String(take!(io)))
            @test report.abandoned == 1 && my_artifact_exists(hash)
            ScratchRS.gc(; collect_delay = 0, io = io)
            said = String(take!(io))
            @test occursin("Freed 2.9 KiB: 1 in the store", said) && occursin("Deleted 1 names file", said)
            @test !my_artifact_exists(hash) && !isfile(file)
        end
    end
end
