# The program and the functions give the same answers to the same inputs.

# The result of a run of the program: whether it succeeded, its output, and its error.
function told_by_program(command, arguments...; directory = pwd())
    out, err = Pipe(), Pipe()
    whole = setenv(Cmd([command.exec; collect(String, arguments)]), command.env; dir = directory)
    process = run(pipeline(ignorestatus(whole); stdout = out, stderr = err); wait = false)
    close(out.in)
    close(err.in)
    printed = @async read(out, String)
    said = read(err, String)
    wait(process)
    # The error is the last output; its hint is a separate line.
    error = last(split(string('\n', said), "\nerror: "))
    return (
        code = process.exitcode,
        out = chomp(fetch(printed)),
        error = String(chomp(first(split(error, "\nhint: ")))),
    )
end

# The message of the error that `f()` throws, or nothing.
function told_by_julia(f)
    error = thrown(f)
    error === nothing && return nothing
    error isa ArgumentError && return error.msg
    error isa ScratchRS.ScratchRSError && return error.message
    return sprint(showerror, error)
end

# A file that binds `x`, with these fields in its `download` table.
function with_download(fields...)
    write("Artifacts.toml", """
    [x]
    git-tree-sha1 = "$("1"^40)"

        [[x.download]]
    """)
    open(io -> foreach(field -> println(io, "    ", field), fields), "Artifacts.toml"; append = true)
    return abspath("Artifacts.toml")
end

@testset "an invalid binding has the same error in both" begin
    with_lab(stacked = true) do lab
        command = ScratchRS.scratchrs()
        sha256, url = "sha256 = \"$("0"^64)\"", "url = \"file:///nowhere/x.tar.gz\""
        for fields in [
            ("sha256 = \"$("0"^40)\"", url), ("sha256 = \"$("0"^63)g\"", url), ("sha256 = 3", url),
            (url,), ("sha256 = \"\"", url), (sha256,), (sha256, "url = \"x\""), (sha256, "url = true"),
            (sha256, "url = 1.5"), (sha256, "url = []"), ("size = -1",), ("size = {}", "url = 3"),
        ]
            file = with_download(fields...)
            install() = ensure_artifact_installed("x", file; quiet_download = true)
            all() = ScratchRS.ensure_all_artifacts_installed(file; quiet_download = true)
            own(url, path) = error("not asked")
            @test thrown(install) isa ScratchRS.FormatError
            program = told_by_program(command, "artifact", "install", "x")
            @test program.code == 1
            @test told_by_julia(install) == program.error
            @test startswith(program.error, "$file:")
            @test told_by_julia(all) == program.error
            @test told_by_program(command, "artifact", "install").error == program.error
            # The user's own function may support other URLs.
            any(field -> field == "url = \"x\"", fields) && continue
            of_own = told_by_julia(() -> ensure_artifact_installed("x", file; download = own))
            @test of_own == first(split(program.error, "\n"))
        end
        file = with_download(sha256, "url = \"s3://bucket/x\"")
        asked = String[]
        fetch_it(url, path) = (push!(asked, url); error("no network"))
        thrown(() -> ensure_artifact_installed("x", file; download = fetch_it))
        @test asked == ["s3://bucket/x"]
        # An invalid source is reported, and another is used.
        hash = create_artifact(directory -> write(joinpath(directory, "f"), "x"))
        tarball = joinpath(lab.root, "x.tar.gz")
        digest = archive_artifact(hash, tarball)
        remove_artifact(hash)
        write("Artifacts.toml", """
        [x]
        git-tree-sha1 = "$(uppercase(string(hash)))"
            [[x.download]]
            sha256 = "abc"
            url = "file://$tarball"
            [[x.download]]
            sha256 = "$(uppercase(digest))"
            size = "large"
            url = "file://$tarball"
        """)
        errors = Test.collect_test_logs() do
            ensure_artifact_installed("x", abspath("Artifacts.toml"); quiet_download = true)
        end
        @test errors[2] == artifact_path(hash)
        @test [record.message for record in errors[1]] == [
            "$(abspath("Artifacts.toml")):4:14: artifact `x`: invalid `sha256` `abc`: expected 64 hexadecimal digits, got 3",
            "$(abspath("Artifacts.toml")):8:12: artifact `x`: invalid `size` `large`: expected a number of bytes",
        ]
        @test told_by_program(command, "artifact", "path", "x").out == artifact_path(hash)
    end
end

@testset "a name with an invalid entry has the same error in both" begin
    with_lab(stacked = true) do lab
        command = ScratchRS.scratchrs()
        file = abspath("Artifacts.toml")
        for text in [
            "[x]\ngit-tree-sha1 = \"abc\"\n", "[x]\ngit-tree-sha1 = 7\n", "[x]\nlazy = true\n", "x = 3\n",
            "[x]\ngit-tree-sha1 = \"$("g"^40)\"\n",
        ]
            write(file, text)
            install() = ensure_artifact_installed("x", file)
            error = nothing
            # Errors that Julia's Artifacts logs are logged, too.
            Test.collect_test_logs(() -> error = told_by_julia(install))
            program = told_by_program(command, "artifact", "install", "x")
            @test program.code == 1 && error == program.error
            Test.collect_test_logs() do
                error = told_by_julia(() -> ScratchRS.ensure_all_artifacts_installed(file))
            end
            @test error == told_by_program(command, "artifact", "install").error == program.error
        end
        write(file, "[x]\ngit-tree-sha1 = \"abc\"\n")
        @test told_by_julia(() -> artifact_hash("x", file)) == told_by_program(command, "artifact", "path", "x").error
        write(file, "[x\n")
        @test told_by_julia(() -> artifact_hash("x", file)) == told_by_program(command, "artifact", "path", "x").error
        # The valid artifacts are installed, and then the error is thrown.
        hash = create_artifact(directory -> write(joinpath(directory, "f"), "x"))
        digest = archive_artifact(hash, joinpath(lab.root, "x.tar.gz"))
        remove_artifact(hash)
        write(file, """
        [a]
        git-tree-sha1 = "abc"
        [x]
        git-tree-sha1 = "$hash"
            [[x.download]]
            sha256 = "$digest"
            url = "file://$(joinpath(lab.root, "x.tar.gz"))"
        """)
        all() = ScratchRS.ensure_all_artifacts_installed(file; quiet_download = true)
        error = nothing
        Test.collect_test_logs(() -> error = thrown(all))
        @test error isa ScratchRS.FormatError && artifact_exists(hash)
        remove_artifact(hash)
        @test told_by_program(command, "artifact", "install").code == 1 && artifact_exists(hash)
    end
end

@testset "overrides apply to both" begin
    with_lab(stacked = true) do lab
        command = ScratchRS.scratchrs()
        site = mkdir(joinpath(lab.root, "site"))
        package = mkpath(joinpath(lab.root, "Pkg"))
        file = joinpath(package, "Artifacts.toml")
        write(joinpath(package, "Project.toml"), "name = \"P\"\nuuid = \"$USER\"\n")
        one, two, three = (Base.SHA1(string(digit)^40) for digit in 1:3)
        write(file, "[Tool]\ngit-tree-sha1 = \"$one\"\n[other]\ngit-tree-sha1 = \"$two\"\n")
        overrides = joinpath(mkpath(joinpath(lab.depot, "artifacts")), "Overrides.toml")
        path(name) = told_by_program(command, "artifact", "path", name; directory = package)
        for text in [
            "", "[$USER]\nTool = \"$site\"\n", "[$(uppercase(string(USER)))]\nTool = \"$site\"\n",
            "[$OWNER]\nTool = \"$site\"\n", "[$USER]\nTool = \"$two\"\n$two = \"$site\"\n",
            "$one = \"$site\"\n", "$(uppercase("a"^40)) = \"$site\"\n$one = \"$("a"^40)\"\n",
            "[$USER]\nTool = \"\"\nother = \"$site\"\n",
        ]
            write(overrides, text)
            ScratchRS.load_overrides(force = true)
            for name in ["Tool", "other"]
                hash = artifact_hash(name, file; pkg_uuid = USER)
                program = path(name)
                @test artifact_exists(hash) == (program.code == 0)
                @test program.code == 3 || program.out == artifact_path(hash)
            end
        end
        write(overrides, "$one = \"$two\"\n$two = \"$one\"\n")
        ScratchRS.load_overrides(force = true)
        @test thrown(() -> artifact_path(one)) isa ScratchRS.FormatError
        @test path("Tool").code == 1
        # An overridden artifact is not downloaded, even if the target does not exist.
        write(overrides, "$one = \"$(joinpath(lab.root, "gone"))\"\n")
        ScratchRS.load_overrides(force = true)
        install() = ensure_artifact_installed("Tool", file; pkg_uuid = USER)
        program = told_by_program(command, "artifact", "install", "Tool"; directory = package)
        @test thrown(install) isa ScratchRS.NotFound
        @test (program.code, program.error) == (3, told_by_julia(install))
        # The artifacts that a repair installs.
        write(overrides, "[$USER]\nTool = \"$site\"\n")
        write(file, replace(read(file, String), "[other]" => "    [[Tool.download]]\n    sha256 = \"$("0"^64)\"\n    url = \"file:///nowhere\"\n[other]"))
        ScratchRS.load_overrides(force = true)
        repairs = ScratchRS.repair_artifacts(file)
        @test repairs.failed == [] && repairs.left_out == []
        @test told_by_program(command, "artifact", "repair", "--file", file).code == 0
        rm(overrides)
        ScratchRS.load_overrides(force = true)
    end
end

@testset "invalid keys have the same error in both" begin
    with_lab(stacked = true) do lab
        command = ScratchRS.scratchrs()
        for key in ["", ".", "..", "a/b", "a\\b", "a@b", "con", "a:b", "a b", "é", "a"^300, "x.", "-x"]
            refused = told_by_julia(() -> get_scratch!(OWNER, key))
            program = told_by_program(command, "path", "--uuid=$OWNER", "--", key)
            @test (refused === nothing) == (program.code == 0)
            refused === nothing || @test (program.code, program.error) == (2, refused)
        end
    end
end

@testset "the program uses all depots of the session" begin
    with_lab(stacked = true) do lab
        command = ScratchRS.scratchrs()
        hash = create_artifact(directory -> write(joinpath(directory, "f"), "x"))
        behind = prepared(joinpath(lab.root, "behind"))
        mkdir(joinpath(behind, "artifacts"))
        mv(joinpath(lab.depot, "artifacts", string(hash)), joinpath(behind, "artifacts", string(hash)))
        @test told_by_program(command, "artifact", "path", string(hash)).code == 3
        push!(DEPOT_PATH, behind)
        command = ScratchRS.scratchrs()
        @test told_by_program(command, "artifact", "path", string(hash)).out == artifact_path(hash)
        write("Artifacts.toml", "[x]\ngit-tree-sha1 = \"$hash\"\n")
        @test length(ScratchRS.artifact_usage(hash, "Artifacts.toml")) == 1
        @test occursin("installed", told_by_program(command, "artifact", "list", "--file", ".").out)
    end
end
