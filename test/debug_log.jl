# The debug log of the library, which `JULIA_DEBUG` enables.

@testset "JULIA_DEBUG gives the decisions of a collection" begin
    with_lab() do lab
        bound, orphan = "1"^40, "2"^40
        for hash in (bound, orphan)
            write(joinpath(mkpath(joinpath(lab.depot, "artifacts", hash)), "file"), "x")
        end
        file = joinpath(lab.root, "Artifacts.toml")
        write(file, "[iris]\ngit-tree-sha1 = \"$bound\"\n")
        logs = mkpath(joinpath(lab.depot, "logs"))
        write(joinpath(logs, "artifact_usage.toml"), "[[\"$file\"]]\ntime = 2024-01-02T03:04:05.006Z\n")
        code = "using ScratchRS; ScratchRS.gc(; collect_delay = 0, io = devnull)"
        artifact(hash) = joinpath(lab.depot, "artifacts", hash)
        # Without it, nothing is logged.
        lines(debug) =
            filter(startswith("debug: "), split(outcome(child(code; env = ["JULIA_DEBUG" => debug])).err, '\n'))
        @test isempty(lines("Pkg"))
        @test !ispath(artifact(orphan))
        mkpath(artifact(orphan))
        found = lines("ScratchRS")
        @test "debug: keeping `$(artifact(bound))`: referenced by the artifact file `$file`" in found
        reason = "unreachable for longer than the collection delay"
        @test "debug: deleting `$(artifact(orphan))`: $reason" in found
    end
end
