# Finding artifacts: paths, bindings, overrides, and `artifact"name"`.

using Base: SHA1
using ScratchRS: FormatError, artifacts_dirs, load_artifacts_toml, load_overrides, process_overrides
using ScratchRS: query_override, with_artifacts_directory

const ONE, TWO, THREE = SHA1("11"^20), SHA1("22"^20), SHA1("33"^20)

# Platforms, with the types of the running Julia.
@static if isdefined(Base, :BinaryPlatforms)
    using Base.BinaryPlatforms: HostPlatform, Platform
    linux(; kw...) = Platform("x86_64", "linux"; kw...)
    macos() = Platform("x86_64", "macos")
    windows() = Platform("x86_64", "windows")
else
    linux(; libgfortran_version = nothing, kw...) = Pkg.BinaryPlatforms.Linux(
        :x86_64;
        libc = :glibc,
        compiler_abi = Pkg.BinaryPlatforms.CompilerABI(; libgfortran_version = libgfortran_version),
    )
    macos() = Pkg.BinaryPlatforms.MacOS()
    windows() = Pkg.BinaryPlatforms.Windows(:x86_64)
end

# The depots of a test, each with its artifacts.
function with_depots(f, contents...)
    with_lab() do lab
        depots = [joinpath(lab.root, "depot$i") for i in 1:length(contents)]
        for (depot, hashes) in zip(depots, contents), hash in hashes
            mkpath(joinpath(depot, "artifacts", string(hash)))
        end
        append!(empty!(DEPOT_PATH), depots)
        try
            f(lab, depots)
        finally
            ScratchRS.ARTIFACT_OVERRIDES[] = nothing
        end
    end
end

in_depot(depot, hash) = joinpath(depot, "artifacts", string(hash))

# Resets the overrides after a test.
overriding(depot, text) =
    (write(joinpath(mkpath(joinpath(depot, "artifacts")), "Overrides.toml"), text); load_overrides(force = true))

# The errors that are logged while `f()` runs.
function errors_of(f)
    logger = Test.TestLogger()
    Base.CoreLogging.with_logger(f, logger)
    return [record.message for record in logger.logs if record.level == Base.CoreLogging.Error]
end

# Evaluates code as if it were in a file in the current directory.
evaluated(code, mod = Module(:Anonymous), file = "code.jl") =
    (Core.eval(mod, :(const ScratchRS = $ScratchRS; using .ScratchRS, .ScratchRS.Artifacts)); include_string(mod, code, joinpath(pwd(), file)))

@testset "the first depot with an artifact determines its path" begin
    with_depots([ONE], [ONE, TWO]) do lab, (first, second)
        @test artifact_path(ONE) == in_depot(first, ONE)
        @test artifact_path(TWO) == in_depot(second, TWO)
        @test artifact_path(THREE) == in_depot(first, THREE)
        @test map(artifact_exists, [ONE, TWO, THREE]) == [true, true, false]
        @test ScratchRS.artifact_paths(TWO) == [in_depot(first, TWO), in_depot(second, TWO)]
        @test artifacts_dirs("a", "b") == [joinpath(d, "artifacts", "a", "b") for d in (first, second)]
        # A file in the place of an artifact does not count.
        write(in_depot(first, THREE), "")
        @test !artifact_exists(THREE)
        # A new depot is used at once; a relative one is relative to the current directory.
        append!(empty!(DEPOT_PATH), ["depot2"])
        @test artifact_path(ONE) == in_depot(second, ONE)
        cd(mkdir("elsewhere")) do
            @test artifact_path(ONE) == in_depot(joinpath(lab.root, "elsewhere", "depot2"), ONE)
            @test !artifact_exists(ONE)
        end
        empty!(DEPOT_PATH)
        @test !artifact_exists(ONE)
        @test thrown(() -> artifact_path(ONE)) isa ArgumentError
    end
end

@testset "a directory that replaces those of the depots" begin
    with_depots([ONE]) do lab, (depot,)
        directory = joinpath(lab.root, "directory")
        @test with_artifacts_directory(() -> "value", directory) == "value"
        with_artifacts_directory(directory) do
            @test artifact_path(ONE) == joinpath(directory, string(ONE))
            @test artifacts_dirs() == [directory]
            @test !artifact_exists(ONE)
            with_artifacts_directory(joinpath(depot, "artifacts")) do
                @test artifact_exists(ONE)
            end
            @test !artifact_exists(ONE)
            # Another task uses the depots, unless it inherits the directory from this task.
            inherits = isdefined(Base, :ScopedValues)
            @test fetch(@async artifact_exists(ONE)) == !inherits
            # An error also ends it.
            @test thrown(() -> with_artifacts_directory(() -> error("x"), depot)) isa ErrorException
            @test artifacts_dirs() == [directory]
        end
        @test artifact_exists(ONE)
        with_artifacts_directory("relative") do
            @test artifacts_dirs("x") == [joinpath(lab.root, "relative", "x")]
        end
        @test thrown(() -> with_artifacts_directory(() -> nothing, "")) isa ArgumentError
        # It does not apply to spaces.
        with_scratch_directory(directory) do
            @test artifacts_dirs() == [joinpath(depot, "artifacts")]
        end
    end
end

@testset "the artifact that a name is bound to" begin
    with_lab() do lab
        file = joinpath(lab.root, "Artifacts.toml")
        @test artifact_meta("x", file) === nothing
        @test artifact_hash("x", file) === nothing
        @test select_downloadable_artifacts(file) == Dict()
        @test ScratchRS.extract_all_hashes(file) == SHA1[]
        @test thrown(() -> load_artifacts_toml(file)) isa SystemError
        write(file, """
        # A comment.
        [everywhere]
        git-tree-sha1 = "$ONE"
        number = 1
        real = 1.5
        list = [1, [true, "x"]]
        [[some]]
        arch = "x86_64"
        git-tree-sha1 = "$TWO"
        libc = "glibc"
        os = "linux"
            [[some.download]]
            sha256 = "$("ab"^32)"
            url = "https://example.invalid/ä"
        [[some]]
        arch = "x86_64"
        git-tree-sha1 = "$THREE"
        lazy = true
        os = "macos"
            [[some.download]]
            sha256 = "$("cd"^32)"
            url = "https://example.invalid/b"
        """)
        @test artifact_hash("everywhere", file) == artifact_hash("everywhere", "Artifacts.toml") == ONE
        @test artifact_hash("missing", file) === nothing
        @test artifact_hash("some", file; platform = linux()) == TWO
        @test artifact_hash("some", file; platform = macos()) == THREE
        @test artifact_hash("some", file; platform = windows()) === nothing
        meta = artifact_meta("everywhere", file)
        @test meta == Dict("git-tree-sha1" => string(ONE), "number" => 1, "real" => 1.5, "list" => [1, [true, "x"]])
        @test meta isa Dict{String, Any}
        meta = artifact_meta("some", file; platform = linux())
        @test meta["download"][1] == Dict("sha256" => "ab"^32, "url" => "https://example.invalid/ä")
        bindings = load_artifacts_toml(file)
        @test artifact_meta("some", bindings, file; platform = linux()) == meta
        @test sort!(collect(keys(bindings))) == ["everywhere", "some"]
        # Downloadable artifacts, and lazy ones.
        select(; kw...) = sort!(collect(keys(select_downloadable_artifacts(file; kw...))))
        @test select(platform = linux()) == ["some"]
        @test select(platform = macos()) == []
        @test select(platform = macos(), include_lazy = true) == ["some"]
        @test select_downloadable_artifacts(bindings, file; platform = linux()) == Dict("some" => meta)
        hashes(; kw...) = Set(ScratchRS.extract_all_hashes(file; kw...))
        @test hashes(platform = linux()) == Set([ONE, TWO])
        @test hashes(platform = macos()) == Set([ONE])
        @test hashes(platform = macos(), include_lazy = true) == Set([ONE, THREE])
        # Names and files may be any `AbstractString`.
        part(text) = SubString(string(text, "!"), 1, lastindex(text))
        @test artifact_hash(part("some"), part(file); platform = linux()) == TWO
        @test select_downloadable_artifacts(part(file); platform = macos(), include_lazy = true) != Dict()
        @test ScratchRS.extract_all_hashes(part(file); platform = linux(), include_lazy = true) != []
        # A changed file is read again.
        write(file, "[everywhere]\ngit-tree-sha1 = \"$TWO\"\n")
        @test artifact_hash("everywhere", file) == TWO
        write(file, "[everywhere]\ngit-tree-sha1 = \"$ONE\"\n")
        @test artifact_hash("everywhere", file) == ONE
        rm(file)
        @test artifact_hash("everywhere", file) === nothing
    end
end

@testset "a platform is chosen as Julia chooses" begin
    with_lab() do lab
        file = joinpath(lab.root, "Artifacts.toml")
        entry(hash, tags) = string("[[x]]\ngit-tree-sha1 = \"$hash\"\n", ("$tag = \"$value\"\n" for (tag, value) in tags)...)
        base = ["os" => "linux", "arch" => "x86_64", "libc" => "glibc"]
        write(file, entry(ONE, [base; "libgfortran_version" => "3.0.0"]) * entry(TWO, [base; "libgfortran_version" => "5.0.0"]))
        @test artifact_hash("x", file; platform = linux(libgfortran_version = v"5")) == TWO
        @test artifact_hash("x", file; platform = linux(libgfortran_version = v"3")) == ONE
        @test artifact_hash("x", file; platform = linux(libgfortran_version = v"4")) === nothing
        @test artifact_hash("x", file; platform = linux()) == TWO
        # The version of Julia is a tag; its patch number does not count.
        this, other = "$(VERSION.major).$(VERSION.minor).99", "$(VERSION.major).$(VERSION.minor + 1).0"
        host = ["os" => Sys.islinux() ? "linux" : Sys.isapple() ? "macos" : "windows", "arch" => String(Sys.ARCH)]
        write(file, entry(ONE, [host; "julia_version" => other]) * entry(TWO, [host; "julia_version" => this]))
        @test artifact_hash("x", file) == TWO
        if isdefined(Base, :BinaryPlatforms)
            # A tag of the package, with its own comparison.
            write(file, entry(ONE, [base; "cuda" => "11.0.0"]) * entry(TWO, [base; "cuda" => "12.0.0"]))
            platform = Platform("x86_64", "linux"; cuda = "11.5")
            @test artifact_hash("x", file; platform = platform) === nothing
            same_major(a, b, _, _) = VersionNumber(a).major == VersionNumber(b).major
            Base.BinaryPlatforms.set_compare_strategy!(platform, "cuda", same_major)
            @test artifact_hash("x", file; platform = platform) == ONE
        end
    end
end

@testset "invalid files of bindings" begin
    with_lab() do lab
        file = joinpath(lab.root, "Artifacts.toml")
        meta(text) = (write(file, text); artifact_meta("x", file; platform = linux()))
        logged(text) = (errors = errors_of(() -> @test(meta(text) === nothing)); only_one(errors))
        only_one(list) = (@test(length(list) == 1); first(list))
        @test occursin("malformed, must be array or dict!", logged("x = 1\n"))
        @test occursin("contains no `git-tree-sha1`", logged("[x]\na = 1\n"))
        @test occursin("missing 'os' key", logged("[[x]]\narch = \"x86_64\"\n"))
        @test occursin("missing 'arch' key", logged("[[x]]\nos = \"linux\"\n"))
        @test occursin("missing 'os' key", logged("x = [1]\n"))
        # The other elements of the array are valid.
        good = "[[x]]\nos = \"linux\"\narch = \"x86_64\"\ngit-tree-sha1 = \"$ONE\"\n"
        errors = errors_of(() -> @test(meta("[[x]]\nos = \"linux\"\n" * good)["git-tree-sha1"] == string(ONE)))
        @test length(errors) == 1
        errors = errors_of(() -> @test(meta("[[x]]\nos = \"linux\"\narch = \"x86_64\"\na = \"+\"\n" * good)["git-tree-sha1"] == string(ONE)))
        @test length(errors) == 1
        @test meta("x = []\n") === nothing
        # Invalid hashes and invalid TOML.
        for text in ["\"abc\"", "\"$("g"^40)\"", "\"$("ab"^21)\"", "1"]
            write(file, "[x]\ngit-tree-sha1 = $text\n")
            error = thrown(() -> artifact_hash("x", file))
            @test error isa FormatError
            @test occursin(file, error.message) && occursin("`x`", error.message)
        end
        for (text, place) in ["a = 1\nb = = 2\n" => ":2:", "[x]\na = 1\n[x]\n" => ":3:", "a = \"\xff\"" => ":1:6:", "[x\n" => ":1:"]
            write(file, text)
            error = thrown(() -> load_artifacts_toml(file))
            @test error isa FormatError
            @test startswith(error.message, string(file, place))
        end
    end
end

@testset "the file of bindings of a source file" begin
    with_lab() do lab
        found(parts...) = find_artifacts_toml(joinpath(lab.root, parts...))
        mkpath(joinpath("package", "src", "deep"))
        mkpath(joinpath("package", "inner", "src"))
        write(joinpath("package", "Project.toml"), "")
        write(joinpath("package", "inner", "Project.toml"), "")
        @test found("package", "src", "a.jl") === nothing
        file = joinpath(lab.root, "package", "Artifacts.toml")
        write(file, "")
        @test found("package", "src", "deep", "a.jl") == found("package") == found("package", "x.jl") == file
        # A package uses only its own file.
        @test found("package", "inner", "src", "a.jl") === nothing
        preferred = joinpath(lab.root, "package", "JuliaArtifacts.toml")
        write(preferred, "")
        @test found("package", "src", "a.jl") == preferred
        @test find_artifacts_toml(joinpath("package", "x.jl")) == preferred
        @test find_artifacts_toml("/") === nothing
        @test ScratchRS.artifact_names == ("JuliaArtifacts.toml", "Artifacts.toml")
    end
end

@testset "overrides" begin
    with_depots([], [ONE, TWO]) do lab, (first, second)
        @test load_overrides(force = true) == Dict(:UUID => Dict(), :hash => Dict())
        path = mkdir(joinpath(lab.root, "path"))
        text = """
        $ONE = "$path"
        $THREE = "$TWO"
        [$OWNER]
        named = "$path"
        other = "$TWO"
        """
        write(joinpath(second, "artifacts", "Overrides.toml"), text)
        # They are read once, until a reload is requested.
        @test query_override(ONE) === nothing
        overrides = load_overrides(force = true)
        @test overrides === load_overrides()
        @test overrides[:hash] == Dict(ONE => path, THREE => TWO)
        @test overrides[:UUID] == Dict(OWNER => Dict("named" => path, "other" => TWO))
        @test artifact_path(ONE) == path
        @test ScratchRS.artifact_paths(ONE) == [path]
        @test artifact_path(ONE; honor_overrides = false) == in_depot(second, ONE)
        @test artifact_path(THREE) == in_depot(second, TWO)
        @test artifact_exists(THREE) && !artifact_exists(THREE; honor_overrides = false)
        @test query_override(OWNER, "named") == path
        @test query_override(OWNER, "other") == in_depot(second, TWO)
        @test query_override(OWNER, "missing") === query_override(USER, "named") === nothing
        # An earlier depot takes precedence, and can remove an override.
        overriding(first, "$THREE = \"\"\n[$OWNER]\nnamed = \"$TWO\"\nother = \"\"\n")
        @test query_override(THREE) === nothing
        @test query_override(OWNER, "named") == in_depot(second, TWO)
        @test query_override(OWNER, "other") === nothing
        # A missing target does not count as existing.
        overriding(first, "$TWO = \"$(joinpath(lab.root, "nowhere"))\"\n")
        @test artifact_path(TWO) == joinpath(lab.root, "nowhere")
        @test !artifact_exists(TWO)
        # Overrides by name apply once the bindings of the package are loaded.
        file = joinpath(lab.root, "Artifacts.toml")
        write(file, """
        [named]
        git-tree-sha1 = "$TWO"
        [[other]]
        os = "linux"
        arch = "x86_64"
        git-tree-sha1 = "$THREE"
        [broken]
        x = 1
        """)
        overriding(first, "[$OWNER]\nnamed = \"$path\"\nother = \"$path\"\nbroken = \"$path\"\n")
        @test artifact_path(TWO) == in_depot(second, TWO)
        @test process_overrides(load_artifacts_toml(file), nothing) === nothing
        @test artifact_hash("named", file; pkg_uuid = USER) == TWO
        @test artifact_path(TWO) == in_depot(second, TWO)
        @test artifact_hash("named", file; pkg_uuid = OWNER) == TWO
        @test artifact_path(TWO) == artifact_path(THREE) == path
        # A cycle, and invalid entries.
        overriding(first, "$ONE = \"$TWO\"\n$TWO = \"$ONE\"\n")
        @test thrown(() -> artifact_path(ONE)) isa FormatError
        for (text, message) in [
            "$ONE = \"nowhere\"\n" => "must map to an absolute path or SHA1 hash!",
            "$("0"^41) = \"$ONE\"\n" => "Invalid SHA1 hash",
            "[no-uuid]\nx = \"$ONE\"\n" => "Invalid UUID",
            "$ONE = [1]\n" => "failed to parse entry",
        ]
            errors = errors_of(() -> overriding(first, text * "[$OWNER]\nleft = \"$path\"\n"))
            @test length(errors) == 1
            @test occursin(message, errors[1]) && occursin(joinpath(first, "artifacts", "Overrides.toml"), errors[1])
            @test query_override(OWNER, "left") == path
        end
        @test thrown(() -> overriding(first, "x\n")) isa FormatError
    end
end

@testset "artifact\"name\"" begin
    with_depots([ONE]) do lab, (depot,)
        error = thrown(() -> evaluated("artifact\"x\""))
        @test occursin("Cannot locate '(Julia)Artifacts.toml' file when attempting to use artifact 'x'", sprint(showerror, error))
        file = joinpath(lab.root, "Artifacts.toml")
        write(file, """
        [there]
        git-tree-sha1 = "$ONE"
        [missing]
        git-tree-sha1 = "$TWO"
        [[elsewhere]]
        os = "windows"
        arch = "armv7l"
        git-tree-sha1 = "$ONE"
        """)
        path = in_depot(depot, ONE)
        @test evaluated("artifact\"there\"") == path
        @test evaluated("artifact\"there/bin/tool\"") == joinpath(path, "bin", "tool")
        @test evaluated("artifact\"there\\\\bin\"") == joinpath(path, "bin")
        # A name that is computed at run time.
        @test evaluated("f(name) = @artifact_str(name); f(\"there/bin\")") == joinpath(path, "bin")
        @test occursin("Cannot locate artifact 'nowhere' for", sprint(showerror, thrown(() -> evaluated("f(name) = @artifact_str(name); f(\"nowhere\")"))))
        # A given platform.
        if isdefined(Base, :BinaryPlatforms)
            code = "using Base.BinaryPlatforms\n@artifact_str(\"elsewhere/x\", Platform(\"armv7l\", \"windows\"))"
            @test evaluated(code) == joinpath(path, "x")
        end
        # The error occurs when the macro expands.
        for name in ["nowhere", "elsewhere"]
            error = thrown(() -> evaluated("f() = artifact\"$name\""))
            @test occursin("Cannot locate artifact '$name' for", sprint(showerror, error))
        end
        m = Module(:Missing)
        evaluated("f() = artifact\"missing\"", m)
        error = thrown(() -> Base.invokelatest(m.f))
        @test error isa ErrorException
        @test startswith(error.msg, "Artifact \"missing\" was not found by looking in the path ")
        @test occursin(in_depot(depot, TWO), error.msg)
        @test occursin("ensure_artifact_installed", error.msg)
        mkpath(in_depot(depot, TWO))
        @test Base.invokelatest(m.f) == in_depot(depot, TWO)
        overriding(depot, "$TWO = \"/nowhere\"\n")
        error = thrown(() -> Base.invokelatest(m.f))
        @test error isa ErrorException && occursin("Overrides.toml", error.msg)
        # The path of an artifact in another directory.
        load_overrides(force = true)
        with_artifacts_directory(mkpath(joinpath(lab.root, "other"))) do
            mkpath(joinpath(lab.root, "other", string(ONE)))
            @test evaluated("artifact\"there\"") == joinpath(lab.root, "other", string(ONE))
        end
    end
end

@testset "a package that uses artifacts is compiled again when its file changes" begin
    with_depots([ONE, TWO]) do lab, (depot,)
        package = joinpath(lab.root, "UsesArtifact")
        mkpath(joinpath(package, "src"))
        write(joinpath(package, "Project.toml"), """
        name = "UsesArtifact"
        uuid = "$USER"
        [deps]
        ScratchRS = "$(Base.PkgId(ScratchRS).uuid)"
        """)
        write(joinpath(package, "src", "UsesArtifact.jl"), "module UsesArtifact\nusing ScratchRS.Artifacts\npath() = artifact\"x\"\nend\n")
        run_it() = outcome(
            "using UsesArtifact; print(UsesArtifact.path())";
            project = package,
            load_path = [REPO, "@", "@stdlib"],
        ).out
        for (hash, override) in [ONE => "", TWO => "", TWO => "[$USER]\nx = \"$(lab.root)\"\n"]
            write(joinpath(package, "Artifacts.toml"), "[x]\ngit-tree-sha1 = \"$hash\"\n")
            write(joinpath(depot, "artifacts", "Overrides.toml"), override)
            @test run_it() == (isempty(override) ? in_depot(depot, hash) : lab.root)
        end
    end
end

# File names of code without a file, each with whether Julia's own macro finds the artifact: for a relative
# path, it searches only the directories in that path.
const IN_NO_FILE = [
    "REPL[1]", "In[3]", "none", "string", "", "cell.jl", "sub/code.jl", "nowhere/deep/code.jl",
    "vscode-notebook-cell:/a/b.ipynb#X", "[ROOT]/virtual.jl", "[ROOT]/sub/virtual.jl",
]

@testset "code without a file searches from the current directory upwards" begin
    with_depots([ONE]) do lab, (depot,)
        write("Artifacts.toml", "[x]\ngit-tree-sha1 = \"$ONE\"\n")
        mkdir("sub")
        result = outcome("using ScratchRS.Artifacts; print(artifact\"x\")")
        @test result.out == in_depot(depot, ONE)
        ours, peer = Module(:Ours), Module(:Peer)
        Core.eval(ours, :(const var"@artifact_str" = $(getfield(ScratchRS, Symbol("@artifact_str")))))
        Core.eval(peer, :(const var"@artifact_str" = $(getfield(Pkg.Artifacts, Symbol("@artifact_str")))))
        run_in(mod, name) = thrown(() -> include_string(mod, "path = artifact\"x\"", name))
        for name in IN_NO_FILE
            name = replace(name, "[ROOT]" => lab.root)
            @test run_in(ours, name) === nothing
            @test Core.eval(ours, :path) == in_depot(depot, ONE)
            run_in(peer, name) === nothing && @test Core.eval(peer, :path) == in_depot(depot, ONE)
        end
        # Without a file above, no artifact is found.
        for name in ["/nowhere/code.jl", joinpath(dirname(lab.root), "code.jl")]
            @test run_in(ours, name) isa LoadError
            @test run_in(peer, name) isa LoadError
        end
        # A project ends the search, also in a notebook.
        cd("sub") do
            @test run_in(ours, "In[4]") === nothing
            write("Project.toml", "")
            @test run_in(ours, "In[5]") isa LoadError
        end
    end
end
