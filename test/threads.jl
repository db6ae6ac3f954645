# The state that threads share: eight threads in a separate process. Before Julia 1.6, there is at most one per
# processor.

const THREADS = VERSION < v"1.6" ? min(8, Sys.CPU_THREADS) : 8

@testset "artifacts of many packages and depots, on eight threads" begin
    with_lab() do lab
        hashes = [string(n; base = 16)^40 for n in 1:9]
        depots = [mkpath(joinpath(lab.root, "depot-$i")) for i in 1:40]
        for (i, depot) in enumerate(depots)
            mkpath(joinpath(depot, "artifacts", hashes[mod1(i, 8)]))
        end
        packages = map(1:8) do i
            directory = mkpath(joinpath(lab.root, "package-$i"))
            write(joinpath(directory, "Artifacts.toml"), "[x]\ngit-tree-sha1 = \"$(hashes[i])\"\n[y]\ngit-tree-sha1 = \"$(hashes[9])\"\n")
            directory
        end
        # Each package has an override by name for `y`.
        write(joinpath(depots[1], "artifacts", "Overrides.toml"), join("[$(Base.UUID(UInt128(i)))]\ny = $(repr(lab.root))\n" for i in 1:8))
        result = outcome("""
        using ScratchRS, ScratchRS.Artifacts
        Threads.nthreads() == $THREADS || error("too few threads")
        depots = $(repr(depots))
        append!(empty!(DEPOT_PATH), depots)
        files = [joinpath(directory, "Artifacts.toml") for directory in $(repr(packages))]
        hashes = $(repr(hashes))
        wrong = Threads.Atomic{Int}(0)
        Threads.@threads for task in 1:64
            for round in 1:200
                i = mod1(task + round, 8)
                hash = artifact_hash("x", files[i]; pkg_uuid = Base.UUID(UInt128(i)))
                path = artifact_path(hash)
                path == joinpath(depots[i], "artifacts", hashes[i]) || Threads.atomic_add!(wrong, 1)
                other = artifact_path(artifact_hash("y", files[i]; pkg_uuid = Base.UUID(UInt128(i))))
                other == $(repr(lab.root)) || Threads.atomic_add!(wrong, 1)
                round % 50 == 0 && GC.gc(false)
            end
        end
        # The overrides of a directory apply only in the task that has set it.
        with_directory(f, i) = ScratchRS.with_artifacts_directory(f, joinpath($(repr(lab.root)), "directory-\$i"))
        for i in 1:8
            directory = mkpath(joinpath($(repr(lab.root)), "directory-\$i"))
            write(joinpath(directory, "Overrides.toml"), "\$(hashes[9]) = \\"/of-\$i\\"\\n")
        end
        nine = Base.SHA1(hashes[9])
        Threads.@threads for task in 1:64
            i = mod1(task, 8)
            for round in 1:50
                inside = with_directory(() -> artifact_path(nine), i)
                inside == "/of-\$i" || Threads.atomic_add!(wrong, 1)
                artifact_path(nine) == $(repr(lab.root)) || Threads.atomic_add!(wrong, 1)
            end
        end
        print(wrong[])
        """; threads = 8)
        @test (result.ok, result.out) == (true, "0")
    end
end

@testset "spaces, their uses and jobs on eight threads" begin
    with_lab() do lab
        result = outcome("""
        using ScratchRS
        Threads.nthreads() == $THREADS || error("too few threads")
        owner = Base.UUID("$OWNER")
        wrong = Threads.Atomic{Int}(0)
        Threads.@threads for task in 1:32
            for round in 1:30
                path = get_scratch!(owner, "key-\$(mod1(round, 5))", Base.UUID(UInt128(task)))
                isdir(path) || Threads.atomic_add!(wrong, 1)
                round % 10 == 0 && empty!(ScratchRS.scratch_access_timers)
            end
            ScratchRS.Native.rehearse(["\$task"], 1, devnull) == ["\$task"] || Threads.atomic_add!(wrong, 1)
        end
        print(wrong[])
        """; threads = 8)
        @test (result.ok, result.out) == (true, "0")
    end
end
