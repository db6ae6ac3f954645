# Jobs on their own threads: their progress, and interrupts.

using Base.CoreLogging: AbstractLogger, CoreLogging, LogLevel, with_logger
using ScratchRS: Native, Progress

# Records log messages.
struct Recorder <: AbstractLogger
    records::Vector{Any}
end
CoreLogging.min_enabled_level(::Recorder) = LogLevel(-1)
CoreLogging.shouldlog(::Recorder, arguments...) = true
CoreLogging.handle_message(recorder::Recorder, level, message, _module, group, id, file, line; progress = nothing, kw...) =
    push!(recorder.records, (level, message, id, progress))

# The log messages of a job without a terminal.
function records_of(stages, steps, io = IOBuffer())
    recorder = Recorder([])
    reply = with_logger(() -> Native.rehearse(stages, steps, io), recorder)
    return reply, recorder.records
end

@testset "texts cross unchanged" begin
    for texts in [String[], [""], ["a", "", "ü😀"], ["x"^5000, "y"]]
        @test Native.rehearse(texts, 0) == texts
    end
    @test thrown(() -> Native.rehearse(["a\0b"], 0)) isa ArgumentError
    @test thrown(() -> Native.rehearse(["\xff"], 0)) isa ArgumentError
end

@testset "a long job logs its progress" begin
    reply, records = records_of(["First", "Second stage"], 80)
    @test reply == ["First", "Second stage"]
    @test all(record -> record[1] == LogLevel(-1), records)
    for stage in reply
        seen = [(id, progress) for (_, message, id, progress) in records if message == stage]
        ids, values = first.(seen), last.(seen)
        @test length(unique(ids)) == 1
        @test values[end] == "done"
        @test issorted(values[1:(end - 1)]) && all(value -> 0 <= value <= 1, values[1:(end - 1)])
    end
    # A job that ends at once or is silent shows no progress.
    @test records_of(["First"], 1)[2] == []
    @test records_of(["First"], 70, devnull)[2] == []
end

@testset "the progress bar of a terminal" begin
    @test Progress.terminal(IOBuffer()) == Progress.terminal(devnull) == Progress.terminal(identity) == (0, false)
    io = IOBuffer()
    view = Progress.View(io, :bar, "First", :id)
    progress = Dict{String, Any}("stage" => "First", "done" => 1, "total" => 2, "line" => "the line")
    @test Progress.shown(view, io, progress) === view
    close(view)
    @test String(take!(io)) == "\rthe line\e[K\r\e[K"
end

@testset "an interrupt cancels a job and waits for its end" begin
    for seconds in [0.0, 0.7]
        job = @async Native.rehearse(["First"], 100_000, devnull)
        sleep(seconds)
        schedule(job, InterruptException(); error = true)
        @test thrown(() -> wait(job)) !== nothing
        @test job.exception isa InterruptException
    end
    # Ctrl-C in a session that continues.
    code = """
    using ScratchRS
    try
        println("ready")
        flush(stdout)
        ScratchRS.Native.rehearse(["First"], 100_000)
        println("over")
    catch error
        println(typeof(error))
    end
    println(ScratchRS.Native.rehearse(["Second"], 1))
    """
    process, errors = Lab.start(child(catching_interrupts(code)))
    @test readline(process) == "ready"
    kill(process, Base.SIGINT)
    @test readline(process) == "InterruptException"
    @test readline(process) == "[\"Second\"]"
    close(errors)
end

@testset "interrupts in the handler of an interrupt" begin
    # Interrupts in rapid succession, as by a key that is held: the job has ended, and only one is
    # thrown. The condition that it notifies is not freed before.
    for _ in 1:10
        job = @async Native.rehearse(["First"], 100_000, devnull)
        for pause in (0.02, 0.0, 0.0)
            pause > 0 ? sleep(pause) : yield()
            istaskdone(job) || schedule(job, InterruptException(); error = true)
        end
        @test thrown(() -> wait(job)) !== nothing
        GC.gc()
    end
    # Ctrl-C.
    code = """
    using ScratchRS
    ScratchRS.Native.rehearse(["First"], 1)
    println("ready")
    flush(stdout)
    caught = 0
    while caught < 3
        try
            # The second one arrives while the job ends.
            ScratchRS.Native.rehearse(["First"], 100_000)
        catch error
            error isa InterruptException || rethrow()
            global caught += 1
            println("caught")
            flush(stdout)
        end
    end
    GC.gc()
    println(ScratchRS.Native.rehearse(["Second"], 1))
    """
    process, errors = Lab.start(child(catching_interrupts(code)))
    @test readline(process) == "ready"
    caught = 0
    while caught < 3
        # After more of them within a second, Julia forces an interrupt at any place.
        sleep(1.0)
        kill(process, Base.SIGINT)
        kill(process, Base.SIGINT)
        readline(process) == "caught" || break
        caught += 1
    end
    # A late interrupt may end the session instead.
    rest = readlines(process)
    @test caught == 3 && (isempty(rest) || last(rest) in ("[\"Second\"]", "caught"))
    wait(process)
    # It ended normally or by an interrupt, not by a crash.
    @test process.termsignal in (0, Base.SIGINT)
    @test !occursin("signal (11)", read(errors, String))
end

@testset "an interrupt passes no frame of the library" begin
    # Plain calls and calls that wait; those of jlrs have safepoints. The interrupts are too slow for
    # Julia to force them.
    code = """
    using ScratchRS
    owner = Base.UUID("$OWNER")
    caught, calls = 0, 0
    while caught < 5
        try
            while true
                empty!(ScratchRS.scratch_access_timers)
                path = ScratchRS.Native.get_scratch(DEPOT_PATH[1], "", owner, "key")
                tracked = ScratchRS.Native.track_access(DEPOT_PATH[1], path, abspath("Project.toml"))
                tracked.recorded || error("not recorded")
                global calls += 1
                calls == 1 && (println("ready"); flush(stdout))
            end
        catch error
            error isa InterruptException || rethrow()
            global caught += 1
            println("caught")
            flush(stdout)
        end
    end
    # The locks of the log and of the dictionary are free.
    println(isdir(get_scratch!(owner, "after")), ' ', calls > 0)
    """
    with_lab() do lab
        process, errors = Lab.start(child(catching_interrupts(code)))
        @test readline(process) == "ready"
        for _ in 1:5
            sleep(0.4)
            kill(process, Base.SIGINT)
            @test readline(process) == "caught"
        end
        @test readline(process) == "true true"
        wait(process)
        @test success(process)
        close(errors)
    end
end

@testset "a session that ends while jobs run" begin
    with_lab() do lab
        for threads in [1, 4], _ in 1:3
            result = Lab.quietly(child("""
            using ScratchRS
            for _ in 1:8
                @async ScratchRS.Native.rehearse(["First"], 100_000, devnull)
            end
            # They send notifications now, and continue while Julia closes the conditions.
            sleep(0.8)
            exit(3)
            """; threads = threads))
            @test !result.ok && isempty(result.err)
        end
    end
end
