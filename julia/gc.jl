# Collection of depots, and reports of their items.
module Collection

import ..@seldom_run, ..Native, ..NotFound, ..bytes_in_words, ..duration
using ..Replies: Reply, decoded, rendered
@seldom_run

stack(::Nothing) = String[depot for depot in DEPOT_PATH]
stack(paths) = String[path for path in paths]
# Not its characters.
stack(path::AbstractString) = String[path]

"""
    ScratchRS.Report

The result of [`ScratchRS.gc`](@ref). Sizes are in bytes, times are UTC; `missing` where a value is unknown.

- `depots`: the depots that were collected; `dry_run`: whether nothing was changed.
- `bytes`: the size of the deleted items; `freed`: how much of it was freed. Hard-linked files that have
  other names outside of these items free nothing.
- `manifests`, `artifact_files`, `spaces`: how many roots there are of each kind.
- `gone`: a table of the deleted items, with `kind` (`:package`, `:clone`, `:artifact`, `:space` or
  `:store`), `path`, `bytes`, `freed` and `reason` (`:unreachable`, `:unused` or `:evicted`).
- `waiting`: a table of unreachable items that are not deleted yet, with `kind`, `path`, `bytes`, `freed`,
  `since` (when they became unreachable) and `until` (when they can be deleted).
- `failures`, `spared`: tables of items that could not be deleted, and of unreachable items in use, with `path`
  and `message`.
- `skipped`: a table of problems in files, with `path`, `line`, `column`, `message` and `consequence`:
  `:held` or `:kept` if the items that the file may reference are kept, `:healed` if the file is repaired,
  `:passed` if it is ignored.
- `leftovers`, `abandoned`: how many leftovers of killed processes, and unused files of names, were deleted.
- `store`: the items that were deleted in the store: `count`, `bytes`, `waiting`, `waiting_bytes`,
  `abandoned`.
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

The result of [`ScratchRS.status`](@ref). Sizes are in bytes, times are UTC; `missing` where a value is
unknown.

- `depots`; `bytes`: the size of all items; `freed`: how much their deletion would free; `saved`: what
  sharing saves in the store.
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

The result of [`ScratchRS.why`](@ref). Sizes are in bytes, times are UTC; `missing` where a value is
unknown.

- `found`: a table with `kind`, `label`, `path`, `bytes`, `freed`, `last_used`, `standing` (`:kept`, `:waiting`,
  `:deletable` or `:elsewhere`), `since`, `until` and `causes`, a table with `what`, `path`, `name`, `last_used`,
  `package` and `because`, a table of the same columns.
- `skipped`: as in [`ScratchRS.Report`](@ref): stores that cannot be read.
"""
struct Explained <: Reply
    found::Vector
    skipped::Vector
    reply::String
    is_verbose::Bool
end

"""
    ScratchRS.gc(; collect_delay = Day(7), dry_run = false, verbose = false, depots = nothing,
                 all_depots = false, max_size = nothing, evict_in_use = false,
                 scratch_cleanup_period = nothing, ignore_roots = [], io = stderr) -> Report

Deletes unreachable packages, clones, artifacts and scratch spaces, as `Pkg.gc` of Julia up to 1.12 does,
and unbound contents of the store. Prints a summary.

- `collect_delay`: how long an item must have been unreachable, as a period of Dates or a text such as `"7d"`
  or `"12h"`. With 0 it is deleted at once.
- `scratch_cleanup_period`: also deletes spaces that were not opened for this time, whether they are
  referenced or not; `nothing` for never. A store in use is kept.
- `max_size`: evicts the least recently used unreachable artifacts and spaces until the depot has at most
  this size, such as `"50 GiB"`. A store in use counts, and is kept.
- `evict_in_use`: allows `max_size` to evict items in use as well, after all others.
- `all_depots`: collects all writable depots, not only the first; `force` in `Pkg.gc`.
- `dry_run`: reports what would be deleted, and changes nothing.
- `verbose`: lists all items.
- `depots`: the depot stack, or one depot; `nothing` for the stack of the session.
- `ignore_roots`: paths of manifests, artifact files, projects and logs that count as missing, for example a
  damaged one that can neither be repaired nor deleted.
- `io`: where to print.

A manifest or artifact file that cannot be read completely keeps everything that it may reference, and the
report names it. Items that are used during the collection are kept.

# Errors
`ArgumentError` for an invalid duration or size, or a depot that does not exist; [`ScratchRS.DepotIO`](@ref) if a
depot can't be read. Items that can't be deleted are listed in `failures`.

# Example
```julia
report = ScratchRS.gc(; dry_run = true, io = devnull)
filter(item -> item.kind === :artifact, report.gone)
```

See also [`ScratchRS.why`](@ref), [`ScratchRS.status`](@ref).
"""
function gc(;
    collect_delay = "7d",
    scratch_cleanup_period = nothing,
    all_depots::Bool = false,
    evict_in_use::Bool = false,
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
        duration(collect_delay),
        scratch_cleanup_period === nothing ? "" : duration(scratch_cleanup_period),
        size,
        all_depots,
        evict_in_use,
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

# `gc` has printed it.
Base.show(io::IO, ::MIME"text/plain", report::Report) = show(io, report)

counted(table) = "$(length(table)) item$(length(table) == 1 ? "" : "s")"

"""
    ScratchRS.status(; depots = nothing, all_depots = false, ignore_roots = []) -> Status

The items of the depot, with their sizes, their references, and which of them can be deleted; with `all_depots`,
of all of them. `depots` and `ignore_roots` are those of [`ScratchRS.gc`](@ref).

The store is one item, with its number of files. The files and trees that are bound in it are items as
well, each with its share of the size of the store: contents that several of them have in common are divided
among them.

# Errors
[`ScratchRS.DepotIO`](@ref) if a depot can't be read.

# Example
```julia
filter(entry -> entry.kind === :space, ScratchRS.status().entries)
```
"""
status(; depots = nothing, all_depots::Bool = false, ignore_roots = ()) =
    decoded(Status, Native.depot_status(stack(depots), all_depots, stack(ignore_roots)))

Base.show(io::IO, status::Status) =
    print(io, "ScratchRS.status: ", counted(status.entries), " in ", join(status.depots, ", "))

"""
    ScratchRS.why(name_or_path; depots = nothing, ignore_roots = []) -> Explained

The manifests, artifact files and projects that reference an item; or since when it is unreachable, and when
it can be deleted. The item is given by its path, a path in it, its name, or its hash, slug or UUID.

For an item of the store: the names that are bound to it, the packages of their files, and the projects that
use these packages. It is given by its path, its hash, or a name that is bound to it. A store that can't be
read is listed in `skipped`.

# Errors
[`ScratchRS.NotFound`](@ref) if there is no such item, [`ScratchRS.DepotIO`](@ref) if a depot can't be read.

# Example
```julia
ScratchRS.why("OpenBLAS")
```
"""
function why(query; depots = nothing, ignore_roots = ())
    explained = decoded(Explained, Native.explain_item(stack(depots), String(query), stack(ignore_roots)))
    if isempty(explained.found)
        unknown = join(["; $(note.path) is left alone: $(note.message)" for note in explained.skipped])
        throw(NotFound(
            "there is no package, clone, artifact, space or name in the store `$query`$unknown", "", 0,
            "`ScratchRS.status()` lists all items",
        ))
    end
    return explained
end

Base.show(io::IO, explained::Explained) = print(io, "ScratchRS.why: ", counted(explained.found))

end # module Collection

using .Collection: Explained, Report, Status, gc, status, why
