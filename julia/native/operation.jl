# The functions for the operations, from the table in `operations.jl`. A row is
# `kind(name(argument::Type, …)::Reply)`; `docs/operations.md` says what each operation does.
#
# A function calls the library's, in the way of C or in that of jlrs, and reads the reply.
module Operation

import ...ScratchRS: @seldom_run
@seldom_run

# Of each type of argument: the type of the function's argument, and what `ccall` says in both ways.
const TYPES = Dict(
    :Text => (:String, :Cstring, :Any),
    :Texts => (:(Vector{String}), :(Ptr{UInt8}), :(Ptr{UInt8})),
    :Binary => (:String, :(Ptr{UInt8}), :(Ptr{UInt8})),
    :Uuid => (:UUID, :(Ref{UInt128}), :(Ref{UInt128})),
    :Flag => (:Bool, :UInt8, :UInt8),
    :Ticket => (:UInt64, :UInt64, :UInt64),
)

# Of each type of reply: how it is read.
const READERS = Dict(:Unit => :unit, :Text => :text, :Texts => :texts)

struct Row
    kind::Symbol
    name::Symbol
    arguments::Vector{Symbol}
    types::Vector{Symbol}
    reader::Symbol
end

function Row(row::Expr)
    kind, (call, reply) = row.args[1], row.args[2].args
    arguments = call.args[2:end]
    names, types = [argument.args[1] for argument in arguments], [argument.args[2] for argument in arguments]
    return Row(kind, call.args[1], names, types, get(READERS, reply, :encoded))
end

runs_on_a_thread(row) = row.kind in (:job, :deletion)

symbol(row, prefix) = string(runs_on_a_thread(row) ? "scratchrs_start_" : prefix, row.name)

# The expressions of the two lists of symbols, and of a function for each row.
function definitions(table::Expr)
    rows = [Row(row) for row in table.args if row isa Expr]
    symbols(prefix) = Expr(:vect, [symbol(row, prefix) for row in rows]...)
    return quote
        # The functions for the operations.
        const SYMBOLS = $(symbols("scratchrs_"))
        # The same, with plain calls in the way of jlrs.
        const SYMBOLS_OF_JLRS = $(symbols("scratchrs_jlrs_"))
        $([runs_on_a_thread(row) ? job(number, row) : plain(number, row) for (number, row) in enumerate(rows)]...)
    end
end

typed(row) = [Expr(:(::), name, TYPES[type][1]) for (name, type) in zip(row.arguments, row.types)]

# The call of the library's function in one of the two ways, with arguments of its own behind those of the row.
function call(number, row, way, result, extra_types, extra)
    types = Any[TYPES[type][way] for type in row.types]
    values = Any[type === :Uuid ? :(in_order($name)) : name for (name, type) in zip(row.arguments, row.types)]
    return :(ccall(
        library.operations[$number], $result, $(Expr(:tuple, types..., extra_types...)), $(values...), $(extra...),
    ))
end

of_type(row, type) = [name for (name, its) in zip(row.arguments, row.types) if its === type]

packing(row) = [:($name = packed($name)) for type in (:Texts, :Binary) for name in of_type(row, type)]

function plain(number, row)
    in_jlrs = call(number, row, 3, :Any, (:(Ref{UInt32}),), (:code,))
    in_c = call(number, row, 2, :UInt32, (:(Ref{Bytes}),), (:bytes,))
    return :(function $(row.name)($(typed(row)...))
        library = loaded()
        $(packing(row)...)
        if library.is_jlrs
            code = Ref{UInt32}(0)
            defer_interrupts()
            reply = $in_jlrs::String
            deliver_interrupts()
            return checked($(row.reader), code[], reply)
        end
        bytes = Ref(Bytes())
        status = $in_c
        return taken($(row.reader), library, status, bytes)
    end)
end

function job(number, row)
    start = call(
        number, row, 2, :(Ptr{Cvoid}), (:(Ptr{Cvoid}), :(Ptr{Cvoid}), :(Ref{UInt32}), :(Ref{Bytes})),
        (:(cglobal(:uv_async_send)), :(wakeup.handle), :status, :reply),
    )
    is_job = row.kind === :job
    io = is_job ? [Expr(:macrocall, Symbol("@nospecialize"), nothing, Expr(:kw, :io, :stderr))] : []
    waiting = is_job ? :(finish(library, job, wakeup, io)) : :(outlast(library, job, wakeup))
    return :(function $(row.name)($(typed(row)...), $(io...))
        library = loaded()
        $([:(crossing($name)) for name in of_type(row, :Text)]...)
        $(packing(row)...)
        wakeup = begin_waiting()
        status = Ref{UInt32}(0)
        reply = Ref(Bytes())
        job = $start
        job == C_NULL && not_started(library, wakeup, status[], reply)
        return checked($(row.reader), UInt32(0), $waiting)
    end)
end

end # module Operation

macro operations(table)
    return esc(Operation.definitions(table))
end
