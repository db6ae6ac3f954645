# Collection at the REPL.

@testset "a collection at the REPL" begin
    with_lab() do lab
        artifact = joinpath(lab.depot, "artifacts", "1"^40)
        write(joinpath(mkpath(artifact), "file"), "x"^2048)
        io = IOBuffer()
        report = ScratchRS.gc(; dry_run = true, collect_delay = Day(0), io = io)
        said = String(take!(io))
        @test occursin("Would free 2.0 KiB", said) && occursin("Nothing was deleted", said)
        @test isdir(artifact)
        @test length(report.gone) == 1 && report.gone[1].kind === :artifact
        @test occursin("would free 2.0 KiB", string(report))
        @test occursin("unreachable", sprint(show, MIME("text/plain"), ScratchRS.why(artifact)))
        @test occursin("artifact", sprint(show, MIME("text/plain"), ScratchRS.status()))
        @test thrown(() -> ScratchRS.why("nothing")) isa ScratchRS.NotFound
        # A unit is missing, or the sign is wrong: nothing is deleted.
        for arguments in (
            (max_size = "many",), (max_size = 50,), (collect_delay = 7,), (collect_delay = Day(-1),),
            (scratch_cleanup_period = "30",), (all_depots = true, depots = [joinpath(lab.depot, "missing")]),
        )
            @test thrown(() -> ScratchRS.gc(; arguments..., io = io)) isa ArgumentError
        end
        ScratchRS.gc(; collect_delay = 0, io = io, verbose = true)
        @test !ispath(artifact)
        @test occursin("Freed 2.0 KiB", String(take!(io)))
        ScratchRS.gc(; max_size = "1 GiB", scratch_cleanup_period = Day(30), all_depots = true, evict_in_use = true, io = devnull)
    end
end

@testset "the references of an artifact" begin
    with_lab() do lab
        package = mkpath(joinpath(lab.depot, "packages", "Irises", "abcde"))
        write(joinpath(mkpath(joinpath(lab.depot, "artifacts", "1"^40)), "file"), "x")
        file = joinpath(package, "Artifacts.toml")
        write(file, "[iris]\ngit-tree-sha1 = \"$("1"^40)\"\n")
        log = "[[$(repr(file))]]\ntime = 2024-01-02T03:04:05.006Z\n"
        write(joinpath(mkpath(joinpath(lab.depot, "logs")), "artifact_usage.toml"), log)
        status = ScratchRS.status()
        entry = only(filter(entry -> entry.kind === :artifact, status.entries))
        @test entry.label == "iris" && entry.package == "Irises"
        @test eltype(status.entries) <: NamedTuple && isempty(status.skipped)
        # The log has local time.
        @test abs(entry.last_used - DateTime(2024, 1, 2, 3, 4, 5, 6)) <= Hour(14)
        @test occursin(r"iris +artifact +1 byte +.* 1 artifact file", sprint(show, MIME("text/plain"), status))
    end
end

@testset "a root that cannot be read completely" begin
    with_lab() do lab
        artifact = mkpath(joinpath(lab.depot, "artifacts", "1"^40))
        file = joinpath(lab.depot, "Artifacts.toml")
        write(file, "[iris]\ngit-tree-sha1 = \"")
        log = "[[$(repr(file))]]\ntime = 2024-01-02T03:04:05.006Z\n"
        write(joinpath(mkpath(joinpath(lab.depot, "logs")), "artifact_usage.toml"), log)
        io = IOBuffer()
        report = ScratchRS.gc(; dry_run = true, collect_delay = 0, io = io)
        said = String(take!(io))
        @test isempty(report.gone) && occursin(file, said) && occursin("`ignore_roots`", said)
        note = only(report.skipped)
        @test (note.consequence, note.path, note.line, note.column) == (:held, file, 2, 18)
        @test occursin("$file:2:18", said)
        report = ScratchRS.gc(; dry_run = true, collect_delay = 0, ignore_roots = [file], io = devnull)
        @test only(report.gone).path == artifact && isempty(report.skipped)
        @test isempty(ScratchRS.status(; ignore_roots = [file]).skipped)
        why = sprint(show, MIME("text/plain"), ScratchRS.why(artifact; ignore_roots = [file]))
        @test occursin("unreachable", why)
    end
end

@testset "one depot, and how results are shown" begin
    with_lab() do lab
        artifact = mkpath(joinpath(lab.depot, "artifacts", "1"^40))
        write(joinpath(artifact, "<file>"), "x")
        empty!(DEPOT_PATH)
        # Its characters are not depots.
        @test ScratchRS.status(; depots = lab.depot).depots == [lab.depot]
        report = ScratchRS.gc(; depots = lab.depot, dry_run = true, collect_delay = 0, io = devnull)
        @test only(report.gone).path == artifact
        @test sprint(show, MIME("text/plain"), report) == "ScratchRS.gc: would free 1 byte (1 item); 0 items pending"
        html = sprint(show, MIME("text/html"), ScratchRS.why("1"^40; depots = lab.depot))
        @test startswith(html, "<pre>artifact ") && endswith(html, "</pre>")
        @test haskey(Base.Docs.meta(ScratchRS), Base.Docs.Binding(ScratchRS, :ScratchRS))
    end
end

@testset "an unreadable store is not collected" begin
    with_lab() do lab
        bind_my_artifact!(@my_artifacts_toml!(), "name", create_my_artifact(dir -> touch(joinpath(dir, "file"))))
        log = joinpath(ScratchRS.Store.get_scratchspace(), "logs", "my_artifact_uses.log")
        rm(log)
        mkdir(log)
        artifact = mkpath(joinpath(lab.depot, "artifacts", "1"^40))
        explanations = ScratchRS.why(artifact)
        @test length(explanations.found) == 1 && length(explanations.skipped) == 1
        said = sprint(show, MIME("text/plain"), explanations)
        @test occursin("note: 1 file left alone", said) && occursin(log, said)
        error = thrown(() -> ScratchRS.why("name"))
        @test error isa ScratchRS.NotFound && occursin("is left alone", error.message)
    end
end

@testset "a space that is deleted before its use is logged is created again" begin
    with_lab() do lab
        activated(OWNER) do project
            # As by a collection without a grace period in between.
            path = scratch_dir(string(OWNER), "key")
            space = get_scratch!(OWNER, "key")
            @test space == path && isdir(path)
            empty!(ScratchRS.scratch_access_timers)
            rm(path)
            @test ScratchRS.track(lab.depot, OWNER, path)
            @test !ScratchRS.track(lab.depot, OWNER, path)
            generated = 0
            fill(directory) = (generated += 1; write(joinpath(directory, "file"), "content"))
            space = get_scratch!(fill, OWNER, "filled")
            @test generated == 1 && isfile(joinpath(space, "file"))
            ScratchRS.gc(; collect_delay = 0, io = devnull)
            @test isfile(joinpath(space, "file"))
        end
    end
end
