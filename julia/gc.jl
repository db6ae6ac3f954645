# Collection: what nothing keeps goes, and people can see what and why.
module Collection

import ..@seldom_run, ..Native, ..NotFound, ..bytes_in_words, ..label
@seldom_run

# A duration as the native library takes it: a period of Dates, or a number of milliseconds.
in_milliseconds(::Nothing) = ""
in_milliseconds(delay::Real) = string(round(Int, delay))
in_milliseconds(delay) = string(Base.invokelatest(count_milliseconds, delay))
count_milliseconds(delay) = round(Int, dates().toms(delay))
dates() = Base.require(Base.PkgId(Base.UUID("ade2ca70-3891-5945-98fb-dc099432e06a"), "Dates"))

stack(::Nothing) = String[depot for depot in DEPOT_PATH]
stack(depots) = String[depot for depot in depots]

# A thing that went or would go.
struct Item
    kind::Symbol
    path::String
    bytes::Int
    freed::Int
    # Why it goes, or when it can go.
    reason::String
end

Item(table::AbstractDict, reason::AbstractString) =
    Item(Symbol(table["kind"]), table["path"], table["bytes"], table["freed"], reason)

# What `gc` returns.
struct Report
    depots::Vector{String}
    is_dry_run::Bool
    # How many keep things.
    manifests::Int
    artifact_files::Int
    spaces::Int
    gone::Vector{Item}
    waiting::Vector{Item}
    # What could not be removed, and what turned out to be in use: paths and why.
    failures::Vector{Pair{String, String}}
    spared::Vector{Pair{String, String}}
    # What follows, where, and what is wrong.
    notes::Vector{NTuple{3, String}}
    leftovers::Int
    # Files of names in the store that went, since the projects are gone.
    abandoned::Int
    verbose::Bool
end

function gc(;
    collect_delay = 7 * 24 * 60 * 60 * 1000,
    scratch_cleanup_period = nothing,
    force::Bool = false,
    verbose::Bool = false,
    dry_run::Bool = false,
    max_size = nothing,
    depots = nothing,
    ignore_roots = (),
    io::IO = stderr,
)
    size = max_size === nothing ? "" : string(max_size)
    table = Native.MessagePack.decode(Native.collect_depots(
        stack(depots),
        in_milliseconds(collect_delay),
        in_milliseconds(scratch_cleanup_period),
        size,
        force,
        dry_run,
        stack(ignore_roots),
    ))
    report = Report(
        table["depots"],
        dry_run,
        table["manifests"],
        table["artifact_files"],
        table["spaces"],
        Item[Item(item, item["reason"]) for item in table["gone"]],
        Item[Item(item, item["until"]) for item in table["waiting"]],
        pairs_of(table["failures"]),
        pairs_of(table["spared"]),
        notes_of(table),
        table["leftovers"],
        table["abandoned"],
        verbose,
    )
    foreach(line -> println(io, line), lines(report, io))
    return report
end

pairs_of(list) = Pair{String, String}[first(pair) => last(pair) for pair in list]
notes_of(table) = NTuple{3, String}[(note...,) for note in table["notes"]]
const KINDS = (:package, :clone, :artifact, :space, :store)
plural(kind) = kind === :store ? "store" : string(kind, "s")
counted(number, one) = "$number $one$(number == 1 ? "" : "s")"
total(items) = sum(Int[item.bytes for item in items])
homely(path) = startswith(path, joinpath(homedir(), "")) ? joinpath("~", relpath(path, homedir())) : path

const CONSEQUENCES = [
    "held" => "cannot be read completely: nothing that it may reference is deleted. Repair it, delete it, " *
              "or pass `ignore_roots`",
    "kept" => "with faults: all that it can be seen to name is kept",
    "healed" => "in logs that nobody can read",
    "passed" => "left alone",
]

const INDENT = " "^13

# What could not be read, or was left alone; of each kind no more than `most`.
function lines(notes::Vector{NTuple{3, String}}, io::IO, most::Int)
    said = String[]
    for (consequence, words) in CONSEQUENCES
        of_it = filter(note -> note[1] == consequence, notes)
        isempty(of_it) && continue
        push!(said, string(label(io, "Skipped", :yellow), length(of_it), " ", words))
        shown = min(most, length(of_it))
        append!(said, ["$INDENT  $(homely(place)) $message" for (_, place, message) in of_it[1:shown]])
        shown < length(of_it) && push!(said, "$INDENT  … and $(length(of_it) - shown) more")
    end
    return said
end

function lines(report::Report, io::IO)
    said = [string(
        label(io, "Active", :green),
        counted(report.manifests, "manifest"), ", ",
        counted(report.artifact_files, "artifact file"), ", ",
        counted(report.spaces, "scratch space"),
    )]
    append!(said, lines(report.notes, io, report.verbose ? length(report.notes) : 5))
    for (verb, stayed) in ("Spared" => report.spared, "Failed" => report.failures)
        append!(said, [string(label(io, verb, :yellow), homely(path), ": ", why) for (path, why) in stayed])
    end
    verb = report.is_dry_run ? "Would free" : "Freed"
    parts = [kind => filter(item -> item.kind == kind, report.gone) for kind in KINDS]
    filter!(part -> !isempty(last(part)), parts)
    if isempty(parts)
        push!(said, string(label(io, verb, :green), "nothing"))
    elseif report.is_dry_run
        push!(said, string(label(io, verb, :green), bytes_in_words(total(report.gone))))
        for (kind, items) in parts
            push!(said, string(
                INDENT, rpad(plural(kind), 10), lpad(length(items), 6), "  ", lpad(bytes_in_words(total(items)), 10),
                kind === :store ? "   nobody binds them" : "",
            ))
        end
    else
        in_words(kind, number) = kind === :store ? "$number in the store" : counted(number, string(kind))
        counts = join([in_words(kind, length(items)) for (kind, items) in parts], ", ")
        push!(said, string(label(io, verb, :green), bytes_in_words(total(report.gone)), ": ", counts))
    end
    if report.verbose
        append!(said, ["$INDENT$(homely(item.path)) ($(bytes_in_words(item.bytes)))" for item in report.gone])
        append!(said, ["$INDENT$(homely(item.path)) can go on $(first(item.reason, 10))" for item in report.waiting])
    end
    if report.abandoned > 0
        verb = report.is_dry_run ? "Would clear" : "Cleared"
        push!(said, string(
            label(io, verb, :green), counted(report.abandoned, "file"),
            " of names in the store: the projects are gone",
        ))
    end
    if report.is_dry_run
        later = isempty(report.waiting) ? "" :
            "Later another $(bytes_in_words(total(report.waiting))) can go. "
        push!(said, string(INDENT, later, "Nothing was touched."))
    end
    return said
end

function Base.show(io::IO, report::Report)
    verb = report.is_dry_run ? "would free" : "freed"
    print(io, "ScratchRS.gc: ", verb, ' ', bytes_in_words(total(report.gone)), " in ",
        counted(length(report.gone), "thing"), ", ", length(report.waiting), " wait")
end

# What `status` returns.
struct Status
    depots::Vector{String}
    # Kind, how many, bytes, bytes that nothing keeps.
    kinds::Vector{Tuple{Symbol, Int, Int, Int}}
    # The tables of all things, the largest first.
    entries::Vector{Dict{String, Any}}
    # The bytes that sharing saves in the store.
    saved::Int
    notes::Vector{NTuple{3, String}}
end

function status(; depots = nothing, force::Bool = false, ignore_roots = ())
    table = Native.MessagePack.decode(Native.depot_status(stack(depots), force, stack(ignore_roots)))
    kinds = [(Symbol(s["kind"]), s["count"], s["bytes"], s["reclaimable"]) for s in table["shares"]]
    return Status(table["depots"], kinds, table["entries"], table["saved"], notes_of(table))
end

function Base.show(io::IO, ::MIME"text/plain", status::Status)
    bytes = sum(Int[kind[3] for kind in status.kinds])
    reclaimable = sum(Int[kind[4] for kind in status.kinds])
    print(io, join(map(homely, status.depots), ", "), "   ", bytes_in_words(bytes), " on disk   ",
        bytes_in_words(reclaimable), " reclaimable")
    status.saved > 0 && print(io, "   ", bytes_in_words(status.saved), " saved by sharing")
    largest = max(1, maximum(Int[kind[3] for kind in status.kinds]))
    room = clamp(displaysize(io)[2] - 36, 10, 50)
    cells(part) = round(Int, part / largest * room)
    for (kind, count, size, free) in status.kinds
        count == 0 && continue
        used = cells(size - free)
        bar = "█"^used * "▒"^max(0, cells(size) - used)
        print(io, "\n  ", rpad(plural(kind), 10), rpad(bar, room), lpad(bytes_in_words(size), 12), lpad(count, 8),
            kind === :store ? " files" : "")
    end
    print(io, "\n", " "^12, "█ in use  ▒ reclaimable")
    for entry in first_few(status.entries)
        print(io, "\n  ", lpad(bytes_in_words(entry["bytes"]), 10), "  ", entry["kind"], ' ', entry["label"], owner(entry), kept(entry))
    end
    length(status.entries) > 10 && print(io, "\n  … and $(length(status.entries) - 10) more")
    return
end

first_few(list) = list[1:min(10, end)]

# The package that binds an artifact: of everything else, the label says it.
owner(entry) = entry["kind"] == "artifact" && haskey(entry, "package") ? string(" of ", entry["package"]) : ""

function kept(entry)
    entry["is_orphan"] && return "   nothing keeps it"
    counts = ["manifest" => entry["manifests"], "artifact file" => entry["artifact_files"], "project" => entry["projects"], "name" => entry["names"]]
    by = [counted(number, one) for (one, number) in counts if number > 0]
    return isempty(by) ? "" : string("   kept by ", join(by, ", "))
end

Base.show(io::IO, status::Status) =
    print(io, "ScratchRS.status: ", counted(length(status.entries), "thing"), " in ", join(status.depots, ", "))

# What `why` returns: the tables of what was found, and the stores that could not be looked through.
struct Explanations
    found::Vector{Dict{String, Any}}
    notes::Vector{NTuple{3, String}}
end

function why(query; depots = nothing, ignore_roots = ())
    table = Native.MessagePack.decode(Native.explain_item(stack(depots), String(query), stack(ignore_roots)))
    notes = notes_of(table)
    if isempty(table["found"])
        unknown = join(["; $place is left alone: $message" for (_, place, message) in notes])
        throw(NotFound(
            "there is no package, clone, artifact, space or name in the store `$query`$unknown", "", 0,
            "`ScratchRS.status()` shows what there is",
        ))
    end
    return Explanations(table["found"], notes)
end

function Base.show(io::IO, ::MIME"text/plain", explanations::Explanations)
    for (index, found) in enumerate(explanations.found)
        index > 1 && println(io)
        println(io, found["kind"], ' ', found["label"], "   ", bytes_in_words(found["bytes"]))
        println(io, homely(found["path"]))
        foreach(cause -> show_cause(io, cause, "├─ "), found["causes"])
        standing = found["standing"]
        waits() = "since $(first(found["since"], 10)); it can go on $(first(found["until"], 10))"
        print(io, "└─ ", standing == "waiting" ? "nothing keeps it, $(waits())" :
            standing == "kept" ? "nothing else" : standing == "goes" ? "nothing keeps it any more" :
            "nothing keeps it, in a depot that only `force` collects")
    end
    foreach(line -> print(io, '\n', line), lines(explanations.notes, io, length(explanations.notes)))
end

function show_cause(io::IO, cause, corner)
    cause["what"] == "in use" && return println(io, corner, cause["name"])
    name = haskey(cause, "name") ? " as `$(cause["name"])`" : ""
    time = haskey(cause, "last_used") ? "   used $(first(cause["last_used"], 10))" : ""
    path = isempty(cause["path"]) ? "who is not known" : homely(cause["path"])
    println(io, corner, cause["what"], ' ', path, name, time)
    below = string("│  ", " "^(textwidth(corner) - 3))
    haskey(cause, "package") && println(io, below, "└─ package ", cause["package"])
    foreach(because -> show_cause(io, because, string(below, "   └─ ")), cause["because"])
end

Base.show(io::IO, explanations::Explanations) =
    print(io, "ScratchRS.why: ", counted(length(explanations.found), "thing"))

end # module Collection

using .Collection: gc, status, why

"""
    ScratchRS.gc(; collect_delay = Day(7), dry_run = false, force = false, verbose = false,
                 depots = nothing, max_size = nothing, scratch_cleanup_period = nothing,
                 ignore_roots = [], io = stderr) -> Report

Removes packages, clones, artifacts and scratch spaces that nothing keeps, as `Pkg.gc` of Julia up to
1.12 does, and what nobody binds in the store, and prints what went.

- `collect_delay`: for how long something must have been without a keeper; a period of Dates, or a
  number of milliseconds. With 0 it goes at once.
- `scratch_cleanup_period`: also removes spaces that nobody has opened for so long, whatever keeps
  them; `nothing` for never. A store in use stays, however long ago it was opened.
- `max_size`: evicts least recently used artifacts and spaces that nothing keeps until the depot has
  no more than this, such as `"50 GiB"` or a number of bytes. A store in use counts, and stays, also
  with `force`.
- `force`: collects all depots, not only the first, and lets `max_size` evict what is in use.
- `dry_run`: says what would go, and touches nothing.
- `verbose`: names everything.
- `depots`: the depot stack; that of the session, if `nothing`.
- `ignore_roots`: paths of manifests, artifact files, projects and logs that count as missing, such as a
  damaged one that can neither be repaired nor deleted.
- `io`: where to print.

A manifest or artifact file that cannot be read completely keeps everything that it may reference, and
the report names it. What is used while the collection runs stays.
See also [`ScratchRS.why`](@ref), [`ScratchRS.status`](@ref).
"""
gc

"""
    ScratchRS.status(; depots = nothing, force = false, ignore_roots = []) -> Status

What is in the depot, how large it is, who uses it, and what can go. With `force`, of all depots.

The store has a row of its own, with how many files it has. Among the largest are the files and trees
that are bound in it, each with its part of what the store takes: what several have in common is parted
among them.
"""
status

"""
    ScratchRS.why(name_or_path; depots = nothing, ignore_roots = []) -> Explanations

Which manifests, artifact files and projects keep something, or since when nothing does and when it
goes. It is named by its path or that of anything in it, by its name, or by its hash, slug or UUID.

Of what is in the store, it says which names in which files bind it, of which packages, and for which
projects these are used. That is named by its path, its hash, or a name that is bound to it. A store
that cannot be read is left alone; the answer says so.

# Errors
[`ScratchRS.NotFound`](@ref) if there is no such thing.
"""
why
