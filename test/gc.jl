# Collection at the REPL.

@testset "a collection at the REPL" begin
    with_lab() do lab
        artifact = joinpath(lab.depot, "artifacts", "1"^40)
        write(joinpath(mkpath(artifact), "file"), "x"^2048)
        io = IOBuffer()
        report = ScratchRS.gc(; dry_run = true, collect_delay = Day(0), io = io)
        said = String(take!(io))
        @test occursin("Would free 2.0 KiB", said) && occursin("Nothing was touched", said)
        @test isdir(artifact)
        @test length(report.gone) == 1 && report.gone[1].kind === :artifact
        @test occursin("would free 2.0 KiB", string(report))
        @test occursin("nothing keeps it", sprint(show, MIME("text/plain"), ScratchRS.why(artifact)))
        @test occursin("artifact", sprint(show, MIME("text/plain"), ScratchRS.status()))
        @test thrown(() -> ScratchRS.why("nothing")) isa ScratchRS.NotFound
        @test thrown(() -> ScratchRS.gc(; max_size = "many", io = io)) isa ArgumentError
        ScratchRS.gc(; collect_delay = 0, io = io, verbose = true)
        @test !ispath(artifact)
        @test occursin("Freed 2.0 KiB", String(take!(io)))
        ScratchRS.gc(; max_size = "1 GiB", scratch_cleanup_period = Day(30), force = true, io = devnull)
    end
end
