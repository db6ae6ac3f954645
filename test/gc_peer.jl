# Collection next to `Pkg.gc`: generated depots, of which each is made twice and collected by either.

# How many depots are generated.
const WORLDS = 240

const PACKAGES = [("Alpha", "11111111-1111-4111-8111-111111111111"), ("Beta", "22222222-2222-4222-8222-222222222222"),
    ("Gamma", "33333333-3333-4333-8333-333333333333")]
const PKG_SPACES = "44cfe95a-1eb2-52ea-b672-e2afdf69b78f"
const KNOWS_SPACES = VERSION >= v"1.6"
const KNOWS_SECOND_FORMAT = VERSION >= v"1.6.2"
# Since Julia 1.13, Pkg knows no grace period.
const IS_PEER = VERSION < v"1.13-"

# Knuth's linear congruential generator: the same worlds in every Julia.
mutable struct Dice
    state::UInt64
end

function roll(dice::Dice, sides::Int)
    dice.state = dice.state * 0x5851f42d4c957f2d + 0x14057b7ef767814f
    return Int((dice.state >> 33) % sides) + 1
end

chance(dice, percent) = roll(dice, 100) <= percent
pick(dice, list) = list[roll(dice, length(list))]
hex(number) = lpad(string(number; base = 16), 40, '0')
slug(uuid, tree, length) = Base.version_slug(Base.UUID(uuid), Base.SHA1(hex(tree)), length)

function put(path, text = "content")
    mkpath(dirname(path))
    write(path, text)
    return path
end

# What a world may have beside what its roots keep, where a root does not read: paths of things.
const Leeway = Set{String}

record(time) = "time = $(time)\n"
const THEN = "2024-01-02T03:04:05.006Z"

# Makes the world of a seed at `root`. Returns what may be kept although Pkg removes it.
function world(root, seed)
    dice = Dice(seed)
    depot = joinpath(root, "depot")
    mkpath(joinpath(depot, "logs"))
    Lab.prepared(depot)
    packages = Tuple{Int, Int, String}[]
    for number in 1:3, tree in 1:3
        name, uuid = PACKAGES[number]
        for length in (5, 4)
            # Pkg takes the longer slug for a directory below the shorter one: both only now and then.
            chance(dice, length == 5 ? 60 : 10) || continue
            length == 4 && any(p -> p[1] == number && p[2] == tree, packages) && continue
            path = joinpath(depot, "packages", name, slug(uuid, tree, length))
            put(joinpath(path, "src", "$name.jl"))
            put(joinpath(path, "Project.toml"), "name = \"$name\"\nuuid = \"$uuid\"\n")
            push!(packages, (number, tree, path))
        end
    end
    urls = ["https://example.invalid/$name.git" for (name, _) in PACKAGES]
    for url in urls
        chance(dice, 50) && put(joinpath(depot, "clones", string(hash(url)), "config"))
    end
    chance(dice, 30) && put(joinpath(depot, "clones", PACKAGES[1][2], "config"))
    chance(dice, 30) && put(joinpath(depot, "clones", "12345", "config"))
    for number in 1:6
        chance(dice, 60) && put(joinpath(depot, "artifacts", hex(number), "bin", "file"))
    end
    chance(dice, 30) && put(joinpath(depot, "artifacts", "jl_abcdef", "file"))
    for directory in ("artifacts", "packages", "clones")
        chance(dice, 30) && put(joinpath(depot, directory, ".DS_Store"))
    end
    leeway = Leeway()
    manifest_log, artifact_log, scratch_log = IOBuffer(), IOBuffer(), IOBuffer()
    log(io, path, fields = "") = for _ in 1:roll(dice, 2)
        print(io, "[[", repr(path), "]]\n", fields, record(chance(dice, 50) ? THEN : "2023-01-02T03:04:05.000Z"))
    end
    for number in 1:roll(dice, 4)
        name = VERSION < v"1.6" ? "Manifest.toml" : pick(dice, ["Manifest.toml", "JuliaManifest.toml", "Manifest-v1.11.toml"])
        path = joinpath(root, "work", "env$number", name)
        is_second = KNOWS_SECOND_FORMAT && chance(dice, 60)
        entries = IOBuffer()
        named = String[]
        for package in 1:3
            chance(dice, 50) || continue
            name, uuid = PACKAGES[package]
            tree = roll(dice, 3)
            print(entries, "\n[[", is_second ? "deps." : "", name, "]]\n")
            chance(dice, 80) && print(entries, "git-tree-sha1 = \"", hex(tree), "\"\n")
            chance(dice, 30) && print(entries, "repo-url = \"", urls[package], "\"\n")
            print(entries, "uuid = \"", uuid, "\"\nversion = \"0.", tree, ".0\"\n")
            push!(named, name)
        end
        text = string(is_second ? "julia_version = \"1.10.0\"\nmanifest_format = \"2.0\"\n" : "", String(take!(entries)))
        fate = roll(dice, 10)
        log(manifest_log, path)
        fate == 1 && continue
        if fate == 2 && chance(dice, 50)
            text = string(text, pick(dice, ["\n[[Torn", "x = = 1\n", "\n[[Alpha]]\nuuid = \"no\"\n", "\n[[Beta]]\nversion = \"1\"\n"]))
            # What it can be seen to name is kept, and what that keeps.
            union!(leeway, all_of_a_kind(depot, ["packages", "clones"]))
            union!(leeway, all_of_a_kind(depot, ["artifacts", "scratchspaces"]))
        end
        put(path, text)
    end
    artifact_files = [(joinpath(path, "Artifacts.toml"), true) for (_, _, path) in packages if chance(dice, 60)]
    append!(artifact_files, [(joinpath(root, "work", "project$n", "Artifacts.toml"), false) for n in 1:roll(dice, 2)])
    for (path, is_inside) in artifact_files
        log(artifact_log, path)
        text = IOBuffer()
        for number in 1:6
            chance(dice, 25) || continue
            if chance(dice, 70)
                print(text, "[a$number]\ngit-tree-sha1 = \"", hex(number), "\"\n")
            else
                print(text, "[[a$number]]\narch = \"x86_64\"\ngit-tree-sha1 = \"", uppercase(hex(number)), "\"\nos = \"linux\"\n")
            end
        end
        text = String(take!(text))
        fate = roll(dice, 10)
        !is_inside && fate == 1 && continue
        if fate == 2 && chance(dice, 50)
            text = string(text, "torn = \n")
            union!(leeway, all_of_a_kind(depot, ["artifacts"]))
        end
        put(path, text)
    end
    if chance(dice, 20)
        target = chance(dice, 50) ? "\"/elsewhere\"" : "\"$(hex(2))\""
        put(joinpath(depot, "artifacts", "Overrides.toml"), "$(hex(1)) = $target\n")
    end
    if KNOWS_SPACES
        for (_, uuid) in PACKAGES, key in ("cache", "data")
            chance(dice, 60) || continue
            space = joinpath(depot, "scratchspaces", uuid, key)
            put(joinpath(space, "file"))
            chance(dice, 25) && continue
            parents = String[]
            chance(dice, 50) && push!(parents, put(joinpath(root, "work", "user", "Project.toml"), ""))
            chance(dice, 50) && push!(parents, joinpath(root, "work", "gone", "Project.toml"))
            chance(dice, 50) && !isempty(packages) && push!(parents, joinpath(pick(dice, packages)[3], "Project.toml"))
            log(scratch_log, space, "parent_projects = $(string("[", join(map(repr, parents), ", "), "]"))\n")
        end
        log(scratch_log, joinpath(depot, "scratchspaces", PACKAGES[1][2], "vanished"), "parent_projects = [\"/x\"]\n")
        chance(dice, 30) && put(joinpath(depot, "scratchspaces", PKG_SPACES, "suspend_cache_1"))
        if chance(dice, 30) && VERSION >= v"1.9"
            old = put(joinpath(depot, "scratchspaces", PKG_SPACES, "pending_cache_2"))
            run(`touch -d 2020-01-01 $old`)
        end
        chance(dice, 20) && mkpath(joinpath(depot, "scratchspaces", "55555555-5555-4555-8555-555555555555"))
    end
    # It is a broken root by design that keeps too much; such a manifest may have come before the spaces.
    isempty(leeway) || union!(leeway, all_of_a_kind(depot, ["scratchspaces"]))
    for (name, io) in ("manifest" => manifest_log, "artifact" => artifact_log, "scratch" => scratch_log)
        text = String(take!(io))
        isempty(text) || put(joinpath(depot, "logs", "$(name)_usage.toml"), text)
    end
    if chance(dice, 50)
        lines = String[]
        for path in sort!(collect(all_of_a_kind(depot, ["packages", "clones", "artifacts", "scratchspaces"])))
            chance(dice, 40) && push!(lines, "$(repr(path)) = $(chance(dice, 50) ? THEN : "2026-01-01T00:00:00.000Z")\n")
        end
        put(joinpath(depot, "logs", "orphaned.toml"), join(lines))
    end
    return leeway
end

# The things of a depot that can be collected.
function all_of_a_kind(depot, kinds)
    found = Leeway()
    for kind in kinds
        directory = joinpath(depot, kind)
        isdir(directory) || continue
        for name in readdir(directory)
            path = joinpath(directory, name)
            if kind in ("packages", "scratchspaces")
                isdir(path) && union!(found, joinpath.(path, readdir(path)))
                isdir(path) && isempty(readdir(path)) && push!(found, path)
            else
                push!(found, path)
            end
        end
    end
    return found
end

const ALL_KINDS = ["packages", "clones", "artifacts", "scratchspaces"]

# What a collection left: things, and logs.
struct Left
    things::Leeway
    logs::Dict{String, Any}
    orphans::Dict{String, Any}
end

function left(depot)
    parsed(name) = isfile(joinpath(depot, "logs", name)) ? Pkg.TOML.parsefile(joinpath(depot, "logs", name)) : Dict{String, Any}()
    logs = Dict{String, Any}(name => parsed("$(name)_usage.toml") for name in ("manifest", "artifact", "scratch"))
    return Left(all_of_a_kind(depot, ALL_KINDS), logs, parsed("orphaned.toml"))
end

function tick()
    began = now()
    while now() - began < Millisecond(3)
    end
end

function quietly(f)
    VERSION < v"1.6" || return Logging.with_logger(f, Logging.NullLogger())
    # Before, Pkg talks to both outputs.
    out, err = stdout, stderr
    return open(tempname(), "w") do file
        redirect_stdout(file)
        redirect_stderr(file)
        try
            return Logging.with_logger(f, Logging.NullLogger())
        finally
            redirect_stdout(out)
            redirect_stderr(err)
        end
    end
end

pkg_collects(delay) = quietly() do
    # Julia reads them once in a session.
    Pkg.Artifacts.load_overrides(; force = true)
    VERSION < v"1.6" ? Pkg.gc(; collect_delay = delay) : Pkg.gc(; collect_delay = delay, io = devnull)
end
we_collect(delay) = ScratchRS.gc(; collect_delay = delay, io = devnull)

# Makes a world, collects it, and says what is left, by paths in the world. Each has a directory of its
# own: Julia remembers what it has read of a file.
function collected(collect!, root, seed, delays)
    leeway = world(root, seed)
    depot = joinpath(root, "depot")
    before = copy(DEPOT_PATH)
    Lab.refill!(DEPOT_PATH, [depot])
    for delay in delays
        collect!(delay)
        tick()
    end
    found = left(depot)
    Lab.refill!(DEPOT_PATH, before)
    within(path) = startswith(path, root) ? path[(sizeof(root) + 1):end] : path
    logs = Dict{String, Any}(name => Dict(within(path) => map(records) do record
        haskey(record, "parent_projects") || return record
        merge(record, Dict{String, Any}("parent_projects" => sort!(map(within, record["parent_projects"]))))
    end for (path, records) in log) for (name, log) in found.logs)
    orphans = Dict{String, Any}(within(path) => time for (path, time) in found.orphans)
    rm(root; force = true, recursive = true)
    return Left(Leeway(map(within, collect(found.things))), logs, orphans), Leeway(map(within, collect(leeway)))
end

@testset "what Pkg.gc keeps and removes, we keep and remove" begin
    IS_PEER && Lab.binding() == "portable" ? with_lab() do lab
        differing = String[]
        survivors = victims = with_leeway = 0
        for seed in 1:WORLDS
            delays = [[Day(7)], [Millisecond(1), Millisecond(1)], [Second(0)]][seed % 3 + 1]
            theirs, leeway = collected(pkg_collects, joinpath(lab.root, "a$seed"), seed, delays)
            ours, _ = collected(we_collect, joinpath(lab.root, "b$seed"), seed, delays)
            is_same = if isempty(leeway)
                # The orphans that are new have the time of the collection.
                ours.things == theirs.things && ours.logs == theirs.logs &&
                    keys(ours.orphans) == keys(theirs.orphans) &&
                    all(abs(ours.orphans[path] - time) < Minute(5) for (path, time) in theirs.orphans)
            else
                with_leeway += 1
                issubset(theirs.things, ours.things) && issubset(setdiff(ours.things, theirs.things), leeway)
            end
            survivors += length(theirs.things)
            victims += length(theirs.orphans)
            is_same && continue
            push!(differing, """
            world $seed, $delays:
              only Pkg keeps $(setdiff(theirs.things, ours.things))
              only we keep $(setdiff(ours.things, theirs.things))
              orphans: only theirs $(setdiff(keys(theirs.orphans), keys(ours.orphans))), only ours $(setdiff(keys(ours.orphans), keys(theirs.orphans)))
              logs: $(ours.logs == theirs.logs ? "same" : (theirs.logs, ours.logs))""")
        end
        foreach(text -> println(stderr, text), differing[1:min(3, end)])
        @test isempty(differing)
        @test with_leeway < WORLDS ÷ 2
        # The worlds have something of everything.
        @test survivors > WORLDS && victims > WORLDS
        @info "Collected next to Pkg.gc" WORLDS with_leeway survivors victims
    end : untested("Pkg.gc next to ours", "it knows no grace period in this version of Julia, or runs with the other binding")
end
