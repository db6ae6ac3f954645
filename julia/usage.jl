# Usage of scratch spaces: logged at most once a day for each package, space and session.

const DAY = 24.0 * 60 * 60
# How long logging is not tried again after it was impossible, in seconds.
const RETRY_AFTER = 60.0
# How long to wait for a lock that another process holds, in seconds.
const LOCK_TIMEOUT = 30.0

# Until when the use of a space by a package is not logged again in this session.
#
# Keyed by the space's path: deleting a space forgets all its users. `keys` are pairs of user and
# path, as in Scratch.jl's dictionary, and `empty!` forgets all.
struct AccessTimers
    # The users of a path, and until when each is not logged again: `Vector{Tuple{UUID, Float64}}`.
    # The value type is `Any` because Base has that dictionary compiled.
    users::Dict{String, Any}
    lock::Threads.SpinLock
end

AccessTimers() = AccessTimers(Dict{String, Any}(), Threads.SpinLock())

# Acquires and releases the lock, for a few steps that don't wait. Interrupts are deferred until then: one
# would leave the lock held, and every later call would wait for it.
function acquire(timers::AccessTimers)
    ccall(:jl_sigatomic_begin, Cvoid, ())
    lock(timers.lock)
end

function release(timers::AccessTimers)
    unlock(timers.lock)
    ccall(:jl_sigatomic_end, Cvoid, ())
end

const scratch_access_timers = AccessTimers()

# The same for uses that could not be logged because no project is known. That can change when another
# project is activated or another package is loaded.
const skipped_timers = AccessTimers()

# The projects that there were when the uses were skipped. Replaced as a whole, since other threads
# read it.
struct Projects
    active::Union{Nothing, String}
    packages::Int
end
const skipped_in = Ref{Any}(Projects(nothing, 0))

projects_in_sight() = Projects(Base.ACTIVE_PROJECT[], number_of_packages())

# Whether the use of the space at `path` by `user` needs no logging now.
function is_done(timers::AccessTimers, user::UUID, path::String, now::Float64)
    acquire(timers)
    users = get(timers.users, path, nothing)
    until = 0.0
    if users !== nothing
        for (other, time) in users::Vector{Tuple{UUID, Float64}}
            other === user && (until = time)
        end
    end
    release(timers)
    return now <= until
end

function set!(timers::AccessTimers, user::UUID, path::String, until::Float64)
    acquire(timers)
    known = get(timers.users, path, nothing)
    users = Tuple{UUID, Float64}[(user, until)]
    if known !== nothing
        for entry in known::Vector{Tuple{UUID, Float64}}
            first(entry) === user || push!(users, entry)
        end
    end
    timers.users[path] = users
    release(timers)
    return
end

function Base.keys(timers::AccessTimers)
    acquire(timers)
    pairs = [(user, path) for (path, users) in timers.users for (user, _) in users]
    release(timers)
    return pairs
end

function Base.empty!(timers::AccessTimers)
    acquire(timers)
    empty!(timers.users)
    release(timers)
    return timers
end

# Forgets that uses of the space at `path`, and of spaces below it, were logged: if the spaces are created
# again, their uses are logged again.
function prune_timers!(path::AbstractString)
    below = joinpath(path, "")
    timers = scratch_access_timers
    acquire(timers)
    filter!(((space, _),) -> space != path && !startswith(space, below), timers.users)
    release(timers)
    return nothing
end

"""
    track_scratch_access(user::UUID, path)

Logs that the package `user` uses the space at `path`, unless this session did so within a day.

The use is logged for a project file: that of the package, if it is loaded; else the active one, if it
is that package's. For the zero UUID it is the active project, or the default environment. While one of
these projects exists, `Pkg.gc` keeps the space. If there is no such project, nothing is logged, and the
next collection after the grace period deletes the space.

Nothing is logged with `JULIA_SCRATCH_TRACK_ACCESS=0` in the environment, or in a read-only depot. If
the log can't be written for another reason, for example a full disk, that is a warning, and the space
can be used all the same.

# Format
A table in `logs/scratch_usage.toml` of the depot, as Scratch.jl writes it and `Pkg.gc` reads it.
"""
function track_scratch_access(user::UUID, path::AbstractString)
    track(first_depot(), user, String(path))
    return nothing
end

# Whether the use was logged just now. Before that, a collection without a delay may have deleted the
# space, so the caller has to create it again.
function track(depot::String, user::UUID, path::String)
    now = time()
    is_done(scratch_access_timers, user, path, now) && return false
    is_done(skipped_timers, user, path, now) && skipped_in[] === projects_in_sight() &&
        return false
    return log_access(depot, user, path, now)
end

@noinline function log_access(depot::String, user::UUID, path::String, now::Float64)
    project = user_project(user)
    project === nothing && return skip_access(user, path, now)
    is_logged = record_access(depot, path, project)
    set!(scratch_access_timers, user, path, now + (is_logged ? DAY : RETRY_AFTER))
    return is_logged
end

function skip_access(user::UUID, path::String, now::Float64)
    projects = projects_in_sight()
    skipped_in[] === projects || empty!(skipped_timers)
    skipped_in[] = projects
    set!(skipped_timers, user, path, now + RETRY_AFTER)
    return false
end

# The project file that a use is logged for; `nothing` if there is none, or logging is turned off.
user_project(user::UUID) =
    get(ENV, "JULIA_SCRATCH_TRACK_ACCESS", "1") == "0" ? nothing : project_file(user)

# Logs a use, waiting while other processes write to the log. Returns whether it is in the log now; warns
# if it can't be logged.
function record_access(depot::String, path::String, project::String)
    space = @outside(abspath(path))::String
    tracked = try
        Native.track_access(depot, space, project)
    catch error
        @outside(track_after(error, depot, space, project))::typeof(NOT_TRACKED)
    end
    isempty(tracked.removed_records) ||
        @outside(warn_of_removed(depot, SCRATCH_USAGE, tracked.removed_records))
    return tracked.recorded
end

# Logs a use after the first attempt failed with an error.
function track_after(error, depot::String, space::String, project::String)
    try
        error isa Busy || throw(error)
        return until_free(Native.track_access, depot, space, project)
    catch error
        error isa ScratchRSError || rethrow()
        @warn "The use of a scratch space can't be logged" space exception = error maxlog = 3
        return NOT_TRACKED
    end
end

const NOT_TRACKED = (recorded = false, removed_records = String[])

"""
    condense_usage!(; depot = nothing)

Reduces the usage log of scratch spaces to one record for each space: the latest time, all projects. That
happens automatically when a log is mostly repetition, and has no influence on collections.
"""
function condense_usage!(; depot::Union{Nothing, AbstractString} = nothing)
    depot, _ = place(depot)
    warn_of_removed(depot, SCRATCH_USAGE, until_free(Native.condense_usage, depot))
    return
end

const SCRATCH_USAGE = "scratch_usage.toml"

function warn_of_removed(depot::String, name::String, removed_records::Vector{String})
    isempty(removed_records) && return
    log = joinpath(depot, "logs", name)
    @warn "`$log` had invalid parts, which were removed; the rest is kept" removed_records
    return
end

# Calls `f` again while another process holds a lock, until the timeout. Other tasks run in between.
function until_free(f, args...)
    deadline = time() + LOCK_TIMEOUT
    while true
        try
            return f(args...)
        catch error
            error isa Busy && time() < deadline || rethrow()
        end
        sleep(0.01)
    end
end

# The project file for which `user` uses a space, or `nothing`.
function project_file(user::UUID)
    project = user == GLOBAL ? existing(active_project()) : project_of_loaded(user)
    project === nothing || return project
    user == GLOBAL && return existing(@outside(Base.load_path_expand("@v#.#")))
    return user == find_uuid(nothing) ? existing(active_project()) : nothing
end

# The project file of the loaded package `user`.
function project_of_loaded(user::UUID)
    source = source_file(user)
    source === nothing && return nothing
    return existing(unless_denied(Base.current_project, @outside(dirname(source))))
end
