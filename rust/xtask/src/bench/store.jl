# Measures a module with the interface of OhMyArtifacts.jl, named in ARGS[1], with ARGS[2] files.
# Prints lines of a name and a number of seconds. `cargo xtask bench store` runs it.

const NAME = Symbol(ARGS[1])
const COUNT = parse(Int, ARGS[2])
@eval using $NAME, Dates
const M = getfield(Main, NAME)

function seconds(f, args...)
    # What was measured before leaves something to collect, which is not to fall into this.
    GC.gc()
    start = time_ns()
    f(args...)
    return (time_ns() - start) / 1e9
end
report(what, time) = println(what, ' ', time)

function fill(directory, name, number)
    path = joinpath(directory, name)
    write(path, string("content ", number, '\n')^40)
    return path
end
write_all(directory, numbers) = for number in numbers
    fill(directory, "file $number", number)
end
create(number) = create_my_artifact(directory -> fill(directory, "file", number))
create_all(hashes, numbers) = for number in numbers
    push!(hashes, create(number))
end
bind(file, numbers, hashes) = for (number, hash) in zip(numbers, hashes)
    bind_my_artifact!(file, "file $number", hash)
end
look_up(file, numbers) = for number in numbers
    isfile(my_artifact_path(my_artifact_hash("file $number", file))) || error("lost: $number")
end
function collect_all(file, numbers)
    unbind_my_artifact!(file, ["file $number" for number in numbers])
    M.find_orphanages(collect_delay = Hour(0))
end

const FILE = my_artifacts_toml!(Base.UUID("d3a5e2b1-6c1f-4b8e-9f57-0a4d2c9b7e61"))
const WRITTEN = mkpath(joinpath(first(DEPOT_PATH), "written"))
hashes = Any[]

# Compiled before it is measured.
write_all(WRITTEN, -3:-1)
create_all(hashes, -3:-1)
bind(FILE, -3:-1, hashes)
look_up(FILE, -3:-1)
collect_all(FILE, -3:-1)
empty!(hashes)

numbers = 1:COUNT
report("write only", seconds(write_all, WRITTEN, numbers))
created = seconds(create_all, hashes, numbers)
report("create", created)
bound = seconds(bind, FILE, numbers, hashes)
report("bind", bound)
report("create and bind", created + bound)
report("look up", seconds(look_up, FILE, numbers))
report("collect", seconds(collect_all, FILE, numbers))
