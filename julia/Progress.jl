# The progress of jobs: a bar on a terminal; elsewhere log records with `progress=`, as ProgressLogging.jl
# defines them for notebooks, editors and loggers.
module Progress

using Base.CoreLogging: @logmsg, LogLevel
import ..@seldom_run, ..has_colour
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
end

# The view that uses the line of the terminal. Of jobs in several tasks, one is shown.
const SHOWN = Ref{Union{Nothing, View}}(nothing)
const SHOWN_LOCK = ReentrantLock()

# Shows the progress of a job, as the library reports it. `view` is what the previous call returned, `nothing`
# for the first.
function shown(view::Union{Nothing, View}, io, progress)
    stage = progress["stage"]
    if view === nothing || view.stage != stage
        view === nothing || close(view)
        view = View(io, kind_for(io), stage, gensym(:ScratchRS))
        view.kind === :bar && take_line(view)
    end
    try
        show_progress(view, progress)
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

# The columns of a line, 0 if no line is shown, and whether it has colours. Some terminals begin a new line when
# the last column is filled.
function terminal(io)
    kind_for(io) === :bar || return 0, false
    return try
        displaysize(io)[2] - 1, has_colour(io)
    catch error
        # The stream is closed.
        error isa InterruptException && rethrow()
        0, false
    end
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

function show_progress(view::View, progress)
    done, total = progress["done"], progress["total"]
    if view.kind === :bar
        write(view.io, string("\r", progress["line"], "\e[K"))
    elseif view.kind === :record
        record(view, total > 0 ? min(done / total, 1.0) : nothing)
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

end # module Progress
