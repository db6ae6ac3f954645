# The usage log: its records, when and for which project they are written, and logs in any state.

# `1234-…Z`: three digits, so that every version of Julia reads the same.
const RECORD_TIME = r"^time = (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z$"

@testset "Scratch.jl and Pkg can read a record" begin
    with_lab() do lab
        activated(OWNER) do project
            path = get_scratch!(OWNER, "key")
            text = log_text()
            lines = split(text, '\n')
            @test lines[1] == "[[\"$path\"]]"
            @test lines[2] == "parent_projects = [\"$project\"]"
            time = match(RECORD_TIME, lines[3])
            @test time !== nothing
            @test lines[4:end] == [""]
            @test abs(DateTime(time[1]) - now()) < Minute(1)
            record = only(records(path))
            @test sort(collect(keys(record))) == ["parent_projects", "time"]
            @test record["parent_projects"] == [project]
            @test record["time"] == DateTime(time[1])
            # The directory of logs has no other file.
            @test readdir(dirname(ScratchRS.usage_toml())) == ["scratch_usage.toml"]
        end
    end
end

@testset "paths with any characters" begin
    Sys.iswindows() || with_lab() do lab
        for name in ["qu\"ote", "back\\slash", "new\nline", "tab\t", "bell\a\e\x7f", "ä ö", "😀", "a'b", "#[[x]]", "\u200b\u2028"]
            DEPOT_PATH[1] = joinpath(lab.root, name)
            empty!(ScratchRS.scratch_access_timers)
            activated(OWNER) do _
                path = get_scratch!(OWNER, "key")
                @test length(records(path)) == 1
                get_scratch!(OWNER, "other")
                @test length(records(path)) == 1
                ScratchRS.condense_usage!()
                @test sort(collect(keys(Pkg.TOML.parsefile(ScratchRS.usage_toml())))) ==
                      sort([path, scratch_dir(string(OWNER), "other")])
            end
            # The path of the project is written in the same way.
            project = joinpath(mkpath(joinpath(lab.root, "project", name)), "Project.toml")
            write(project, "uuid = \"$OWNER\"\n")
            Base.ACTIVE_PROJECT[] = project
            path = get_scratch!(OWNER, "third")
            @test only(records(path))["parent_projects"] == [project]
            Base.ACTIVE_PROJECT[] = nothing
        end
    end
end

# Julia 1.5 finds the path of a loaded package only while it is in the load path.
in_load_path() = VERSION < v"1.6" && push!(LOAD_PATH, REPO)

@testset "one record for each user, space and session" begin
    with_lab() do lab
        in_load_path()
        activated(OWNER) do project
            path = get_scratch!(OWNER, "key")
            text = log_text()
            get_scratch!(OWNER, "key")
            get_scratch!("key")
            get_scratch!("key", OWNER)
            ScratchRS.track_scratch_access(OWNER, path)
            with_scratch_directory(() -> get_scratch!(OWNER, "key"; depot = lab.depot), "elsewhere")
            @test log_text() == text
            get_scratch!(OWNER, "second")
            @test length(records(path)) == 1
            @test length(records(scratch_dir(string(OWNER), "second"))) == 1
            # Another user of the same space.
            activated(USER) do other
                @test get_scratch!(OWNER, "key", USER) == path
                @test [record["parent_projects"] for record in records(path)] == [[project], [other]]
                text = log_text()
                get_scratch!(OWNER, "key", USER)
                @test log_text() == text
            end
            get_scratch!(OWNER, "key", ScratchRS)
            @test realpath.(last(records(path))["parent_projects"]) == [realpath(joinpath(REPO, "Project.toml"))]
            @test length(records(path)) == 3
            # The timers of Scratch.jl.
            @test OWNER in first.(keys(ScratchRS.scratch_access_timers))
            @test USER in first.(keys(ScratchRS.scratch_access_timers))
            @test path in last.(keys(ScratchRS.scratch_access_timers))
            empty!(ScratchRS.scratch_access_timers)
            @test isempty(keys(ScratchRS.scratch_access_timers))
            get_scratch!(OWNER, "key")
            @test length(records(path)) == 4
        end
    end
end

@testset "another session logs again, in its local time" begin
    with_lab() do lab
        code = """
        using ScratchRS, Dates
        Base.ACTIVE_PROJECT[] = ARGS[1]
        path = get_scratch!(Base.UUID("$OWNER"), "key")
        print(path, '\\n', now())
        """
        project = joinpath(lab.root, "Project.toml")
        write(project, "uuid = \"$OWNER\"\n")
        before = Base.ACTIVE_PROJECT[]
        Base.ACTIVE_PROJECT[] = project
        path = get_scratch!(OWNER, "key")
        Base.ACTIVE_PROJECT[] = before
        # Five and a half hours east of Greenwich, independent of the time zones of the machine.
        command = child(code; env = ["TZ" => "XYZ-5:30"])
        result = outcome(setenv(`$command $project`, command.env; dir = command.dir))
        @test result.ok
        there, time = split(result.out, '\n')
        @test there == path
        @test length(records(path)) == 2
        @test abs(records(path)[2]["time"] - DateTime(time)) < Minute(1)
    end
end

@testset "the next use is logged after a space was deleted" begin
    with_lab() do lab
        activated(OWNER) do project
            function logged_again(remove, parent = OWNER)
                path = get_scratch!(OWNER, "key")
                other = get_scratch!(USER, "key", OWNER)
                counts = length(records(path)), length(records(other))
                remove()
                @test length(records(path)) == counts[1]
                @test get_scratch!(OWNER, "key") == path
                @test get_scratch!(USER, "key", OWNER) == other
                return (length(records(path)), length(records(other))) .- counts
            end
            @test logged_again(() -> delete_scratch!(OWNER, "key")) == (1, 0)
            @test logged_again(() -> clear_scratchspaces!(OWNER)) == (1, 0)
            @test logged_again(() -> clear_scratchspaces!()) == (1, 1)
            @test logged_again(() -> delete_scratch!(OWNER, "ke")) == (0, 0)
            # All users are forgotten.
            activated(file -> get_scratch!(OWNER, "key", USER), USER)
            delete_scratch!(OWNER, "key")
            @test isempty(filter(((_, path),) -> path == ScratchRS.scratch_path(OWNER, "key"), keys(ScratchRS.scratch_access_timers)))
            # In any spelling of the depot.
            for depot in [lab.depot * "/", joinpath(lab.depot, "..", "depot"), joinpath(lab.depot, ".")]
                path = get_scratch!(OWNER, "key"; depot = depot)
                count = length(records(path))
                delete_scratch!(OWNER, "key"; depot = depot)
                get_scratch!(OWNER, "key"; depot = depot)
                @test length(records(path)) == count + 1
                count = length(records(path))
                clear_scratchspaces!(OWNER; depot = depot)
                get_scratch!(OWNER, "key"; depot = depot)
                @test length(records(path)) == count + 1
            end
        end
    end
end

@testset "the package for which a use is logged" begin
    with_lab() do lab
        parents(path) = [record["parent_projects"] for record in records(path)]
        # Without a known project, no use is logged, also the second time.
        path = get_scratch!(OWNER, "key")
        get_scratch!(OWNER, "key")
        shared = get_scratch!("key")
        @test !ispath(joinpath(lab.depot, "logs"))
        # The active project, if it is that of the package.
        activated(USER) do _
            get_scratch!(OWNER, "key")
            @test isempty(parents(path))
        end
        activated(OWNER) do project
            get_scratch!(OWNER, "key")
            @test parents(path) == [[project]]
        end
        # For a loaded package, its own project, whatever project is active.
        in_load_path()
        own = realpath(joinpath(REPO, "Project.toml"))
        for active in [nothing, OWNER]
            empty!(ScratchRS.scratch_access_timers)
            call() = get_scratch!(ScratchRS, "key")
            active === nothing ? call() : activated(_ -> call(), active)
            @test realpath(only(last(parents(scratch_dir(string(Base.PkgId(ScratchRS).uuid), "key"))))) == own
        end
        @test get_scratch!(OWNER, "of-loaded", ScratchRS.Native) isa String
        @test realpath.(only(parents(scratch_dir(string(OWNER), "of-loaded")))) == [own]
        # For the shared namespace, the active project, or the default environment.
        activated("") do project
            get_scratch!("key")
            @test parents(shared) == [[project]]
        end
        default = joinpath(lab.depot, "environments", "v$(VERSION.major).$(VERSION.minor)", "Project.toml")
        write((mkpath(dirname(default)); default), "")
        empty!(ScratchRS.scratch_access_timers)
        get_scratch!("key")
        @test last(parents(shared)) == [default]
        Base.ACTIVE_PROJECT[] = joinpath(lab.root, "not", "there", "Project.toml")
        get_scratch!("second")
        @test parents(scratch_dir(string(GLOBAL), "second")) == [[default]]
        Base.ACTIVE_PROJECT[] = "@v#.#"
        get_scratch!("third")
        @test parents(scratch_dir(string(GLOBAL), "third")) == [[default]]
        # A path in the log is absolute, as is a relative project.
        write("Project.toml", "uuid = \"$OWNER\"\n")
        Base.ACTIVE_PROJECT[] = "Project.toml"
        get_scratch!(OWNER, "relative")
        @test parents(scratch_dir(string(OWNER), "relative")) == [[joinpath(lab.root, "Project.toml")]]
        # A project that is a directory or does not exist is not logged.
        Base.ACTIVE_PROJECT[] = lab.root
        @test isdir(get_scratch!(OWNER, "directory"))
        # `track_scratch_access` takes any path.
        Base.ACTIVE_PROJECT[] = joinpath(lab.root, "Project.toml")
        @test ScratchRS.track_scratch_access(OWNER, "some/where") === nothing
        @test parents(joinpath(lab.root, "some", "where")) == [[joinpath(lab.root, "Project.toml")]]
        @test ScratchRS.track_scratch_access(OWNER, SubString("/x/y/", 1)) === nothing
    end
end

@testset "JULIA_SCRATCH_TRACK_ACCESS=0" begin
    with_lab() do lab
        activated(OWNER) do _
            path = withenv("JULIA_SCRATCH_TRACK_ACCESS" => "0") do
                get_scratch!(d -> touch(joinpath(d, "file")), OWNER, "filled")
                ScratchRS.track_scratch_access(OWNER, "/x")
                get_scratch!(OWNER, "key")
            end
            @test isdir(path)
            @test !ispath(joinpath(lab.depot, "logs"))
            for value in ["1", "", "yes"]
                empty!(ScratchRS.scratch_access_timers)
                withenv(() -> get_scratch!(OWNER, "new$(length(value))"), "JULIA_SCRATCH_TRACK_ACCESS" => value)
                @test length(records(scratch_dir(string(OWNER), "new$(length(value))"))) == 1
            end
        end
    end
end

touch_file(directory) = touch(joinpath(directory, "file"))

@testset "a log in any state" begin
    good = "[[\"/depot/scratchspaces/x/y\"]]\nparent_projects = [\"/p/Project.toml\"]\ntime = 2024-01-02T03:04:05.006Z\n"
    with_log(f, content) = with_lab() do lab
        mkpath(dirname(ScratchRS.usage_toml()))
        content === nothing || write(ScratchRS.usage_toml(), content)
        activated(project -> f(lab, project), OWNER)
    end
    kept(project) = only(records("/depot/scratchspaces/x/y"))["parent_projects"] == ["/p/Project.toml"]

    @testset "sound" begin
        for content in ["", "\n", "# a comment\n", good, "\n\n" * good * "\n", replace(good, '\n' => "\r\n"), chomp(good)]
            with_log(content) do _, project
                path = @test_logs get_scratch!(OWNER, "key")
                @test only(records(path))["parent_projects"] == [project]
                occursin("x/y", content) && @test kept(project)
            end
        end
        # A valid log is only appended to.
        with_log("# mine\n" * good) do _, project
            get_scratch!(OWNER, "key")
            @test startswith(log_text(), "# mine\n" * good)
        end
        # Unknown fields are kept.
        with_log(good * "future = [1, 2]\n") do _, project
            path = get_scratch!(OWNER, "key")
            @test only(records("/depot/scratchspaces/x/y"))["future"] == [1, 2]
        end
    end

    @testset "torn" begin
        for (content, line) in [
            good * "[[\"/depot/scratchspa" => 4,
            good * "[[\"/torn\"]]\nparent_projects = [\"/p/Pro" => 5,
            good * "[[\"/torn\"]]\ntime = 2024-01-0" => 5,
            "]]]\n" * good => 1,
            "\0\0\0\n" * good => 1,
            good * "\xff\xfe\n" => 4,
            "\xef\xbb\xff\n" * good => 1,
        ]
            with_log(content) do _, project
                path = @test_logs (:warn, r"had invalid parts") match_mode = :any begin
                    get_scratch!(OWNER, "key")
                end
                @test isdir(path)
                @test only(records(path))["parent_projects"] == [project]
                @test kept(project)
                # The log is repaired: the next use has no warning.
                @test_logs get_scratch!(OWNER, "second")
                @test kept(project)
            end
            with_log(content) do _, project
                logger = Test.TestLogger()
                Base.CoreLogging.with_logger(() -> get_scratch!(OWNER, "key"), logger)
                warning = only(logger.logs)
                @test occursin(ScratchRS.usage_toml(), warning.message)
                @test any(part -> occursin("line $line", part), warning.kwargs[:removed_records])
            end
        end
        for content in ["not toml at all", "\xff", repeat("x", 100_000)]
            with_log(content) do _, project
                path = @test_logs (:warn,) get_scratch!(OWNER, "key")
                @test only(records(path))["parent_projects"] == [project]
            end
        end
    end

    @testset "not a file" begin
        with_log(nothing) do _, project
            mkdir(ScratchRS.usage_toml())
            path = @test_logs (:warn, r"can't be logged") get_scratch!(OWNER, "key")
            @test isdir(path)
            @test isdir(ScratchRS.usage_toml())
            # The warning is not repeated at each use.
            @test_logs get_scratch!(OWNER, "key")
            error = thrown(ScratchRS.condense_usage!)
            @test error isa ScratchRS.DepotIO
            @test occursin("scratch_usage.toml", error.message)
            @test !isempty(error.hint)
        end
        with_lab() do lab
            touch(joinpath(lab.depot, "logs"))
            activated(OWNER) do _
                path = @test_logs (:warn, r"can't be logged") get_scratch!(OWNER, "key")
                @test isdir(path)
                path = @test_logs (:warn, r"can't be logged") match_mode = :any get_scratch!(touch_file, OWNER, "filled")
                @test readdir(path) == ["file"]
            end
        end
    end
end

@testset "condense_usage!" begin
    with_lab() do lab
        @test ScratchRS.condense_usage!() === nothing
        times = ["2024-01-02T03:04:05.006", "2025-01-02T03:04:05.006", "2023-01-02T03:04:05.006"]
        record(path, i) = "[[\"$path\"]]\ntime = $(times[i])Z\nparent_projects = [\"/p$i/Project.toml\"]\n"
        write(ScratchRS.usage_toml(), join(record(path, i) for i in 1:3 for path in ["/a", "/b"]))
        @test ScratchRS.condense_usage!() === nothing
        for path in ["/a", "/b"]
            one = only(records(path))
            @test one["time"] == DateTime(times[2])
            @test sort(one["parent_projects"]) == ["/p$i/Project.toml" for i in 1:3]
        end
        text = log_text()
        ScratchRS.condense_usage!()
        @test log_text() == text
        # The same text as by Pkg.
        @test sprint(io -> Pkg.TOML.print(io, Pkg.TOML.parse(text); sorted = true)) == text || VERSION < v"1.6"

        write(ScratchRS.usage_toml(), text * "[[torn")
        @test_logs (:warn,) ScratchRS.condense_usage!()
        @test log_text() == text
        other = joinpath(lab.root, "other")
        activated(_ -> get_scratch!(OWNER, "key"; depot = other), OWNER)
        before = log_text(other)
        @test ScratchRS.condense_usage!(; depot = other) === nothing
        @test length(records(scratch_dir(string(OWNER), "key"; depot = other), other)) == 1
    end
end

@testset "a large log is condensed automatically" begin
    with_lab() do lab
        mkpath(dirname(ScratchRS.usage_toml()))
        record = "[[\"/a\"]]\ntime = 2024-01-02T03:04:05.006Z\nparent_projects = [\"/p/Project.toml\"]\n"
        write(ScratchRS.usage_toml(), record^1000)
        activated(OWNER) do project
            path = get_scratch!(OWNER, "key")
            @test length(records("/a")) == 1
            @test only(records(path))["parent_projects"] == [project]
        end
    end
end

@testset "a log that another process has locked" begin
    with_lab() do lab
        lock = ScratchRS.usage_toml() * ".pid"
        mkpath(dirname(lock))
        activated(OWNER) do project
            # The lock of a living process: this one. Other tasks run while one waits.
            write(lock, "$(getpid()) $(gethostname())")
            waiting = @async get_scratch!(OWNER, "key")
            yield()
            @test !istaskdone(waiting)
            @test isempty(log_text())
            rm(lock)
            path = fetch(waiting)
            @test only(records(path))["parent_projects"] == [project]
            @test !ispath(lock)
            # The lock of a dead process.
            dead = open(`$(Base.julia_cmd()[1]) --version`, "r")
            pid = getpid(dead)
            wait(dead)
            write(lock, "$pid $(gethostname())")
            path = @test_logs get_scratch!(OWNER, "second")
            @test length(records(path)) == 1
            @test !ispath(lock)
        end
    end
end

@testset "several processes write to one log" begin
    with_lab() do lab
        code(i) = """
        using ScratchRS
        Base.ACTIVE_PROJECT[] = $(repr(joinpath(lab.root, "$i", "Project.toml")))
        for round in 1:50
            get_scratch!(Base.UUID("$OWNER"), "key-\$round")
            empty!(ScratchRS.scratch_access_timers)
        end
        """
        for i in 1:3
            write(joinpath(mkdir("$i"), "Project.toml"), "uuid = \"$OWNER\"\n")
        end
        results = asyncmap(i -> outcome(code(i)), 1:3)
        @test all(result -> result.ok && isempty(result.err), results)
        for round in 1:50
            parents = [parent for record in records(scratch_dir(string(OWNER), "key-$round")) for parent in record["parent_projects"]]
            @test sort(unique(parents)) == [joinpath(lab.root, "$i", "Project.toml") for i in 1:3]
        end
    end
end
