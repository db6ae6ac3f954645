# `Pkg.gc` on spaces and their log, which it supports since Julia 1.6.

const GC_OUT = VERSION < v"1.6" ? nothing : devnull

# Julia 1.13 collects without a grace period.
const HAS_ORPHANAGE = VERSION < v"1.13-"

@testset "Pkg.gc keeps used spaces and removes orphans" begin
    VERSION < v"1.6" ? inapplicable("Pkg.gc", "it does not support spaces in this version of Julia") :
    with_lab(stacked = true) do lab
        uuid = "b2d3c1a4-7f60-4e0b-8c5b-1f6a0f9f3e77"
        package = joinpath(lab.root, "SpaceUser")
        cp(joinpath(@__DIR__, "packages", "SpaceUser"), package)
        Pkg.activate(joinpath(lab.root, "environment"); io = devnull)
        Pkg.develop([Pkg.PackageSpec(path = REPO), Pkg.PackageSpec(path = package)]; io = devnull)
        result = outcome(
            "using SpaceUser; SpaceUser.table(); using ScratchRS; get_scratch!(\"shared\")";
            project = joinpath(lab.root, "environment"),
            load_path = ["@"],
        )
        @test result.ok
        cache, table = scratch_dir(uuid, "cache"), scratch_dir(uuid, "table")
        shared = scratch_dir(string(GLOBAL), "shared")
        @test isdir(cache) && isdir(table) && isdir(shared)
        # A project that is not a package uses the same space.
        mine = activated(OWNER) do project
            get_scratch!(OWNER, "mine")
        end
        untracked = get_scratch!(USER, "untracked")
        @test isempty(records(untracked))

        # Pkg must collect this depot only, not that of the tests.
        Lab.refill!(DEPOT_PATH, [lab.depot])
        orphans() = Pkg.TOML.parsefile(joinpath(lab.depot, "logs", "orphaned.toml"))
        Pkg.gc(; io = devnull)
        @test isdir(cache) && isdir(table) && isdir(shared) && isdir(mine)
        # An unused item is an orphan, and is deleted after the grace period.
        if HAS_ORPHANAGE
            @test haskey(orphans(), untracked)
            @test isempty(intersect(keys(orphans()), [cache, table, shared, mine]))
            @test isdir(untracked)
        end
        # The log as Pkg has rewritten it has the records, and further ones can be added.
        @test only(records(cache))["parent_projects"] == [joinpath(package, "Project.toml")]
        @test only(records(table))["parent_projects"] == [joinpath(package, "Project.toml")]
        empty!(ScratchRS.scratch_access_timers)
        activated(OWNER) do project
            @test_logs get_scratch!(OWNER, "more")
            @test_logs get_scratch!(OWNER, "mine")
        end
        @test length(records(mine)) == 2
        @test length(records(cache)) == 1

        # The package is deleted: its spaces are orphans, then deleted. Other used spaces are kept.
        Pkg.rm("SpaceUser"; io = devnull)
        rm(package; recursive = true)
        Pkg.gc(; io = devnull)
        if HAS_ORPHANAGE
            @test isdir(cache) && isdir(table)
            @test haskey(orphans(), cache)
            @test haskey(orphans(), table)
            @test !haskey(orphans(), mine)
            @test !haskey(orphans(), shared)
        end
        Pkg.gc(; io = devnull, collect_delay = Millisecond(0))
        @test !ispath(cache)
        @test !ispath(table)
        @test !ispath(untracked)
        @test isdir(mine) && isdir(shared)
        # Only the record of the generation may be left.
        @test !isdir(scratch_dir(uuid)) || all(isfile, readdir(scratch_dir(uuid); join = true))

        # The package is created again.
        cp(joinpath(@__DIR__, "packages", "SpaceUser"), package)
        push!(DEPOT_PATH, Lab.OUTER...)
        Pkg.develop(Pkg.PackageSpec(path = package); io = devnull)
        result = outcome(
            "using SpaceUser; print(SpaceUser.table())";
            project = joinpath(lab.root, "environment"),
            load_path = ["@"],
        )
        @test result.ok
        @test result.out == "1 2 3"
        @test !isempty(records(table))
    end
end

@testset "Julia's other writers of the log" begin
    with_lab() do lab
        activated(OWNER) do project
            path = get_scratch!(OWNER, "key")
            # Scratch.jl appends in another order and with fewer digits.
            open(ScratchRS.usage_toml(); append = true) do io
                print(io, "[[\"/x\"]]\ntime = 2024-01-02T03:04:05.1Z\nparent_projects = [\"/p\"]\n")
            end
            @test_logs get_scratch!(OWNER, "second")
            @test length(records("/x")) == 1
            @test length(records(path)) == 1
            # Pkg rewrites it in its own order.
            table = Pkg.TOML.parsefile(ScratchRS.usage_toml())
            open(io -> Pkg.TOML.print(io, table), ScratchRS.usage_toml(), "w")
            text = log_text()
            @test_logs get_scratch!(OWNER, "third")
            @test length(records("/x")) == 1
            @test length(records(scratch_dir(string(OWNER), "third"))) == 1
        end
    end
end
