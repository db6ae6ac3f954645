# Spaces that a generator fills once.

# A generator that counts its runs.
mutable struct Counted
    runs::Int
end

Counted() = Counted(0)

# The function that fills a directory with `content`.
filling(counted::Counted, content = "content") = function (directory)
    counted.runs += 1
    write(joinpath(directory, "file"), content)
end

content(path) = read(joinpath(path, "file"), String)
# The names in the namespace.
beside() = sort(readdir(scratch_dir(string(OWNER))))

# The output on standard error during a call.
function with_stderr(f)
    mktemp() do file, io
        redirect_stderr(f, io)
        close(io)
        read(file, String)
    end
end

@testset "a generator runs once" begin
    with_lab() do lab
        counted = Counted()
        namespace = scratch_dir(string(OWNER))
        seen = nothing
        path = get_scratch!(OWNER, "key") do directory
            seen = directory
            @test directory isa String
            @test isdir(directory)
            @test isempty(readdir(directory))
            @test dirname(directory) == namespace
            @test !ispath(joinpath(namespace, "key"))
            filling(counted)(directory)
            :ignored
        end
        @test path isa String
        @test path == joinpath(namespace, "key")
        @test content(path) == "content"
        @test !ispath(seen)
        @test get_scratch!(filling(counted), OWNER, "key") == path
        @test get_scratch!(OWNER, "key") == path
        @test get_scratch!(filling(counted), OWNER, "key") == path
        @test counted.runs == 1
        # The files beside the space have the names in `layout.rs`.
        @test beside() == ["key", "key@generated.toml"]
        @test readdir(path) == ["file"]
        # Without a waiting task, no message is shown.
        @test isempty(with_stderr(() -> get_scratch!(filling(counted), OWNER, "other")))
    end
end

@testset "all forms of parent and key" begin
    with_lab() do lab
        counted = Counted()
        generate = filling(counted)
        in_namespace(uuid, key) = joinpath(lab.depot, "scratchspaces", string(uuid), key)
        package = Base.PkgId(ScratchRS).uuid
        @test get_scratch!(generate, OWNER, "a") == in_namespace(OWNER, "a")
        @test get_scratch!(generate, "b", OWNER) == in_namespace(OWNER, "b")
        @test get_scratch!(generate, OWNER, SubString("c"), USER) == in_namespace(OWNER, "c")
        @test get_scratch!(generate, ScratchRS.Native, "d") == in_namespace(package, "d")
        @test get_scratch!(generate, nothing, "e") == in_namespace(GLOBAL, "e")
        @test get_scratch!(generate, "f") == in_namespace(GLOBAL, "f")
        @test get_scratch!(generate, Main, "g") == in_namespace(GLOBAL, "g")
        other = joinpath(lab.root, "other")
        @test get_scratch!(generate, "h"; version = 1, depot = other) ==
              scratch_dir(string(GLOBAL), "h"; depot = other)
        @test counted.runs == 8
        path = @get_scratch!("i") do directory
            generate(directory)
        end
        @test path == in_namespace(GLOBAL, "i")
        @test path == @get_scratch!(generate, "i")
        @test counted.runs == 9
    end
end

@testset "a generator that throws leaves nothing" begin
    with_lab() do lab
        for error in [KeyError("mine"), InterruptException(), ErrorException("mine")]
            caught = thrown() do
                get_scratch!(OWNER, "key") do directory
                    write(joinpath(mkpath(joinpath(directory, "a", "b")), "file"), "half")
                    throw(error)
                end
            end
            @test caught === error
            @test isempty(beside())
        end
        counted = Counted()
        path = get_scratch!(filling(counted), OWNER, "key")
        @test content(path) == "content"
        @test counted.runs == 1
        # Also if a space exists: the old one is kept.
        @test_throws ErrorException get_scratch!(OWNER, "key"; version = 2) do directory
            write(joinpath(directory, "file"), "half")
            error("mine")
        end
        @test content(path) == "content"
        @test beside() == ["key", "key@generated.toml"]
        @test get_scratch!(filling(counted), OWNER, "key") == path
        @test counted.runs == 1
    end
end

@testset "versions" begin
    with_lab() do lab
        counted = Counted()
        get(content; options...) = get_scratch!(filling(counted, content), OWNER, "key"; options...)
        path = get("1"; version = 1)
        @test (content(path), counted.runs) == ("1", 1)
        get("again"; version = 1)
        get("again"; version = "1")
        @test (content(path), counted.runs) == ("1", 1)
        # Open files of the old version are unchanged.
        old = open(joinpath(path, "file"))
        mkdir(joinpath(path, "only-in-old"))
        @test get("2"; version = v"2") == path
        @test (content(path), counted.runs) == ("2", 2)
        @test read(old, String) == "1"
        close(old)
        @test readdir(path) == ["file"]
        @test beside() == ["key", "key@generated.toml"]
        # Without a requested version, any is used.
        get("again")
        @test (content(path), counted.runs) == ("2", 2)
        # An older version again.
        get("1"; version = 1)
        @test (content(path), counted.runs) == ("1", 3)
        # A version can be any text.
        for version in ["", "a\"b\\c\n", "ä😀", :symbol, (1, "x"), 1.5, "x"^1000]
            runs = counted.runs
            get("any"; version = version)
            get("any"; version = version)
            @test counted.runs == runs + 1
        end
    end
end

@testset "a space with content" begin
    with_lab() do lab
        counted = Counted()
        path = get_scratch!(OWNER, "key")
        write(joinpath(path, "file"), "by hand")
        @test get_scratch!(filling(counted), OWNER, "key") == path
        @test (content(path), counted.runs) == ("by hand", 0)
        @test beside() == ["key"]
        get_scratch!(filling(counted), OWNER, "key"; version = 1)
        @test (content(path), counted.runs) == ("content", 1)
        # A space that was only opened is filled.
        get_scratch!(OWNER, "opened")
        @test content(get_scratch!(filling(counted), OWNER, "opened")) == "content"
        @test counted.runs == 2
    end
end

@testset "a generator that leaves nothing" begin
    with_lab() do lab
        runs = 0
        for _ in 1:3
            path = get_scratch!(directory -> (runs += 1), OWNER, "key")
            @test isempty(readdir(path))
        end
        @test runs == 1
        get_scratch!(directory -> (runs += 1), OWNER, "key"; version = 1)
        get_scratch!(directory -> (runs += 1), OWNER, "key"; version = 1)
        @test runs == 2
    end
end

@testset "a generator that creates its directory" begin
    with_lab() do lab
        path = get_scratch!(OWNER, "key") do directory
            rm(directory)
            write(joinpath(mkdir(directory), "file"), "content")
        end
        @test content(path) == "content"
        # Like `git clone` and `mv`.
        path = get_scratch!(OWNER, "moved") do directory
            made = mkdir(joinpath(lab.root, "made"))
            write(joinpath(made, "file"), "moved")
            mv(made, directory; force = true)
        end
        @test content(path) == "moved"
        # Without a directory, the generation fails.
        for spoil in [rm, directory -> (rm(directory); touch(directory))]
            error = thrown(() -> get_scratch!(spoil, OWNER, "spoiled"))
            @test error isa ScratchRS.NotFound
            @test occursin("spoiled@building-", error.message)
            @test !any(name -> startswith(name, "spoiled"), beside())
        end
        @test content(get_scratch!(filling(Counted()), OWNER, "spoiled")) == "content"
    end
end

@testset "calls inside a generator" begin
    with_lab() do lab
        counted = Counted()
        path = get_scratch!(OWNER, "outer") do directory
            inner = get_scratch!(filling(counted), OWNER, "inner")
            @test content(inner) == "content"
            plain = get_scratch!(OWNER, "plain")
            @test isdir(plain)
            delete_scratch!(OWNER, "plain")
            @test content(get_scratch!(filling(counted), USER, "outer")) == "content"
            filling(counted, "outer")(directory)
        end
        @test content(path) == "outer"
        @test counted.runs == 3
        # Its own space, directly or not: it would wait for ever.
        error = thrown() do
            get_scratch!(OWNER, "a") do directory
                get_scratch!(filling(counted), OWNER, "a")
            end
        end
        @test error isa ArgumentError
        @test occursin("`a`", error.msg)
        error = thrown() do
            get_scratch!(OWNER, "a") do directory
                get_scratch!(OWNER, "b") do directory
                    get_scratch!(filling(counted), OWNER, "a")
                end
            end
        end
        @test error isa ArgumentError
        @test counted.runs == 3
        @test !any(name -> startswith(name, "a") || startswith(name, "b"), beside())
        # The old version exists during the generation.
        path = get_scratch!(filling(counted, "1"), OWNER, "key"; version = 1)
        get_scratch!(OWNER, "key"; version = 2) do directory
            @test content(path) == "1"
            @test content(get_scratch!(filling(counted), OWNER, "key")) == "1"
            @test content(get_scratch!(filling(counted), OWNER, "key"; version = 1)) == "1"
            filling(counted, content(path) * "+")(directory)
        end
        @test content(path) == "1+"
    end
end

@testset "the use of a generated space is logged" begin
    with_lab() do lab
        activated(OWNER) do project
            path = get_scratch!(filling(Counted()), OWNER, "key")
            @test only(records(path))["parent_projects"] == [project]
            text = log_text()
            get_scratch!(filling(Counted()), OWNER, "key")
            get_scratch!(OWNER, "key")
            @test log_text() == text
            activated(USER) do other
                get_scratch!(filling(Counted()), OWNER, "key", USER)
                @test last(records(path))["parent_projects"] == [other]
            end
            # During the generation, the log has its directory: otherwise a collection without a
            # grace period would delete it.
            get_scratch!(OWNER, "second") do directory
                @test only(records(directory))["parent_projects"] == [project]
            end
        end
    end
end

@testset "a space that is removed while it is generated" begin
    with_lab() do lab
        for remove in [() -> clear_scratchspaces!(OWNER), clear_scratchspaces!]
            clear_scratchspaces!()
            error = thrown() do
                get_scratch!(OWNER, "key") do directory
                    filling(Counted())(directory)
                    remove()
                end
            end
            @test error isa ScratchRS.NotFound
            @test !ispath(scratch_dir(string(OWNER), "key"))
            @test content(get_scratch!(filling(Counted()), OWNER, "key")) == "content"
            @test beside() == ["key", "key@generated.toml"]
        end
        # A space was removed: the new one replaces it.
        path = get_scratch!(OWNER, "key"; version = 2) do directory
            delete_scratch!(OWNER, "key")
            filling(Counted(), "new")(directory)
        end
        @test content(path) == "new"
        @test beside() == ["key", "key@generated.toml"]
    end
end

@testset "a deleted generated space" begin
    with_lab() do lab
        counted = Counted()
        generate = filling(counted)
        path = get_scratch!(generate, OWNER, "key"; version = 1)
        delete_scratch!(OWNER, "key")
        @test isempty(beside())
        @test content(get_scratch!(generate, OWNER, "key"; version = 1)) == "content"
        @test counted.runs == 2
        clear_scratchspaces!(OWNER)
        @test content(get_scratch!(generate, OWNER, "key"; version = 1)) == "content"
        @test counted.runs == 3
        # Removed by another program, such as Pkg.gc, with and without a later call that only opens it.
        rm(path; recursive = true)
        @test content(get_scratch!(generate, OWNER, "key"; version = 1)) == "content"
        @test counted.runs == 4
        rm(path; recursive = true)
        @test isempty(readdir(get_scratch!(OWNER, "key")))
        @test content(get_scratch!(generate, OWNER, "key"; version = 1)) == "content"
        @test counted.runs == 5
        rm(path; recursive = true)
        get_scratch!(OWNER, "key")
        @test content(get_scratch!(generate, OWNER, "key")) == "content"
        @test counted.runs == 6
        # An unreadable record counts as missing.
        write(path * "@generated.toml", "\xff[[")
        get_scratch!(generate, OWNER, "key")
        @test counted.runs == 6
        get_scratch!(generate, OWNER, "key"; version = 1)
        @test counted.runs == 7
    end
end

@testset "concurrent tasks" begin
    with_lab() do lab
        counted = Counted()
        begun, go = Channel{Nothing}(Inf), Channel{Nothing}(Inf)
        generate(directory) = (put!(begun, nothing); take!(go); filling(counted)(directory))
        tasks = [@async get_scratch!(generate, OWNER, "key") for _ in 1:8]
        take!(begun)
        @test !any(istaskdone, tasks)
        put!(go, nothing)
        paths = fetch.(tasks)
        @test all(==(scratch_dir(string(OWNER), "key")), paths)
        @test counted.runs == 1
        # The first fails, and another one generates.
        fail = Ref(true)
        function unreliable(directory)
            put!(begun, nothing)
            take!(go)
            fail[] && (fail[] = false; error("mine"))
            filling(counted)(directory)
        end
        tasks = [@async get_scratch!(unreliable, OWNER, "second") for _ in 1:4]
        for _ in 1:2
            take!(begun)
            put!(go, nothing)
        end
        failed = count(tasks) do task
            try
                content(fetch(task)) == "content"
                false
            catch
                true
            end
        end
        @test failed == 1
        @test counted.runs == 2
    end
end

@testset "a waiting task shows the process" begin
    with_lab() do lab
        begun, go = Channel{Nothing}(1), Channel{Nothing}(1)
        generate(directory) = (put!(begun, nothing); take!(go); write(joinpath(directory, "file"), "content"))
        # Another process waits.
        generating = @async get_scratch!(generate, OWNER, "key")
        take!(begun)
        process, errors = start(child("""
        using ScratchRS
        print(get_scratch!(error, Base.UUID("$OWNER"), "key"))
        """))
        waiting = readline(errors)
        @test occursin("Waiting for `key`: process $(getpid()) on $(gethostname())", waiting)
        @test !istaskdone(generating)
        put!(go, nothing)
        @test read(process, String) == fetch(generating)
        @test occursin(r"Ready `key` after \d+ s", readline(errors))
        @test eof(errors)
        @test success(process)

        # Another task waits.
        generating = @async get_scratch!(generate, OWNER, "second")
        take!(begun)
        original = stderr
        reader, _ = redirect_stderr()
        waiting = @async get_scratch!(error, OWNER, "second")
        line, same = try
            line = readline(reader)
            put!(go, nothing)
            line, fetch(waiting) == fetch(generating)
        finally
            redirect_stderr(original)
        end
        @test occursin("Waiting for `second`: another task", line)
        @test same
    end
end

@testset "concurrent processes" begin
    with_lab() do lab
        count = 4
        code(i) = """
        using ScratchRS
        touch("ready-$i")
        path = get_scratch!(Base.UUID("$OWNER"), "key"; version = "1") do directory
            open(io -> println(io, getpid()), "runs"; append = true)
            while !all(i -> isfile("ready-\$i"), 1:$count)
                sleep(0.01)
            end
            for name in 'a':'z'
                write(joinpath(directory, string(name)), "content")
            end
        end
        print(path, ' ', join(readdir(path)))
        """
        results = asyncmap(i -> outcome(code(i)), 1:count)
        @test all(result -> result.ok, results)
        path = scratch_dir(string(OWNER), "key")
        @test all(result -> result.out == "$path $(join('a':'z'))", results)
        @test length(readlines("runs")) == 1
        @test beside() == ["key", "key@generated.toml"]
    end
end

@testset "a generator whose process is killed" begin
    with_lab() do lab
        for (round, prepare) in enumerate([
            () -> nothing,
            () -> get_scratch!(filling(Counted(), "old"), OWNER, "key"; version = 1),
        ])
            clear_scratchspaces!(OWNER)
            prepare()
            process, errors = start(child("""
            using ScratchRS
            get_scratch!(Base.UUID("$OWNER"), "key"; version = 2) do directory
                write(joinpath(directory, "half"), "half")
                println("begun")
                readline()
            end
            """))
            @test readline(process) == "begun"
            if round == 2
                # The old version exists until the new one replaces it.
                @test content(get_scratch!(error, OWNER, "key"; version = 1)) == "old"
            end
            kill(process, 9)
            wait(process)
            if round == 2
                @test content(get_scratch!(error, OWNER, "key"; version = 1)) == "old"
            end
            # The next process generates without waiting.
            counted = Counted()
            path = Ref("")
            message = with_stderr() do
                path[] = get_scratch!(filling(counted), OWNER, "key"; version = 2)
            end
            @test isempty(message)
            @test counted.runs == 1
            @test readdir(path[]) == ["file"]
            @test beside() == ["key", "key@generated.toml"]
        end
    end
end

@testset "concurrent threads" begin
    with_lab() do lab
        result = outcome("""
        using ScratchRS
        runs = Threads.Atomic{Int}(0)
        tasks = map(1:32) do i
            Threads.@spawn get_scratch!(Base.UUID("$OWNER"), "key-\$(i % 4)") do directory
                Threads.atomic_add!(runs, 1)
                write(joinpath(directory, "file"), "content")
            end
        end
        complete = all(task -> read(joinpath(fetch(task), "file"), String) == "content", tasks)
        # Julia 1.5 has at most one thread per processor.
        print(Threads.nthreads() > 1, ' ', complete, ' ', runs[])
        """; threads = 4)
        @test result.ok
        @test result.out == "true true 4" || Sys.CPU_THREADS == 1
    end
end
