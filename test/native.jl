# The native library: found, loaded, called from everywhere, and its bugs contained.

using ScratchRS: InternalError, LibraryNotFound, Native

# The panic of a test writes to the standard error of the process.
function panic_quietly()
    mktemp() do _, io
        redirect_stderr(() -> thrown(Native.panic), io)
    end
end

@testset "a panic is an error, and the session lives on" begin
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

@testset "errors as people see them" begin
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
    # Four kinds, not one under four names.
    @test length(unique([ScratchRS.DepotIO, ScratchRS.Busy, ScratchRS.NotFound, InternalError])) == 4
end

@testset "texts cross as they are" begin
    with_lab() do lab
        # Long enough for no buffer of a fixed size.
        for name in ["ä"^100, "😀"^50, "x"^200]
            path = get_scratch!(OWNER, "key"; depot = joinpath(lab.root, name))
            @test path == joinpath(lab.root, name, "scratchspaces", string(OWNER), "key")
        end
        @test Native.texts("") == []
        @test Native.texts("\0\0\0\0") == [""]
        @test Native.texts("\x02\0\0\0ä\x01\0\0\0b") == ["ä", "b"]
    end
end

@testset "other tasks run while something is removed" begin
    with_lab() do lab
        for remove in [() -> delete_scratch!(OWNER, "key"), clear_scratchspaces!]
            space = get_scratch!(OWNER, "key")
            for i in 1:20, j in 1:20
                write(joinpath(mkpath(joinpath(space, "$i")), "$j"), "")
            end
            # This task gives way nowhere but in `remove`.
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

@testset "a removal that is interrupted" begin
    with_lab() do lab
        for _ in 1:20
            space = get_scratch!(OWNER, "key")
            write(joinpath(space, "file"), "")
            removing = @async delete_scratch!(OWNER, "key")
            yield()
            istaskdone(removing) || schedule(removing, InterruptException(); error = true)
            try
                wait(removing)
            catch
            end
            # It goes on without us; another one finds the space gone, or removes it.
            delete_scratch!(OWNER, "key")
            @test !ispath(space)
        end
        @test isdir(get_scratch!(OWNER, "key"))
    end
end

@testset "many threads, and a collector among them" begin
    with_lab() do lab
        result = outcome("""
        using ScratchRS
        owner = Base.UUID("$OWNER")
        write("Project.toml", "uuid = \\"$OWNER\\"\\n")
        Base.ACTIVE_PROJECT[] = abspath("Project.toml")
        # The first call of the session, by all threads at once.
        paths = Vector{String}(undef, 64)
        Threads.@threads for i in 1:64
            paths[i] = get_scratch!(owner, "key-\$(i % 8)")
        end
        println(sort(unique(basename.(paths))) == ["key-\$i" for i in 0:7])
        println(all(isdir, paths))
        # Plain calls, calls that wait, jobs and errors, while memory is collected.
        # So many collections and no more: a Julia of old lets nobody else run between two of them.
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
        # All that were logged are whole.
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

# What the running Julia could choose from.
const INSTALLED = [binding for (binding, _) in Native.Binding.BOUND]

# The depots of the tests that have none of our artifacts.
function without_library()
    has_it(depot) = any(((_, hash),) -> ispath(joinpath(depot, "artifacts", hash)), Native.Binding.BOUND)
    return filter(!has_it, Lab.OUTER)
end

@testset "the binding that is asked for" begin
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
        # A depot without the library, as after a removal by hand.
        result = outcome(WHICH; depots = [lab.depot; without_library()], env = ["SCRATCHRS_BINDING" => nothing])
        @test startswith(result.out, "ScratchRS.LibraryNotFound: there is no native library")
    end
end

@testset "the binding that is preferred" begin
    if VERSION < v"1.6"
        untested("preferences", "this version of Julia has none")
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
                # The environment counts for more.
                @test which(first(INSTALLED)).out == first(INSTALLED)
            end
        end
    end
end

# Where an artifact of the tests is.
function installed(hash)
    for depot in Lab.OUTER
        path = joinpath(depot, "artifacts", hash)
        isdir(path) && return path
    end
    return nothing
end

@testset "a library elsewhere" begin
    with_lab() do lab
        overrides = joinpath(mkpath(joinpath(lab.depot, "artifacts")), "Overrides.toml")
        found = [(binding, hash, path) for (binding, hash) in Native.Binding.BOUND for path in [installed(hash)] if path !== nothing]
        for (binding, hash, path) in found
            cp(path, joinpath(lab.root, binding))
        end
        # An override for others changes nothing; one for ours is followed.
        write(overrides, "$("ab"^20) = $(repr(lab.root))\n")
        @test outcome(WHICH).out == Lab.binding()
        write(overrides, join("$hash = $(repr(joinpath(lab.root, binding)))\n" for (binding, hash, _) in found))
        @test outcome(WHICH).out == Lab.binding()
        # An override that leads nowhere.
        write(overrides, join("$hash = $(repr(joinpath(lab.root, "nowhere")))\n" for (_, hash, _) in found))
        @test startswith(outcome(WHICH).out, "ScratchRS.LibraryNotFound: ")
    end
end

# A copy of the package, without what was built beside it.
function copy_package(target)
    mkpath(target)
    for name in ["Project.toml", "Artifacts.toml", "JuliaArtifacts.toml", "src", "julia"]
        ispath(joinpath(REPO, name)) && cp(joinpath(REPO, name), joinpath(target, name))
    end
    return target
end

@testset "a library of another version" begin
    with_lab() do lab
        # It is the package that has another number: in the library it may stand anywhere.
        package = copy_package(joinpath(lab.root, "package"))
        file = joinpath(package, "julia", "native", "operations.jl")
        text = read(file, String)
        changed = replace(text, r"const ABI = 0x[0-9a-f]+" => "const ABI = 0x0123456789abcdef")
        @test changed != text
        chmod(file, 0o644)
        write(file, changed)
        result = outcome(WHICH; project = package)
        @test result.ok
        @test startswith(result.out, "ScratchRS.LibraryNotFound: ")
        @test occursin("\nhint: ", result.out)
    end
end

@testset "a package and a depot that are moved" begin
    with_lab() do lab
        here, there = joinpath(lab.root, "here"), joinpath(lab.root, "there")
        # In the depot: Julia stores no path to what is in one.
        copy_package(joinpath(here, "depot", "dev", "ScratchRS"))
        artifacts = mkpath(joinpath(here, "depot", "artifacts"))
        for (_, hash) in Native.Binding.BOUND
            path = installed(hash)
            path === nothing || cp(path, joinpath(artifacts, hash))
        end
        run_in(root) = outcome(
            """
            $WHICH
            print(' ', pathof(ScratchRS), ' ', get_scratch!("key"))
            # Julia says so since 1.11.
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
        # Where Julia can, it uses what was precompiled before the move.
        isdefined(Base, :isrelocatable) && @test compiled(there) == before
    end
end

@testset "no path of the library is stored" begin
    cache = VERSION < v"1.8" ? nothing : Base.pkgorigins[Base.PkgId(ScratchRS)].cachepath
    if cache === nothing
        untested("what the precompiled package has in it", "there is none, or Julia does not say where")
    else
        image = first(splitext(cache)) * '.' * Base.Libc.Libdl.dlext
        for file in filter(isfile, [cache, image]), depot in Lab.OUTER
            @test !occursin(joinpath(depot, "artifacts"), read(file, String))
        end
    end
end
