# Measures a module with the interface of Scratch.jl, named in ARGS[1], in this session. Prints
# lines of a name and a number of seconds. `cargo xtask bench scratch` runs it.

const NAME = Symbol(ARGS[1])
seconds(f, args...) = (start = time_ns(); f(args...); (time_ns() - start) / 1e9)
report(what, time) = println(what, ' ', time)

# What a user waits for at the start of a session: first thing, once. A package that takes its
# space in `__init__` is loaded in a session of its own.
if ARGS[2] == "TakesSpace"
    report("load a package that takes a space in __init__", seconds(() -> @eval using TakesSpace))
    exit()
elseif ARGS[2] == "TakesArtifact"
    # The peer is Julia's own library.
    report("load a package that takes an artifact in __init__", seconds(() -> @eval using TakesArtifact))
    exit()
elseif ARGS[2] == "FirstCall"
    # Here too. All that was read before is code.
    load, call = Meta.parse(ARGS[3]), Meta.parse(ARGS[4])
    loading = seconds(() -> Core.eval(Main, load))
    report("load, and the first `$(call.args[1])`", loading + seconds(() -> Core.eval(Main, call)))
    exit()
end
const LOADING = seconds(() -> @eval using $NAME)
const TRACKED = Base.UUID(ARGS[2])
const FIRST = seconds(() -> get_scratch!(TRACKED, "first"))
report("load", LOADING)
report("load, and the first call", LOADING + FIRST)

# The best of some rounds, each divided by its number of calls.
function best(f, args...; calls = 2000, rounds = 15)
    once() = seconds(() -> (for _ in 1:calls; f(args...); end))
    once()
    return minimum(once() for _ in 1:rounds) / calls
end

const UNKNOWN = Base.UUID("11111111-2222-3333-4444-555555555555")
const MODULE = getfield(Main, NAME)
report("warm, by UUID", best(get_scratch!, TRACKED, "warm"))
report("warm, by module", best(get_scratch!, MODULE, "warm"))
report("warm, by UUID of no known project", best(get_scratch!, UNKNOWN, "warm"))
report("warm, by nothing", best(get_scratch!, "warm"))

# Cold: a space that is not there, its use not logged.
const KEYS = ["cold-$number" for number in 1:500]
report("cold", seconds(() -> foreach(key -> get_scratch!(TRACKED, key), KEYS)) / length(KEYS))
