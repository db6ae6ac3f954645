# Installing artifacts over HTTP from the server of the Rust tests, with faults selected by the URLs;
# and reading our archives with other programs.

using Base: SHA1

# Calls `f(url, requests)` with the URL of a server with the files of a directory, and a function that
# returns its requests.
function serving(f, directory)
    server = open(`$WORKER serve $directory`, "r+")
    try
        url = split(readline(server))[2]
        asked() = filter(line -> !endswith(line, "@requests"), readlines(ScratchRS.PlatformEngines.download("$url/@requests", tempname())))
        return f(url, asked)
    finally
        # It ends when its input ends.
        close(server.in)
        wait(server)
    end
end

# The program with the server; `cargo xtask test` builds it and passes its path.
const WORKER = get(ENV, "SCRATCHRS_TEST_SERVER", joinpath(REPO, "target", "debug", "scratchrs-worker"))

# Calls `f(hash, sha256, file, bind, asked)` with an artifact that is not installed, a file to bind it
# in, a function that binds it to a path of the server, and a function that returns the requests.
function with_served(f, lab)
    served = mkdir(joinpath(lab.root, "served"))
    hash = create_artifact() do directory
        write(joinpath(directory, "file"), rand(UInt8, 100_000))
    end
    sha256 = archive_artifact(hash, joinpath(served, "x.tar.gz"))
    remove_artifact(hash)
    file = joinpath(lab.root, "Artifacts.toml")
    serving(served) do url, asked
        bind(paths...) = bind_artifact!(
            file, "x", hash; download_info = [("$url$path", sha256) for path in paths], force = true,
        )
        f(hash, file, bind, asked)
    end
end

beside_artifacts(lab) = readdir(joinpath(lab.depot, "artifacts"))

if !isfile(WORKER)
    skipped("installing over HTTP", "`$WORKER` is missing: `cargo build --package scratchrs-testkit`")
else
    @testset "an artifact is installed over HTTP despite faults of the server" begin
        with_lab() do lab
            with_served(lab) do hash, file, bind, asked
                for path in ["/x.tar.gz", "/@redirect:2/x.tar.gz", "/@status:503:1/x.tar.gz",
                             "/@truncate:50000:1/x.tar.gz", "/@chunked:777/x.tar.gz"]
                    bind(path)
                    @test ensure_artifact_installed("x", file; quiet_download = true) == artifact_path(hash)
                    @test verify_artifact(hash)
                    remove_artifact(hash)
                    @test beside_artifacts(lab) == []
                end
                bind("/missing", "/@status:404:9/x.tar.gz")
                error = thrown(() -> ensure_artifact_installed("x", file; quiet_download = true))
                @test error isa ScratchRS.DownloadError
                @test occursin("/missing", sprint(showerror, error)) && occursin("404", sprint(showerror, error))
                bind("/missing", "/x.tar.gz")
                @test ensure_artifact_installed("x", file; quiet_download = true) == artifact_path(hash)
                remove_artifact(hash)
                # The Pkg server is the first source.
                url = split(read(file, String), '"')[end - 1]
                server = match(r"^http://[^/]+", url).match
                packages = mkpath(joinpath(lab.root, "served", "artifact"))
                cp(joinpath(lab.root, "served", "x.tar.gz"), joinpath(packages, string(hash)))
                withenv("JULIA_PKG_SERVER" => String(server)) do
                    ensure_artifact_installed("x", file; quiet_download = true)
                end
                @test last(asked()) == "GET /artifact/$hash"
            end
        end
    end

    @testset "concurrent processes download an artifact once" begin
        with_lab() do lab
            with_served(lab) do hash, file, bind, asked
                bind("/x.tar.gz")
                code = """
                using ScratchRS
                println("ready")
                readline()
                println(ensure_artifact_installed("x", $(repr(file)); quiet_download = true))
                """
                processes = [first(Lab.start(child(code))) for _ in 1:4]
                @test all(process -> readline(process) == "ready", processes)
                foreach(process -> println(process), processes)
                @test all(process -> readline(process) == artifact_path(hash), processes)
                foreach(wait, processes)
                @test asked() == ["GET /x.tar.gz"]
                @test verify_artifact(hash)
            end
        end
    end

    @testset "an interrupt cancels a stalled download, and the next one resumes it" begin
        with_lab() do lab
            with_served(lab) do hash, file, bind, asked
                bind("/@stall:50000:1/x.tar.gz")
                code = """
                using ScratchRS
                println("ready")
                seen(total, now) = now >= 50000 && (println("stalled"); flush(stdout))
                try
                    ensure_artifact_installed("x", $(repr(file)); progress = seen)
                catch error
                    println(typeof(error))
                end
                """
                process, _ = Lab.start(child(catching_interrupts(code)))
                @test readline(process) == "ready"
                @test readline(process) == "stalled"
                kill(process, Base.SIGINT)
                said = readlines(process)
                @test last(said) == "InterruptException"
                wait(process)
                @test !artifact_exists(hash)
                left = beside_artifacts(lab)
                @test !isempty(left) && all(name -> occursin("@download-", name), left)
                @test ensure_artifact_installed("x", file; quiet_download = true) == artifact_path(hash)
                @test length(asked()) == 2
                @test verify_artifact(hash)
                @test beside_artifacts(lab) == [string(hash), "$hash@tree"]
            end
        end
    end
end

# Calls `f` with Pkg's own functions. In Julia 1.5, these first search for programs, and leave the logging
# of progress disabled.
function with_engines_of_pkg(f)
    engines = Pkg.PlatformEngines
    isdefined(engines, :probe_platform_engines!) && engines.probe_platform_engines!()
    try
        return f(engines)
    finally
        Logging.disable_logging(Logging.BelowMinLevel)
    end
end

@testset "Pkg and GNU tar read our archives" begin
    with_lab() do lab
        hash = create_artifact() do directory
            write(joinpath(mkpath(joinpath(directory, "deep", "n"^90, "m"^90)), "é"^40), "content")
            write(joinpath(directory, "run"), "#!/bin/sh\n")
            chmod(joinpath(directory, "run"), 0o755)
            symlink(joinpath("deep", "n"^90), joinpath(directory, "link"))
        end
        tarball = joinpath(lab.root, "x.tar.gz")
        archive_artifact(hash, tarball)
        by_pkg = joinpath(lab.root, "pkg")
        with_engines_of_pkg(engines -> engines.unpack(tarball, by_pkg))
        @test Pkg.GitTools.tree_hash(by_pkg) == hash.bytes || SHA1(Pkg.GitTools.tree_hash(by_pkg)) == hash
        by_tar = mkdir(joinpath(lab.root, "tar"))
        run(`tar -xzf $tarball -C $by_tar`)
        @test ScratchRS.tree_hash(by_tar) == hash
    end
end

# Each unpacks the archives of the other, and the same calls have the same results.
function compare(ours, theirs, lab)
    path(names...) = joinpath(lab.root, names...)
    write(joinpath(mkpath(path("tree", "deep")), "file"), "content")
    write(path("tree", "run"), "#!/bin/sh\n")
    chmod(path("tree", "run"), 0o755)
    symlink("run", path("tree", "link"))
    tree = ScratchRS.tree_hash(path("tree"))
    ours.package(path("tree"), path("ours.tar.gz"))
    theirs.package(path("tree"), path("theirs.tar.gz"))
    theirs.unpack(path("ours.tar.gz"), path("by theirs"))
    ours.unpack(path("theirs.tar.gz"), path("by ours"))
    @test ScratchRS.tree_hash(path("by theirs")) == ScratchRS.tree_hash(path("by ours")) == tree
    error = thrown(() -> ours.unpack(path("ours.tar.gz"), path("tree")))
    @test error isa ScratchRS.DepotIO && ScratchRS.tree_hash(path("tree")) == tree

    # The same calls with separate files have the same results.
    hash = split(read(`sha256sum $(path("ours.tar.gz"))`, String))[1]
    other, url = "ab"^32, "file://" * path("ours.tar.gz")
    quietly(f) = Logging.with_logger(f, Logging.NullLogger())
    for (round, engines) in enumerate((ours, theirs))
        at(names...) = joinpath(mkpath(path("round $round")), names...)
        verify(digits; kw...) = quietly(() -> engines.verify(at("x"), digits; report_cache_status = true, kw...))
        @test engines.download(url, at("x")) isa Any && isfile(at("x"))
        @test verify(hash) == (true, :hash_cache_missing)
        @test verify(uppercase(hash)) == (true, :hash_cache_consistent)
        @test read(at("x.sha256"), String) == hash
        @test verify(other) == (false, :hash_mismatch)
        write(at("x.sha256"), other)
        @test verify(hash) == (true, :hash_cache_mismatch)
        @test verify(hash; hash_path = at("note")) == (true, :hash_cache_missing)
        @test isfile(at("note"))
        run(`touch -d 2020-01-01 $(at("x.sha256"))`)
        @test verify(hash) == (true, :file_modified)
        for wrong in ["ab", "é"^64, "x"^64]
            problem = thrown(() -> engines.verify(at("x"), wrong))
            @test problem isa ErrorException && startswith(problem.msg, "Hash value must be 64 hex")
        end
        get(digits, name; kw...) = quietly(() -> engines.download_verify(url, digits, at(name); quiet_download = true, kw...))
        @test get(hash, "x") && get(hash, "new") && get(nothing, joinpath("deep", "unknown"))
        @test thrown(() -> get(other, "y")) isa ErrorException
        write(at("z"), "old")
        @test thrown(() -> get(hash, "z")) isa ErrorException
        @test thrown(() -> get(nothing, "z")) isa ErrorException
        @test read(at("z"), String) == "old"
        @test !get(hash, "z"; force = true)
        have(digits, name; kw...) = quietly(() -> engines.download_verify_unpack(url, digits, at(name); quiet_download = true, kw...))
        @test have(hash, "d") && !have(hash, "d")
        @test ScratchRS.tree_hash(at("d")) == tree
        @test thrown(() -> have(other, "e")) isa ErrorException && !ispath(at("e"))
        write(at("t"), "old")
        @test have(hash, "d"; tarball_path = at("t"), force = true)
        @test isfile(at("t")) && ScratchRS.tree_hash(at("d")) == tree
        mkdir(at("empty"))
        @test !have(hash, "empty") && have(hash, "empty"; ignore_existence = true)
    end
end

@testset "tarballs are handled as by Pkg's PlatformEngines" begin
    with_lab(lab -> with_engines_of_pkg(theirs -> compare(ScratchRS.PlatformEngines, theirs, lab)))
end
