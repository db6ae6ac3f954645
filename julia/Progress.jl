# The progress of jobs: a bar on a terminal; elsewhere log records with `progress=`, as ProgressLogging.jl
# defines them for notebooks, editors and loggers.
module Progress

using Base.CoreLogging: @logmsg, LogLevel
import ..@seldom_run, ..bytes_in_words, ..in_words, ..label
@seldom_run

# One stage of one job, as it is shown.
mutable struct View
    # A stream, or a function of the total and of what is done.
    io::Any
    # `:bar`, `:record`, `:call` or `:nothing`.
    kind::Symbol
    stage::String
    # The identity of the bar, for those that show records.
    id::Symbol
    # Times, and how much was done at each: of the last seconds, for the speed.
    samples::Vector{Tuple{Float64, Int}}
end

# The view that uses the line of the terminal. Of jobs in several tasks, one is shown.
const SHOWN = Ref{Union{Nothing, View}}(nothing)
const SHOWN_LOCK = ReentrantLock()

# The time over which speed is measured, in seconds.
const WINDOW = 3.0

# Shows the progress of a job, as the library reports it. `view` is what the previous call returned, `nothing`
# for the first.
function shown(view::Union{Nothing, View}, io, progress)
    stage = progress["stage"]
    if view === nothing || view.stage != stage
        view === nothing || close(view)
        view = View(io, kind_for(io), stage, gensym(:ScratchRS), Tuple{Float64, Int}[])
        view.kind === :bar && take_line(view)
    end
    try
        show_progress(view, progress["unit"] == "bytes", progress["done"], progress["total"])
    catch error
        # The stream is closed, which does not stop the work. An error of a function does.
        (error isa InterruptException || view.kind === :call) && rethrow()
        view.kind = :nothing
    end
    return view
end

function kind_for(io)
    io isa IO || return :call
    io isa Base.DevNull && return :nothing
    is_terminal(io) || return :record
    get(ENV, "TERM", "") == "dumb" && return :nothing
    return :bar
end

# Gives the line of the terminal to a view, unless another one uses it.
function take_line(view::View)
    lock(SHOWN_LOCK) do
        SHOWN[] === nothing && (SHOWN[] = view)
        SHOWN[] === view || (view.kind = :nothing)
    end
    return
end

release_line(view::View) = lock(() -> SHOWN[] === view && (SHOWN[] = nothing), SHOWN_LOCK)

is_terminal(io::IO) = io isa Base.TTY
is_terminal(io::IOContext) = is_terminal(io.io)

function show_progress(view::View, is_bytes::Bool, done::Int, total::Int)
    if view.kind === :bar
        push!(view.samples, (time(), done))
        filter!(((time, _),) -> time >= view.samples[end][1] - WINDOW, view.samples)
        write(view.io, string("\r", line(view, is_bytes, done, total), "\e[K"))
    elseif view.kind === :record
        fraction = total > 0 ? min(done / total, 1.0) : nothing
        record(view, fraction)
    elseif view.kind === :call
        view.io(total, done)
    end
    return
end

record(view::View, progress) =
    @logmsg LogLevel(-1) view.stage progress = progress _id = view.id

# Ends the view, and clears its line of the terminal.
function Base.close(view::View)
    release_line(view)
    try
        view.kind === :bar && write(view.io, "\r\e[K")
        view.kind === :record && record(view, "done")
    catch error
        error isa InterruptException && rethrow()
    end
    return
end

# A line no wider than the terminal: the verb, its object, a bar if it fits, and figures.
function line(view::View, is_bytes::Bool, done::Int, total::Int)
    verb, rest = split_verb(view.stage)
    figures = join(figures_of(view, is_bytes, done, total), "  ")
    isempty(rest) || (rest = string(rest, "  "))
    free = displaysize(view.io)[2] - 1 - 13 - textwidth(rest) - textwidth(figures)
    bar = total > 0 && free >= 12 ? string(bar_of(done / total, min(free - 2, 30)), "  ") : ""
    plain = string(rest, bar, figures)
    keep = max(displaysize(view.io)[2] - 14, 0)
    return string(label(view.io, verb, :green), first(plain, keep))
end

function split_verb(stage::String)
    parts = split(stage, ' '; limit = 2)
    return parts[1], length(parts) > 1 ? parts[2] : ""
end

const EIGHTHS = (" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉")

function bar_of(fraction::Float64, width::Int)
    eighths = floor(Int, 8width * clamp(fraction, 0.0, 1.0))
    full, part = divrem(eighths, 8)
    full == width && return "█"^width
    return string("█"^full, EIGHTHS[part + 1], " "^(width - full - 1))
end

function figures_of(view::View, is_bytes::Bool, done::Int, total::Int)
    figures = String[]
    total > 0 && push!(figures, lpad(string(floor(Int, 100 * min(done / total, 1.0)), '%'), 4))
    if total > 0
        push!(figures, is_bytes ? part_in_words(done, total) : "$done of $total")
    elseif done > 0
        push!(figures, is_bytes ? bytes_in_words(done) : string(done))
    end
    speed = speed_of(view)
    if speed > 0
        is_bytes && push!(figures, string(bytes_in_words(round(Int, speed)), "/s"))
        total > done && push!(figures, string(in_words((total - done) / speed), " left"))
    end
    return figures
end

# "12.6 of 18.4 GiB": the unit is written once if it is the same.
function part_in_words(done::Int, total::Int)
    whole = bytes_in_words(total)
    part = bytes_in_words(done)
    number, unit = split(part, ' ')
    return endswith(whole, string(' ', unit)) ? "$number of $whole" : "$part of $whole"
end

# How much is done per second; zero while it is unknown.
function speed_of(view::View)
    (before, less), (now, more) = view.samples[1], view.samples[end]
    return now - before >= 0.2 ? (more - less) / (now - before) : 0.0
end

end # module Progress
