# The native library: finding and loading it, calls from threads and tasks, and panics.

using ScratchRS: InternalError, LibraryNotFound, Native

# A panic writes to the standard error of the process.
function panic_quietly()
    mktemp() do _, io
        redirect_stderr(() -> thrown(Native.panic), io)
    end
end

@testset "a panic is an error, and the session continues" begin
    with_lab() do lab
        for run in [f -> f(), f -> fetch(@async f()), f -> fetch(Threads.@spawn f())], _ in 1:2
            error = run(panic_quietly)
            @test error isa InternalError
            @test error isa ScratchRS.ScratchRSError
            @test !isempty(error.message)
            @test isdir(get_scratch!(OWNER, "key"))
            delete_scratch!(OWNER, "key")
        end
    end
end

@testset "the panic of a worker thread keeps its message and place" begin
    with_lab() do lab
        error = mktemp() do _, io
            redirect_stderr(() -> thrown(() -> Native.rehearse(["panic"], 0)), io)
        end
        @test error isa InternalError
        @test occursin("asked to panic", error.message) && occursin(".rs:", error.message)
    end
end

@testset "the text of errors" begin
    show(error) = sprint(showerror, error)
    @test show(ScratchRS.DepotIO("message", "/path", 13, "do this")) == "ScratchRS.DepotIO: message\nhint: do this"
    @test show(ScratchRS.Busy("message", "", 0, "")) == "ScratchRS.Busy: message"
    @test show(ScratchRS.NotFound("message", "", 0, "")) == "ScratchRS.NotFound: message"
    @test show(InternalError("message", "", 0, "")) == "ScratchRS.InternalError: message"
    @test show(LibraryNotFound("message", "do this")) == "ScratchRS.LibraryNotFound: message\nhint: do this"
    for type in [ScratchRS.DepotIO, ScratchRS.Busy, ScratchRS.NotFound, InternalError, LibraryNotFound]
        @test type <: ScratchRS.ScratchRSError
        @test type <: Exception
    end
    # Four different kinds.
    @test length(unique([ScratchRS.DepotIO, ScratchRS.Busy, ScratchRS.NotFound, InternalError])) == 4
end

@testset "texts with any characters cross unchanged" begin
    with_lab() do lab
        # Longer than any buffer of a fixed size.
        for name in ["ä"^100, "😀"^50, "x"^200]
            path = get_scratch!(OWNER, "key"; depot = joinpath(lab.root, name))
            @test path == joinpath(lab.root, name, "scratchspaces", string(OWNER), "key")
        end
    end
end

@testset "other tasks run during a removal" begin
    with_lab() do lab
        for remove in [() -> delete_scratch!(OWNER, "key"), clear_scratchspaces!]
            space = get_scratch!(OWNER, "key")
            for i in 1:20, j in 1:20
                write(joinpath(mkpath(joinpath(space, "$i")), "$j"), "")
            end
            # This task yields only in `remove`.
            turns, is_done = Ref(0), Ref(false)
            other = @async while !is_done[]
                turns[] += 1
                yield()
            end
            @test turns[] == 0
            remove()
            @test turns[] > 0
            is_done[] = true
            wait(other)
            @test !ispath(space)
        end
    end
end

@testset "an interrupted removal" begin
    with_lab() do lab
        for round in 1:20
            # A key of its own: the removal continues, and may come after the next round has begun.
            key = "key-$round"
            space = get_scratch!(OWNER, key)
            write(joinpath(space, "file"), "")
            removing = @async delete_scratch!(OWNER, key)
            yield()
            istaskdone(removing) || schedule(removing, InterruptException(); error = true)
            try
                wait(removing)
            catch
            end
            # The next one finds no space, or removes it.
            delete_scratch!(OWNER, key)
            @test !ispath(space)
        end
        @test isdir(get_scratch!(OWNER, "key-1"))
    end
end

@testset "many threads, and a collector among them" begin
    with_lab() do lab
        result = outcome("""
        using ScratchRS
        owner = Base.UUID("$OWNER")
        write("Project.toml", "uuid = \\"$OWNER\\"\\n")
        Base.ACTIVE_PROJECT[] = abspath("Project.toml")
        # All threads make the first call of the session.
        paths = Vector{String}(undef, 64)
        Threads.@threads for i in 1:64
            paths[i] = get_scratch!(owner, "key-\$(i % 8)")
        end
        println(sort(unique(basename.(paths))) == ["key-\$i" for i in 0:7])
        println(all(isdir, paths))
        # Plain calls, calls that wait, jobs and errors, during garbage collections.
        # The number of collections is limited: an old Julia runs no other task in between.
        collector = Threads.@spawn for _ in 1:100
            GC.gc(false)
            yield()
        end
        tasks = map(1:4) do i
            Threads.@spawn for round in 1:50
                key = "mine-\$i"
                path = get_scratch!(owner, key)
                isdir(path) || error("no directory")
                get_scratch!(directory -> touch(joinpath(directory, "file")), owner, key)
                try
                    get_scratch!(owner, "no/key")
                    error("no error")
                catch error
                    error isa ArgumentError || rethrow()
                end
                delete_scratch!(owner, key)
                isdir(path) && error("still there")
            end
        end
        foreach(wait, tasks)
        wait(collector)
        error_in_thread = fetch(Threads.@spawn try
            ScratchRS.Native.panic()
        catch error
            error
        end)
        println(error_in_thread isa ScratchRS.InternalError)
        """; threads = 4)
        @test result.ok
        @test result.out == "true\n"^3
        # All logged spaces are complete.
        @test all(i -> !isempty(records(scratch_dir(string(OWNER), "key-$i"))), 0:7)
    end
end

@testset "calls at the end of a session" begin
    with_lab() do lab
        result = outcome("""
        using ScratchRS
        owner = Base.UUID("$OWNER")
        atexit() do
            get_scratch!(owner, "late")
            delete_scratch!(owner, "key")
            print(isdir(get_scratch!(directory -> nothing, owner, "filled")))
        end
        get_scratch!(owner, "key")
        """)
        @test result.ok
        @test result.out == "true"
        @test readdir(scratch_dir(string(OWNER))) == ["filled", "filled@generated.toml", "late"]
    end
end

# The binding that a session uses, or the error.
const WHICH = """
using ScratchRS
print(
    try
        ScratchRS.get_scratch!(Base.UUID("$OWNER"), "key")
        ScratchRS.Native.loaded().is_jlrs ? "jlrs" : "portable"
    catch error
        sprint(showerror, error)
    end
)
"""

# The bindings that the running Julia supports.
const INSTALLED = unique([first.(Native.Binding.OWN); first.(Native.Binding.BOUND)])

# A copy of the package, without `override/`: an installed package has its libraries in a depot only.
const PACKAGE = copied_package(joinpath(realpath(mktempdir()), "package"))

# The depots of the tests without our artifacts: those bundled with Julia.
without_library() = Lab.OUTER[2:end]

@testset "the requested binding" begin
    with_lab() do lab
        for binding in INSTALLED
            result = outcome(WHICH; env = ["SCRATCHRS_BINDING" => binding])
            @test (result.ok, result.out) == (true, binding)
        end
        result = outcome(WHICH; env = ["SCRATCHRS_BINDING" => nothing])
        @test (result.ok, result.out) == (true, first(INSTALLED))
        result = outcome(WHICH; env = ["SCRATCHRS_BINDING" => "nonsense"])
        @test result.ok
        @test startswith(
            result.out,
            "ScratchRS.LibraryNotFound: there is no native library with the binding `nonsense` of this version for Julia $(VERSION.major).$(VERSION.minor)",
        )
        @test occursin("the bindings are `portable` and `jlrs`\n", result.out)
        @test occursin("\nhint: ", result.out)
        # A depot from which the library was removed by hand.
        result = outcome(WHICH; project = PACKAGE, depots = [lab.depot; without_library()], env = ["SCRATCHRS_BINDING" => nothing])
        @test startswith(result.out, "ScratchRS.LibraryNotFound: there is no native library")
    end
end

@testset "the preferred binding" begin
    if VERSION < v"1.6"
        inapplicable("preferences", "this version of Julia has none")
    else
        with_lab() do lab
            uuid = Base.PkgId(ScratchRS).uuid
            write("Project.toml", "[deps]\nScratchRS = \"$uuid\"\n")
            for (preferred, expected) in ["portable" => "portable", "nonsense" => "ScratchRS.LibraryNotFound: there is no native library with the binding `nonsense`"]
                write("LocalPreferences.toml", "[ScratchRS]\nbinding = \"$preferred\"\n")
                which(binding) = outcome(
                    WHICH;
                    project = lab.root,
                    load_path = [REPO, "@", "@stdlib"],
                    env = ["SCRATCHRS_BINDING" => binding],
                )
                result = which(nothing)
                @test result.ok
                @test startswith(result.out, expected)
                # The environment takes precedence.
                @test which(first(INSTALLED)).out == first(INSTALLED)
            end
        end
    end
end

@testset "a library elsewhere" begin
    with_lab() do lab
        overrides = joinpath(mkpath(joinpath(lab.depot, "artifacts")), "Overrides.toml")
        found = [(binding, hash, path) for (binding, hash) in Native.Binding.BOUND for path in [Lab.installed_library(hash)] if path !== nothing]
        for (binding, hash, path) in found
            cp(path, joinpath(lab.root, binding))
        end
        which() = outcome(WHICH; project = PACKAGE)
        # Overrides of other artifacts have no effect; one of ours is applied.
        write(overrides, "$("ab"^20) = $(repr(lab.root))\n")
        @test which().out == Lab.binding()
        write(overrides, join("$hash = $(repr(joinpath(lab.root, binding)))\n" for (binding, hash, _) in found))
        @test which().out == Lab.binding()
        # An override with a missing target.
        write(overrides, join("$hash = $(repr(joinpath(lab.root, "nowhere")))\n" for (_, hash, _) in found))
        @test startswith(which().out, "ScratchRS.LibraryNotFound: ")
    end
end

# The library that is used after `change` has changed the depots of the session.
in_other_depots(change; options...) = outcome("""
using ScratchRS
$change
print(joinpath("scratchspaces", "$OWNER", "key") == relpath(get_scratch!(Base.UUID("$OWNER"), "key"), DEPOT_PATH[1]), ' ')
hash = create_artifact(directory -> write(joinpath(directory, "file"), "content"))
print(ScratchRS.artifact_path(hash) == joinpath(abspath(DEPOT_PATH[1]), "artifacts", string(hash)), ' ')
print(basename(ScratchRS.scratchrs(identity)))
"""; options...)

@testset "the library stays where it was when the package was loaded" begin
    with_lab() do lab
        for change in [
            "append!(empty!(DEPOT_PATH), [abspath(\"other\")])",
            # As in the tests of Scratch.jl.
            "empty!(DEPOT_PATH); push!(DEPOT_PATH, mktempdir())",
            "ENV[\"JULIA_DEPOT_PATH\"] = abspath(\"other\"); Base.init_depot_path()",
            "cd(mkdir(\"elsewhere\")); append!(empty!(DEPOT_PATH), [\"depot\"])",
        ]
            result = in_other_depots(change)
            @test result.ok
            @test result.out == "true true scratchrs"
        end
        # Without a depot, a space can be in a given one.
        result = outcome("using ScratchRS; empty!(DEPOT_PATH); print(isdir(get_scratch!(Base.UUID(\"$OWNER\"), \"key\"; depot = abspath(\"given\"))))")
        @test (result.ok, result.out) == (true, "true")
        # The package is loaded from relative depots.
        library = basename(first(Lab.OUTER))
        symlink(first(Lab.OUTER), library)
        result = in_other_depots("cd(mkpath(\"below\")); append!(empty!(DEPOT_PATH), [\"depot\"])"; depots = ["relative"; library; Lab.OUTER[2:end]])
        @test (result.ok, result.out) == (true, "true true scratchrs")
        # A precompiled package that was moved with its depot is loaded in a session without other depots.
        overridden = mkpath(joinpath(lab.depot, "artifacts"))
        write(joinpath(overridden, "Overrides.toml"), join("$hash = $(repr(Lab.installed_library(hash)))\n" for (_, hash) in Native.Binding.BOUND if Lab.installed_library(hash) !== nothing))
        result = in_other_depots("append!(empty!(DEPOT_PATH), [abspath(\"other\")])"; project = PACKAGE, depots = [lab.depot; without_library()])
        @test (result.ok, result.out) == (true, "true true scratchrs")
    end
end

@testset "a copy without a library is loaded, and says what to do" begin
    with_lab() do lab
        package = copied_package(joinpath(lab.root, "package"); is_bound = false)
        julia = "Julia $(VERSION.major).$(VERSION.minor) on $(Sys.MACHINE)"
        remedy = "run `cargo xtask artifact` in $package"
        # The line that Julia 1.12 prints about precompilation comes first.
        said(result) = filter(line -> occursin("ScratchRS", line) && !occursin("✓", line), split(result.err, '\n'))
        unset = ["SCRATCHRS_BINDING" => nothing]
        run_it(code) = Lab.quietly(child(code; project = package, env = unset))
        result = run_it("using ScratchRS")
        @test result.ok
        @test said(result) == ["[ Warning: ScratchRS has no native library for $julia yet: $remedy"]
        # The same error again at the next call.
        for calls in ["get_scratch!(\"key\")", "try ScratchRS.gc() catch end; create_artifact(identity)", "ScratchRS.scratchrs()"]
            result = run_it("using ScratchRS; $calls")
            @test !result.ok && isempty(result.out)
            start = first(something(findfirst("ERROR: ", result.err), 1:0))
            lines = split(chomp(result.err[start:end]), '\n')
            if calls == "ScratchRS.scratchrs()"
                @test startswith(lines[1], "ERROR: ScratchRS.NotFound: the program `scratchrs` is not installed")
                continue
            end
            # Before Julia 1.6, the error of a command-line expression has a stack trace.
            @test lines[1] == "ERROR: ScratchRS.LibraryNotFound: there is no native library for $julia in $package"
            @test lines[2] == "hint: $remedy"
            @test length(lines) == 2
            foreach(word -> @test(!occursin(word, result.err)), ["LoadError", "Stacktrace", "Pkg.instantiate"])
        end
        # The platforms that have a library.
        write(joinpath(package, "Artifacts.toml"), """
        [[libscratchrs]]
        arch = "riscv64"
        git-tree-sha1 = "$("ab"^20)"
        libc = "glibc"
        os = "linux"
        [[libscratchrs]]
        arch = "sparc"
        git-tree-sha1 = "$("cd"^20)"
        os = "plan9"
        """)
        result = outcome(WHICH; project = package, env = unset)
        @test startswith(result.out, "ScratchRS.LibraryNotFound: there is no native library for $julia in $package; there are libraries for linux-riscv64-glibc, plan9-sparc\n")
        rm(joinpath(package, "Artifacts.toml"))
        # A bound library is found.
        for name in ["JuliaArtifacts.toml", "Artifacts.toml"]
            ispath(joinpath(REPO, name)) && cp(joinpath(REPO, name), joinpath(package, name))
        end
        result = outcome(WHICH; project = package)
        @test (result.ok, result.out) == (true, Lab.binding())
        # It is bound but not installed.
        result = outcome(WHICH; project = package, depots = [lab.depot; without_library()])
        @test occursin("\nhint: run `cargo xtask artifact` in $package", result.out)
    end
end

@testset "a working copy has its library with it" begin
    with_lab() do lab
        # As `cargo xtask artifact` fills it (`rust/xtask/src/artifact/working_copy.rs`).
        function fill_override(package)
            for (binding, hash) in Native.Binding.BOUND
                installed = Lab.installed_library(hash)
                installed === nothing && continue
                target = joinpath(package, Native.Binding.own_file(binding))
                mkpath(dirname(target))
                cp(joinpath(installed, Native.Binding.library_file(binding)), target; force = true)
                program = joinpath(installed, ScratchRS.PROGRAM_FILE)
                isfile(program) && cp(program, joinpath(mkpath(joinpath(package, "override", "bin")), basename(program)); force = true)
            end
        end
        package = copied_package(joinpath(lab.root, "package"); is_bound = false)
        which(; depots = [lab.depot; without_library()]) = outcome(WHICH; project = package, depots = depots)
        @test startswith(which().out, "ScratchRS.LibraryNotFound: ")
        fill_override(package)
        if isempty(Native.Binding.BOUND)
            inapplicable("a copy of override/", "no library is bound to copy")
        else
            # It is noticed without another change, and neither a depot nor `DEPOT_PATH` matters.
            @test which().out == Lab.binding()
            result = in_other_depots("append!(empty!(DEPOT_PATH), [abspath(\"other\")])"; project = package, depots = [lab.depot; without_library()])
            @test (result.ok, result.out) == (true, "true true scratchrs")
            # It takes precedence over an installed library, unless it is one of another version.
            path = "using ScratchRS; get_scratch!(\"key\"); print(any(startswith($(repr(package))), Base.Libc.Libdl.dllist()))"
            foreach(name -> ispath(joinpath(REPO, name)) && cp(joinpath(REPO, name), joinpath(package, name)), ["JuliaArtifacts.toml", "Artifacts.toml"])
            VERSION < v"1.6" || @test outcome(path; project = package).out == "true"
            file = joinpath(package, Native.Binding.own_file(Lab.binding()))
            chmod(file, 0o644)
            write(file, "not a library")
            @test startswith(which().out, "ScratchRS.LibraryNotFound: the native library `$file` can't be loaded: ")
            @test which(depots = [lab.depot; Lab.OUTER]).out == Lab.binding()
            # It is moved, and then gone.
            fill_override(package)
            moved = joinpath(lab.root, "moved")
            mv(package, moved)
            @test outcome(WHICH; project = moved, depots = [lab.depot; without_library()]).out == Lab.binding()
            rm(joinpath(moved, "override"); recursive = true)
            @test startswith(outcome(WHICH; project = moved, depots = [lab.depot; without_library()]).out, "ScratchRS.LibraryNotFound: ")
            @test outcome(WHICH; project = moved).out == Lab.binding()
        end
    end
end

@testset "a forked process is refused, and its parent is not affected" begin
    if !Sys.isunix()
        inapplicable("fork", "this system has none")
    elseif VERSION >= v"1.12-"
        # `rust/capi/tests/process.rs` tests the same without Julia.
        inapplicable("fork", "Julia 1.12 cannot compile in a forked process: ReadOnlyMemoryError")
    else
        with_lab() do lab
            result = outcome("""
            using ScratchRS
            owner = Base.UUID("$OWNER")
            # Julia cannot compile in a forked process, so the same functions are called before.
            function refusal(call)
                try
                    call()
                    return "no error"
                catch error
                    return sprint(showerror, error)
                end
            end
            function report(file, key, path)
                refusals = [
                    refusal(() -> get_scratch!(owner, key)),
                    refusal(() -> get_scratch!(identity, owner, key)),
                    refusal(() -> ScratchRS.tree_hash(path)),
                    refusal(ScratchRS.Native.end_store_session),
                ]
                ScratchRS.Native.end_jobs()
                write(file, join(refusals, '\\n'))
            end
            function fork_and_report(file, key, path)
                child = ccall(:fork, Cint, ())
                if child == 0
                    report(file, key, path)
                    ccall(:_exit, Cvoid, (Cint,), 0)
                end
                status = Ref{Cint}(1)
                ccall(:waitpid, Cint, (Cint, Ref{Cint}, Cint), child, status, 0)
                return status[]
            end
            refusal(() -> error("compiled"))
            report("warm", "no/key", "\\xff")
            create_my_artifact(directory -> (file = joinpath(directory, "file"); write(file, "content"); file))
            generated = get_scratch!(owner, "filled") do directory
                print(fork_and_report("refusals", "key", "."), ' ')
                write(joinpath(directory, "file"), "content")
            end
            print(getpid(), ' ', readdir(generated), ' ', isdir(get_scratch!(owner, "key")))
            print(' ', count(endswith(".pid"), readdir(joinpath(ScratchRS.Store.get_scratchspace(), "work"))))
            """)
            @test result.ok
            pid = split(result.out)[2]
            @test result.out == "0 $pid [\"file\"] true 1"
            refusals = readlines("refusals")
            @test length(refusals) == 4
            for refusal in refusals
                @test occursin("it was forked from process $pid, which uses ScratchRS", refusal)
            end
        end
    end
end

@testset "a library of another version" begin
    with_lab() do lab
        # The number of the package is changed: its place in the library is unknown.
        package = copied_package(joinpath(lab.root, "package"))
        file = joinpath(package, "julia", "native", "operations.jl")
        text = read(file, String)
        changed = replace(text, r"const ABI = 0x[0-9a-f]+" => "const ABI = 0x0123456789abcdef")
        @test changed != text
        chmod(file, 0o644)
        write(file, changed)
        project = joinpath(package, "Project.toml")
        chmod(project, 0o644)
        version = match(r"version = \"(.*)\"", read(project, String)).captures[1]
        refused() = outcome(WHICH; project = package).out
        @test startswith(refused(), "ScratchRS.LibraryNotFound: the native library `")
        @test occursin("` does not fit the package in $package: both are $version, of different builds\nhint: run `cargo xtask artifact` in $package", refused())
        # A newer package, and the reverse.
        for other in ["9.0.0", "0.0.1"]
            write(project, replace(read(project, String), r"version = .*" => "version = \"$other\""))
            @test occursin("` does not fit the package in $package: the library is $version, the package $other\nhint: ", refused())
        end
    end
end

@testset "the mount of a file" begin
    mount = Native.Refusal.noexec_mount
    mounts = """
    21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
    22 21 0:5 / /tmp rw,nosuid,noexec - tmpfs tmpfs rw
    23 22 0:6 / /tmp/a\\040b rw - tmpfs tmpfs rw
    24 21 8:2 / /home rw,nosuid shared:2 - ext4 /dev/sda2 rw
    25 24 8:2 / /home rw,noexec shared:2 - ext4 /dev/sda2 rw
    """
    @test mount("/usr/lib/f", mounts) === nothing
    @test mount("/tmp/f", mounts) == "/tmp"
    @test mount("/tmpf", mounts) === nothing
    @test mount("/tmp/a b/f", mounts) === nothing
    # The later of two mounts covers the other.
    @test mount("/home/f", mounts) == "/home"
    @test mount("/f", "") === nothing
end

@testset "a depot mounted with noexec" begin
    if !Sys.islinux() || Sys.which("unshare") === nothing || !success(`unshare --mount true`)
        skipped("a depot mounted with `noexec`", "it takes the right to mount")
    else
        with_lab() do lab
            depot = mkdir(joinpath(lab.root, "noexec"))
            cp(joinpath(first(Lab.OUTER), "artifacts"), joinpath(depot, "artifacts"))
            mount = "mount --bind \"\$0\" \"\$0\" && mount -o remount,noexec,bind \"\$0\" && exec \"\$@\""
            run_it(code) = outcome(wrapped(
                child(code; project = PACKAGE, depots = [lab.depot; depot; without_library()]),
                ["unshare", "--mount", "sh", "-c", mount, depot],
            )).out
            because = "`: `$depot` is mounted with the option `noexec`\nhint: have `$depot` mounted without `noexec`, or put a depot elsewhere first in `JULIA_DEPOT_PATH`"
            said = run_it(WHICH)
            @test startswith(said, "ScratchRS.LibraryNotFound: the native library `$depot/artifacts/")
            @test occursin(replace(because, "`: " => "` can't be loaded: "; count = 1), said)
            said = run_it("using ScratchRS; try ScratchRS.scratchrs() catch error; showerror(stdout, error) end")
            @test startswith(said, "ScratchRS.NotFound: the program `$depot/artifacts/")
            @test occursin(replace(because, "`: " => "` can't be run: "; count = 1), said)
        end
    end
end

@testset "a moved package and depot" begin
    with_lab() do lab
        here, there = joinpath(lab.root, "here"), joinpath(lab.root, "there")
        # Julia does not store paths inside depots.
        copied_package(joinpath(here, "depot", "dev", "ScratchRS"))
        artifacts = mkpath(joinpath(here, "depot", "artifacts"))
        for (_, hash) in Native.Binding.BOUND
            path = Lab.installed_library(hash)
            path === nothing || cp(path, joinpath(artifacts, hash))
        end
        run_in(root) = outcome(
            """
            $WHICH
            print(' ', pathof(ScratchRS), ' ', get_scratch!("key"))
            # Julia reports it since 1.11.
            print(' ', !isdefined(Base, :isrelocatable) || Base.isrelocatable(Base.PkgId(ScratchRS)))
            """;
            depots = [joinpath(root, "depot"); without_library()],
            project = joinpath(root, "depot", "dev", "ScratchRS"),
        )
        expected(root) = string(
            Lab.binding(), ' ', joinpath(root, "depot", "dev", "ScratchRS", "src", "ScratchRS.jl"), ' ',
            joinpath(root, "depot", "scratchspaces", string(Base.PkgId(ScratchRS).uuid), "key"), " true",
        )
        @test run_in(here).out == expected(here)
        compiled(root) = [stat(joinpath(directory, file)).inode for (directory, _, files) in walkdir(joinpath(root, "depot", "compiled")) for file in files]
        before = compiled(here)
        mv(here, there)
        result = run_in(there)
        @test result.ok
        @test result.out == expected(there)
        @test !ispath(here)
        # If Julia supports it, the files precompiled before the move are used.
        isdefined(Base, :isrelocatable) && @test compiled(there) == before
    end
end

@testset "a package with its bindings in Artifacts.toml alone is compiled once" begin
    with_lab() do lab
        # A release has no JuliaArtifacts.toml. Julia 1.10 and later compile a package again whenever a file
        # that it depends on is missing.
        package = copied_package(joinpath(lab.root, "package"); is_bound = false)
        bound = filter(isfile, [joinpath(REPO, name) for name in ["JuliaArtifacts.toml", "Artifacts.toml"]])
        cp(first(bound), joinpath(package, "Artifacts.toml"))
        compiled() = [file => stat(joinpath(directory, file)).inode for (directory, _, files) in walkdir(joinpath(lab.depot, "compiled")) for file in files]
        @test outcome(WHICH; project = package).out == Lab.binding()
        before = compiled()
        @test !isempty(before)
        @test outcome(WHICH; project = package).out == Lab.binding()
        @test compiled() == before
    end
end

@testset "no path of the library is stored" begin
    cache = VERSION < v"1.8" ? nothing : Base.pkgorigins[Base.PkgId(ScratchRS)].cachepath
    if cache === nothing
        inapplicable("paths in the precompiled package", "it is missing, or Julia does not report its path")
    else
        image = first(splitext(cache)) * '.' * Base.Libc.Libdl.dlext
        for file in filter(isfile, [cache, image]), depot in Lab.OUTER
            @test !occursin(joinpath(depot, "artifacts"), read(file, String))
        end
    end
end
