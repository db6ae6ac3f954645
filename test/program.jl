# The program `scratchrs`, called from Julia.

# The output of the program. On standard error, it notes that a use has no project.
answer(command) = readchomp(pipeline(command; stderr = devnull))

@testset "the program uses the depots of the session" begin
    with_lab(stacked = true) do lab
        activated(OWNER) do project
            path = get_scratch!(OWNER, "key")
            write(joinpath(path, "file"), "12345")
            command = ScratchRS.scratchrs()
            @test command isa Cmd
            list = read(`$command scratch list --json`, String)
            @test occursin("\"path\": $(repr(path))", list)
            @test occursin("\"owner\": \"$OWNER\"", list)
            @test occursin("\"key\": \"key\"", list)
            @test occursin("\"bytes\": 5", list)
            @test occursin(repr(project), list)
            @test length(collect(eachmatch(r"\"key\": ", list))) == 1
            # Julia and the program give the same path.
            @test answer(`$command scratch path key --uuid $OWNER`) == path
            @test answer(`$command scratch path new --uuid $OWNER --project $project`) == get_scratch!(OWNER, "new")
            @test answer(`$command scratch path shared`) == get_scratch!(GLOBAL, "shared")
            @test answer(`$command scratch path of-project --project $project`) == get_scratch!("of-project")
            @test length(records(scratch_dir(string(OWNER), "of-project"))) == 2
            @test startswith(answer(`$command --version`), "scratchrs ")
            # The function form.
            before = get(ENV, "JULIA_DEPOT_PATH", nothing)
            inside = ScratchRS.scratchrs() do exe
                @test exe isa String
                @test isabspath(exe)
                @test isfile(exe)
                answer(`$exe scratch path key --uuid $OWNER`)
            end
            @test inside == path
            @test get(ENV, "JULIA_DEPOT_PATH", nothing) == before
            @test_throws ErrorException ScratchRS.scratchrs(exe -> error("inside"))
            @test get(ENV, "JULIA_DEPOT_PATH", nothing) == before
            # The program refuses the same inputs as Julia.
            @test !success(pipeline(`$command scratch path a/b --uuid $OWNER`; stderr = devnull))
            @test !success(pipeline(`$command scratch path none --no-create --uuid $OWNER`; stderr = devnull))
            run(pipeline(`$command scratch delete key --uuid $OWNER --yes`; stdout = devnull, stderr = devnull))
            @test !ispath(path)
        end
    end
end

@testset "a depot with a space in its name" begin
    with_lab(stacked = true) do lab
        DEPOT_PATH[1] = joinpath(lab.root, "a depot ü")
        path = get_scratch!(OWNER, "key")
        @test answer(`$(ScratchRS.scratchrs()) scratch path key --uuid $OWNER`) == path
        DEPOT_PATH[1] = "relative"
        path = get_scratch!(OWNER, "key")
        @test answer(`$(ScratchRS.scratchrs()) scratch path key --uuid $OWNER`) == path
    end
end

@testset "the program is not installed" begin
    with_lab() do lab
        # An installed package in a session that was started without it: a working copy has it in `override/`.
        package = copied_package(joinpath(lab.root, "package"))
        result = outcome("""
        using ScratchRS
        for call in [() -> ScratchRS.scratchrs(), () -> ScratchRS.scratchrs(identity)]
            error = try
                call()
            catch error
                error
            end
            println(error isa ScratchRS.NotFound, occursin("scratchrs", error.message), !isempty(error.hint))
        end
        """; project = package, depots = [lab.depot; Lab.OUTER[2:end]])
        @test (result.ok, result.out) == (true, "truetruetrue\n"^2)
    end
end
