# The paths of spaces: depots in any state and spelling, and directories that replace them.

@testset "a given depot" begin
    with_lab() do lab
        other = joinpath(lab.root, "other")
        in_other = joinpath(other, "scratchspaces", string(OWNER), "key")
        activated(OWNER) do project
            @test get_scratch!(OWNER, "key"; depot = other) == in_other
            @test get_scratch!("key", OWNER; depot = other) == in_other
            @test get_scratch!("key"; depot = other) == in_other
            @test get_scratch!(OWNER, "key"; depot = SubString(other, 1)) == in_other
            @test get_scratch!(OWNER, "key"; depot = nothing) == scratch_dir(string(OWNER), "key")
            @test only(records(in_other, other))["parent_projects"] == [project]
            @test isempty(records(in_other))
            @test only(records(scratch_dir(string(OWNER), "key")))["parent_projects"] == [project]
        end
        filled = get_scratch!(OWNER, "filled"; depot = other) do directory
            write(joinpath(directory, "file"), "content")
        end
        @test filled == joinpath(other, "scratchspaces", string(OWNER), "filled")
        @test readdir(filled) == ["file"]
        @test delete_scratch!(OWNER, "key"; depot = other) === nothing
        @test !ispath(in_other)
        @test isdir(scratch_dir(string(OWNER), "key"))
        get_scratch!(OWNER, "key"; depot = other)
        @test delete_scratch!("key"; pkg_uuid = OWNER, depot = other) === nothing
        @test !ispath(in_other)
        @test clear_scratchspaces!(OWNER; depot = other) === nothing
        @test readdir(scratch_dir(depot = other)) == []
        @test clear_scratchspaces!(; depot = other) === nothing
        @test !ispath(scratch_dir(depot = other))
        @test isdir(scratch_dir(string(OWNER), "key"))
        # Code can pass a depot while DEPOT_PATH is empty.
        empty!(DEPOT_PATH)
        @test get_scratch!(OWNER, "key"; depot = other) == in_other
        @test isdir(in_other)
    end
end

@testset "no depot" begin
    with_lab() do lab
        empty!(DEPOT_PATH)
        for call in [
            () -> get_scratch!(OWNER, "key"),
            () -> get_scratch!("key"),
            () -> get_scratch!(identity, OWNER, "key"),
            () -> delete_scratch!(OWNER, "key"),
            () -> clear_scratchspaces!(),
            () -> clear_scratchspaces!(OWNER),
            () -> scratch_dir(),
            () -> ScratchRS.usage_toml(),
            () -> ScratchRS.condense_usage!(),
        ]
            error = thrown(call)
            @test error isa ArgumentError
            @test occursin("DEPOT_PATH is empty", error.msg)
        end
        @test readdir(lab.root) == ["depot"]
    end
end

@testset "the first depot is used" begin
    with_lab() do lab
        push!(DEPOT_PATH, joinpath(lab.root, "second"))
        path = get_scratch!(OWNER, "key")
        reverse!(DEPOT_PATH)
        second = get_scratch!(OWNER, "key")
        @test startswith(path, lab.depot)
        @test second == joinpath(lab.root, "second", "scratchspaces", string(OWNER), "key")
        delete_scratch!(OWNER, "key")
        @test isdir(path)
        @test !isdir(second)
    end
end

@testset "odd spellings of a depot" begin
    with_lab() do lab
        home = mkpath(joinpath(lab.root, "1", "2", "3"))
        # All paths stay inside the lab: at most three `..`.
        spellings = [
            "depot", "depot/", "depot//", "./depot", "depot/.", "depot/..", "../depot", "../../depot/",
            ".", "./", "..", "../", "a/../depot", "a/./b//c", ".../x", "..a", "~", "~/depot",
            "a b", "ä/ö", "😀", "quote\"d", "new\nline", "tab\t", "a\\b", "\$HOME", "%20", "#",
            home, home * "/", home * "//", home * "/./x", home * "/../x/", home * "/a/../b/..",
        ]
        Sys.isunix() && push!(spellings, "/" * home)
        parts = ["a", "bc", ".", "", "..", "d e"]
        for a in parts, b in parts, c in parts
            # A path from the root leaves the lab.
            isempty(a) || push!(spellings, join((a, b, c), '/'))
        end
        Sys.iswindows() && filter!(spelling -> !any(in("\"\n\t"), spelling), spellings)
        cd(home) do
            for spelling in spellings
                DEPOT_PATH[1] = spelling
                expected = abspath(spelling, "scratchspaces", string(OWNER), "key")
                path = get_scratch!(OWNER, "key")
                @test path == expected
                @test path == scratch_dir(string(OWNER), "key")
                if isabspath(spelling)
                    @test path == get_scratch!(OWNER, "key"; depot = spelling)
                else
                    error = thrown(() -> get_scratch!(OWNER, "key"; depot = spelling))
                    @test error isa ArgumentError && occursin("is a relative path", error.msg)
                end
                @test isdir(path)
                delete_scratch!(OWNER, "key")
                @test !ispath(path)
                in_place = with_scratch_directory(spelling) do
                    @test scratch_dir(string(OWNER), "key") == abspath(spelling, string(OWNER), "key")
                    get_scratch!(OWNER, "key")
                end
                @test in_place == abspath(spelling, string(OWNER), "key")
                @test isdir(in_place)
            end
        end
    end
end

@testset "an empty path" begin
    with_lab() do lab
        # As in Julia for an entry of the depot path.
        DEPOT_PATH[1] = ""
        expected = joinpath(lab.root, "scratchspaces", string(OWNER), "key")
        @test scratch_dir(string(OWNER), "key") == expected
        @test get_scratch!(OWNER, "key") == expected
        @test isdir(expected)
        delete_scratch!(OWNER, "key")
        @test !ispath(expected)
        clear_scratchspaces!()
        @test !ispath(joinpath(lab.root, "scratchspaces"))
        # An empty one is a mistake.
        for call in [
            () -> get_scratch!(OWNER, "key"; depot = ""),
            () -> get_scratch!(identity, OWNER, "key"; depot = ""),
            () -> delete_scratch!(OWNER, "key"; depot = ""),
            () -> clear_scratchspaces!(; depot = ""),
            () -> scratch_dir("a"; depot = ""),
            () -> with_scratch_directory(() -> nothing, ""),
        ]
            @test thrown(call) isa ArgumentError
        end
        @test readdir(lab.root) == ["depot"]
    end
end

@testset "a relative depot is relative to the current directory" begin
    with_lab() do lab
        DEPOT_PATH[1] = "relative"
        for name in ["a", "b"]
            cd(mkdir(name)) do
                path = get_scratch!(OWNER, "key")
                @test path == joinpath(lab.root, name, "relative", "scratchspaces", string(OWNER), "key")
                @test isdir(path)
            end
        end
    end
end

@testset "names that are not text" begin
    Sys.islinux() && with_lab() do lab
        # A path of Linux may have any bytes. No file may be created elsewhere.
        bytes = joinpath(lab.root, String(UInt8[0x61, 0xff, 0x62]))
        error = thrown(() -> get_scratch!(OWNER, "key"; depot = bytes))
        if error === nothing
            @test isdir(joinpath(bytes, "scratchspaces", string(OWNER), "key"))
        else
            @test error isa Union{ArgumentError, ScratchRS.ScratchRSError}
            @test !(error isa ScratchRS.InternalError)
            @test readdir(lab.root) == ["depot"]
        end
        @test thrown(() -> get_scratch!(OWNER, "key"; depot = "a\0b")) isa ArgumentError
        @test !ispath("a")
    end
end

@testset "a file or link is in the way" begin
    with_lab() do lab
        nowhere = joinpath(lab.root, "a", "b", "depot")
        @test isdir(get_scratch!(OWNER, "key"; depot = nowhere))

        function refused(call, path)
            error = thrown(call)
            @test error isa ScratchRS.DepotIO
            @test error isa ScratchRS.ScratchRSError
            @test error.path == path
            @test occursin("`$path`", error.message)
            @test !isempty(error.hint)
            @test error.errno isa Int
            shown = sprint(showerror, error)
            @test startswith(shown, "ScratchRS.DepotIO: ")
            @test occursin("\nhint: $(error.hint)", shown)
        end
        file = joinpath(lab.root, "file")
        touch(file)
        refused(file) do
            get_scratch!(OWNER, "key"; depot = file)
        end
        refused(file) do
            get_scratch!(identity, OWNER, "key"; depot = file)
        end
        refused(file) do
            get_scratch!(OWNER, "key"; depot = joinpath(file, "below"))
        end
        touch(scratch_dir(string(OWNER), "file-not-directory") |> path -> (mkpath(dirname(path)); path))
        refused(scratch_dir(string(OWNER), "file-not-directory")) do
            get_scratch!(OWNER, "file-not-directory")
        end
        @test isfile(scratch_dir(string(OWNER), "file-not-directory"))
        if Sys.isunix()
            dangling = joinpath(lab.root, "dangling")
            symlink(joinpath(lab.root, "gone"), dangling)
            refused(dangling) do
                get_scratch!(OWNER, "key"; depot = dangling)
            end
            @test !ispath(joinpath(lab.root, "gone"))
            symlink(joinpath(lab.root, "gone"), scratch_dir(string(OWNER), "dangling"))
            refused(scratch_dir(string(OWNER), "dangling")) do
                get_scratch!(OWNER, "dangling")
            end
            # A link to a directory is followed.
            link = joinpath(lab.root, "link")
            symlink(mkdir(joinpath(lab.root, "elsewhere")), link)
            path = get_scratch!(OWNER, "key"; depot = link)
            @test path == joinpath(link, "scratchspaces", string(OWNER), "key")
            @test isdir(joinpath(lab.root, "elsewhere", "scratchspaces", string(OWNER), "key"))
        end
    end
end

# Operations of a session on a depot that it cannot write to. The answers are on standard output: the values,
# or the type and number of the error.
const READ_ONLY = """
using ScratchRS
owner = Base.UUID("$OWNER")
Base.ACTIVE_PROJECT[] = joinpath(pwd(), "Project.toml")
answer(f) = println(
    try
        repr(f())
    catch error
        error isa ScratchRS.DepotIO || rethrow()
        string("DepotIO ", error.errno, " ", isempty(error.hint), " ", startswith(error.path, DEPOT_PATH[1]))
    end
)
answer(() -> get_scratch!(owner, "there"))
answer(() -> get_scratch!(error, owner, "there"))
answer(() -> get_scratch!(owner, "missing"))
answer(() -> get_scratch!(error, owner, "missing"))
answer(() -> delete_scratch!(owner, "missing"))
answer(() -> delete_scratch!(owner, "there"))
answer(() -> clear_scratchspaces!(owner))
answer(() -> ScratchRS.condense_usage!())
"""

# Checks the answers if every write fails with one of these error numbers.
function check_read_only(lab, result, errnos)
    @test result.ok
    @test isempty(result.err)
    answers = split(chomp(result.out), '\n')
    @test length(answers) == 8
    length(answers) == 8 || return
    there = repr(scratch_dir(string(OWNER), "there"))
    refusals = ["DepotIO $errno false true" for errno in errnos]
    @test answers[1] == there
    @test answers[2] == there
    @test answers[3] in refusals
    @test answers[4] in refusals
    @test answers[5] == "nothing"
    @test answers[6] in refusals
    @test answers[7] in refusals
    @test answers[8] in refusals
    @test isfile(scratch_dir(string(OWNER), "there", "file"))
end

function with_filled_depot(f)
    with_lab() do lab
        write("Project.toml", "uuid = \"$OWNER\"\n")
        write(joinpath(get_scratch!(OWNER, "there"), "file"), "")
        mkpath(joinpath(lab.depot, "logs"))
        write(ScratchRS.usage_toml(), "")
        f(lab)
    end
end

@testset "a read-only file system" begin
    if !Sys.islinux() || Sys.which("unshare") === nothing || !success(`unshare --mount true`)
        skipped("a depot on a read-only file system", "it takes the right to mount")
    else
        with_filled_depot() do lab
            mount = "mount --bind \"\$0\" \"\$0\" && mount -o remount,ro,bind \"\$0\" && exec \"\$@\""
            before = ["unshare", "--mount", "sh", "-c", mount, lab.depot]
            check_read_only(lab, outcome(wrapped(child(READ_ONLY), before)), [Libc.EROFS])
        end
    end
end

# A function that runs code as a user other than root, or nothing if that is impossible.
function as_nobody(lab)
    words = if !Sys.isunix()
        nothing
    elseif ccall(:geteuid, Cuint, ()) != 0
        String[]
    elseif Sys.which("setpriv") !== nothing
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    end
    words === nothing && return nothing
    chmod(lab.root, 0o755)
    may_read(path) = success(Cmd([words; "test"; "-r"; path]))
    needed = [joinpath(REPO, "src", "ScratchRS.jl"), joinpath(Sys.BINDIR, "julia"), Lab.OUTER[1]]
    all(may_read, needed) || return nothing
    depots = [lab.depot; filter(may_read, Lab.OUTER)]
    return code -> outcome(wrapped(child(code; depots = depots), words))
end

@testset "a depot of another user" begin
    with_filled_depot() do lab
        run_as_nobody = as_nobody(lab)
        run_as_nobody === nothing && return skipped("a depot of another user", "it takes another user")
        directories = [directory for (directory, _, _) in walkdir(lab.depot)]
        foreach(directory -> chmod(directory, 0o555), directories)
        chmod(ScratchRS.usage_toml(), 0o444)
        check_read_only(lab, run_as_nobody(READ_ONLY), [Libc.EACCES, Libc.EPERM])
        foreach(directory -> chmod(directory, 0o755), directories)
    end
end

@testset "an active project that can't be read" begin
    with_lab() do lab
        run_as_nobody = as_nobody(lab)
        run_as_nobody === nothing && return skipped("a project that can't be read", "it takes another user")
        chmod(lab.depot, 0o777)
        code = """
        using ScratchRS
        for project in ["secret/Project.toml", "open/Project.toml"]
            Base.ACTIVE_PROJECT[] = abspath(project)
            println(basename(dirname(get_scratch!("key"))))
            println(ScratchRS.find_uuid(nothing))
            ScratchRS.track_scratch_access(Base.UUID("$OWNER"), "no path")
        end
        """
        for directory in ["secret", "open"]
            write(joinpath(mkdir(directory), "Project.toml"), "uuid = \"$OWNER\"\n")
        end
        chmod(joinpath("open", "Project.toml"), 0o000)
        chmod("secret", 0o000)
        result = run_as_nobody(code)
        chmod("secret", 0o755)
        @test result.ok
        @test result.out == "$GLOBAL\n"^4
        @test isempty(result.err)
    end
end

@testset "with_scratch_directory" begin
    with_lab() do lab
        outer, inner = joinpath(lab.root, "outer"), joinpath(lab.root, "inner")
        @test with_scratch_directory(() -> :value, outer) === :value
        @test !ispath(outer)
        activated(OWNER) do project
            in_depot = get_scratch!(OWNER, "key")
            with_scratch_directory(outer) do
                @test scratch_dir() == outer
                path = get_scratch!(OWNER, "key")
                @test path == joinpath(outer, string(OWNER), "key")
                @test ScratchRS.scratch_path(OWNER, "key") == path
                @test isdir(path)
                with_scratch_directory(SubString(inner, 1)) do
                    @test get_scratch!(OWNER, "key") == joinpath(inner, string(OWNER), "key")
                end
                @test scratch_dir() == outer
                @test_throws ErrorException with_scratch_directory(() -> error("inside"), inner)
                @test scratch_dir() == outer
                # A given depot takes precedence.
                @test scratch_dir(; depot = lab.depot) == joinpath(lab.depot, "scratchspaces")
                @test get_scratch!(OWNER, "key"; depot = lab.depot) == in_depot
                filled = get_scratch!(d -> touch(joinpath(d, "file")), OWNER, "filled")
                @test filled == joinpath(outer, string(OWNER), "filled")
                # Uses are logged in the depot.
                @test ScratchRS.usage_toml() == joinpath(lab.depot, "logs", "scratch_usage.toml")
                @test only(records(path))["parent_projects"] == [project]
                @test only(records(filled))["parent_projects"] == [project]
                delete_scratch!(OWNER, "key")
                @test !ispath(path)
                @test isdir(in_depot)
                clear_scratchspaces!(OWNER)
                @test !ispath(joinpath(outer, string(OWNER)))
                get_scratch!(OWNER, "key")
                clear_scratchspaces!()
                @test !ispath(outer)
            end
            @test_throws ErrorException with_scratch_directory(() -> error("inside"), outer)
            @test scratch_dir() == joinpath(lab.depot, "scratchspaces")
            @test isdir(in_depot)
            @test isdir(joinpath(inner, string(OWNER), "key"))
        end
        @test readdir(lab.depot) == ["logs", "registries", "scratchspaces"]
    end
end

@testset "a directory applies to the task that set it" begin
    with_lab() do lab
        in_depot = joinpath(lab.depot, "scratchspaces")
        there = joinpath(lab.root, "there")
        inherited = isdefined(Base, :ScopedValues) ? there : in_depot
        # A task that was started before.
        wake = Channel{Nothing}(0)
        earlier = @async (take!(wake); scratch_dir())
        with_scratch_directory(there) do
            put!(wake, nothing)
            @test fetch(earlier) == in_depot
            @test fetch(@async scratch_dir()) == inherited
            @test fetch(Threads.@spawn scratch_dir()) == inherited
            @test fetch(@async with_scratch_directory(scratch_dir, "/elsewhere")) == abspath("/elsewhere")
            @test scratch_dir() == there
        end
        # Two concurrent tasks, each with its own directory.
        turns = [Channel{Nothing}(0) for _ in 1:2]
        tasks = map(1:2) do i
            @async with_scratch_directory(joinpath(lab.root, "$i")) do
                take!(turns[i])
                first = get_scratch!(OWNER, "key")
                take!(turns[i])
                first, get_scratch!(OWNER, "key")
            end
        end
        for _ in 1:2, turn in turns
            put!(turn, nothing)
        end
        for i in 1:2
            path = joinpath(lab.root, "$i", string(OWNER), "key")
            @test fetch(tasks[i]) == (path, path)
        end
        @test scratch_dir() == in_depot
        @test !ispath(in_depot)
    end
end
