# Collection: what nothing keeps goes, and people can see what and why.
module Collection

import ..@seldom_run, ..Native, ..NotFound, ..bytes_in_words, ..milliseconds
using ..Replies: Reply, decoded, rendered
@seldom_run

stack(::Nothing) = String[depot for depot in DEPOT_PATH]
stack(depots) = String[depot for depot in depots]

"""
    ScratchRS.Report

What [`ScratchRS.gc`](@ref) did, or would do. Times are UTC; `missing` where there is none.

- `depots`; `dry_run`: whether nothing was touched; `bytes` and `freed`: the sizes of what was deleted, and
  what of that was really freed: files with other names take their space as before.
- `manifests`, `artifact_files`, `spaces`: how many roots there are.
- `gone`: a table of what was deleted, with `kind` (`:package`, `:clone`, `:artifact`, `:space` or
  `:store`), `path`, `bytes`, `freed` and `reason` (`:unreachable`, `:unused` or `:evicted`).
- `waiting`: a table of what is unreachable and stays for now, with `kind`, `path`, `bytes`, `freed`, `since`
  and `until`.
- `failures` and `spared`: tables of what could not be deleted, and of what is in use, with `path` and
  `message`.
- `skipped`: a table of files with problems, with `path`, `line`, `column`, `message` and `consequence`:
  `:held` or `:kept` if what the file may reference stays, `:healed` if it is repaired, `:passed` if it is
  left alone.
- `leftovers`, `abandoned`: how many leftovers of killed processes and unused files of names were deleted.
- `store`: what was deleted in the store: `count`, `bytes`, `waiting`, `waiting_bytes`, `abandoned`.
"""
struct Report <: Reply
    depots::Vector{String}
    dry_run::Bool
    bytes::Int
    freed::Int
    manifests::Int
    artifact_files::Int
    spaces::Int
    gone::Vector
    waiting::Vector
    failures::Vector
    spared::Vector
    skipped::Vector
    leftovers::Int
    abandoned::Int
    store::NamedTuple
    reply::String
    is_verbose::Bool
end

"""
    ScratchRS.Status

What [`ScratchRS.status`](@ref) answers. Times are UTC; `missing` where there is none.

- `depots`; `bytes` and `freed`: the size of everything, and how much of it deleting it would free; `saved`:
  the bytes that sharing saves in the store.
- `kinds`: a table with `kind`, `count`, `bytes`, `freed` and `reclaimable`.
- `entries`: a table of all items, the largest first, with `kind`, `label`, `package`, `path`, `bytes`,
  `freed`, `last_used`, `manifests`, `artifact_files`, `projects`, `names`, `is_held`, `is_orphan` and `until`.
- `skipped`: as in [`ScratchRS.Report`](@ref).
"""
struct Status <: Reply
    depots::Vector{String}
    bytes::Int
    freed::Int
    saved::Int
    kinds::Vector
    entries::Vector
    skipped::Vector
    reply::String
    is_verbose::Bool
end

"""
    ScratchRS.Explained

What [`ScratchRS.why`](@ref) answers. Times are UTC; `missing` where there is none.

- `found`: a table with `kind`, `label`, `path`, `bytes`, `freed`, `last_used`, `standing` (`:kept`, `:waiting`,
  `:goes` or `:elsewhere`), `since`, `until` and `causes`, a table with `what`, `path`, `name`, `last_used`,
  `package` and `because`, a table of the same columns.
- `skipped`: as in [`ScratchRS.Report`](@ref): stores that cannot be read.
"""
struct Explained <: Reply
    found::Vector
    skipped::Vector
    reply::String
    is_verbose::Bool
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
    report = decoded(Report, Native.collect_depots(
        stack(depots),
        milliseconds(collect_delay),
        scratch_cleanup_period === nothing ? -1 : milliseconds(scratch_cleanup_period),
        size,
        force,
        dry_run,
        stack(ignore_roots),
    ), verbose)
    println(io, rendered(io, report))
    return report
end

function Base.show(io::IO, report::Report)
    verb = report.dry_run ? "would free" : "freed"
    print(io, "ScratchRS.gc: ", verb, ' ', bytes_in_words(report.bytes), " (", counted(report.gone), "); ",
        counted(report.waiting), " pending")
end

counted(table) = "$(length(table)) item$(length(table) == 1 ? "" : "s")"

status(; depots = nothing, force::Bool = false, ignore_roots = ()) =
    decoded(Status, Native.depot_status(stack(depots), force, stack(ignore_roots)))

Base.show(io::IO, status::Status) =
    print(io, "ScratchRS.status: ", counted(status.entries), " in ", join(status.depots, ", "))

function why(query; depots = nothing, ignore_roots = ())
    explained = decoded(Explained, Native.explain_item(stack(depots), String(query), stack(ignore_roots)))
    if isempty(explained.found)
        unknown = join(["; $(note.path) is left alone: $(note.message)" for note in explained.skipped])
        throw(NotFound(
            "there is no package, clone, artifact, space or name in the store `$query`$unknown", "", 0,
            "`ScratchRS.status()` shows what there is",
        ))
    end
    return explained
end

Base.show(io::IO, explained::Explained) = print(io, "ScratchRS.why: ", counted(explained.found))

end # module Collection

using .Collection: Explained, Report, Status, gc, status, why

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
    ScratchRS.why(name_or_path; depots = nothing, ignore_roots = []) -> Explained

Which manifests, artifact files and projects keep something, or since when nothing does and when it
goes. It is named by its path or that of anything in it, by its name, or by its hash, slug or UUID.

Of what is in the store, it says which names in which files bind it, of which packages, and for which
projects these are used. That is named by its path, its hash, or a name that is bound to it. A store
that cannot be read is left alone; the answer says so.

# Errors
[`ScratchRS.NotFound`](@ref) if there is no such thing.
"""
why
