# How a call crosses. The functions for the operations in `operations.jl` are generated.

# Bytes that belong to the library: `Bytes` of `rust/capi`.
struct Bytes
    start::Ptr{UInt8}
    length::Csize_t
end

Bytes() = Bytes(C_NULL, 0)

# A UUID as it crosses: its bytes in the order in which they are written.
in_order(uuid::UUID) = hton(uuid.value)

# Copies a reply, and frees its bytes.
take!(library::Library, reply::Ref{Bytes}) = taken(encoded, library, UInt32(0), reply)

# Reads a reply in place, and frees its bytes; throws the error that the status says it is.
@noinline function taken(read::F, library::Library, status::UInt32, reply::Ref{Bytes}) where {F}
    iszero(status) || throw(@outside error_of(status, take!(library, reply)))
    bytes = reply[]
    value = read(bytes.start, bytes.length)
    ccall(library.free, Cvoid, (Bytes,), bytes)
    return value
end

# Reads a copy of a reply, or throws the error that the status says it is.
@noinline function checked(read::F, status::UInt32, reply::String) where {F}
    iszero(status) || throw(@outside error_of(status, reply))
    return GC.@preserve reply read(pointer(reply), sizeof(reply) % Csize_t)
end

# The value of an encoded reply: see `MessagePack.named`.
named(reply::String) = MessagePack.named(reply, WORDS)

error_of(status::UInt32, reply::String) = native_error(status, MessagePack.decode(reply))

# How a reply is read: not at all; as its value, for short ones; or not decoded yet, for `MessagePack`.
unit(::Ptr{UInt8}, ::Csize_t) = nothing
value(start::Ptr{UInt8}, ::Csize_t) = value_at(Ref(start))
encoded(start::Ptr{UInt8}, length::Csize_t) = unsafe_string(start, length)

# A value: nil, a flag, a number, a text, the bytes of a hash as a text, a list of texts, or a dictionary of the fields of
# a struct. In contrast to `MessagePack`, this is compiled: `__init__` functions wait for it. It knows only the
# types that `operations.jl` expects, which the ABI number guarantees, and moves `at` past the value.
@noinline function value_at(at::Ref{Ptr{UInt8}})
    head = next!(at, 1)
    head < 0x80 && return head
    head < 0x90 && return fields_at(at, head & 0x0f)
    head < 0xa0 && return texts_at(at, head & 0x0f)
    head < 0xc0 && return text_at(at, head & 0x1f)
    head == 0xc0 && return nothing
    head < 0xc4 && return head == 0xc3
    # The bytes of a hash, after the number of the extension type.
    head == 0xc7 && return (size = next!(at, 1); next!(at, 1); text_at(at, size))
    head < 0xd0 && return next!(at, 1 << (head - 0xcc))
    head < 0xdc && return text_at(at, next!(at, 1 << (head - 0xd9)))
    return texts_at(at, next!(at, 2 << (head - 0xdc)))
end

# The value of a reply of any shape, such as the content of a file: as `MessagePack.decode`, which is interpreted,
# but compiled for tables, lists, texts, flags and small numbers.
function decoded(reply::String)
    return GC.@preserve reply tree_at(Ref(pointer(reply)), reply)
end

@noinline function tree_at(at::Ref{Ptr{UInt8}}, reply::String)
    head = unsafe_load(at[])
    0x80 <= head < 0x90 && return (at[] += 1; table_at(at, reply, Int(head & 0x0f)))
    0x90 <= head < 0xa0 && return (at[] += 1; list_at(at, reply, Int(head & 0x0f)))
    0xdc <= head <= 0xdd && return (at[] += 1; list_at(at, reply, next!(at, 2 << (head - 0xdc))))
    0xde <= head <= 0xdf && return (at[] += 1; table_at(at, reply, next!(at, 2 << (head - 0xde))))
    if head < 0xc4 || 0xcc <= head <= 0xce || 0xd9 <= head <= 0xdb
        return value_at(at)
    end
    start = Int(at[] - pointer(reply)) + 1
    value, next = @outside(MessagePack.value_at(codeunits(reply), start, false))::Tuple{Any, Int}
    at[] = pointer(reply) + (next - 1)
    return value
end

@noinline function table_at(at::Ref{Ptr{UInt8}}, reply::String, count::Int)
    table = Dict{String, Any}()
    for _ in 1:count
        name = value_at(at)::String
        table[name] = tree_at(at, reply)
    end
    return table
end

@noinline function list_at(at::Ref{Ptr{UInt8}}, reply::String, count::Int)
    list = Any[]
    for _ in 1:count
        push!(list, tree_at(at, reply))
    end
    return list
end

# A number of some bytes, the highest first.
@noinline function next!(at::Ref{Ptr{UInt8}}, width::Int)
    number = 0
    for _ in 1:width
        number = number << 8 | unsafe_load(at[])
        at[] += 1
    end
    return number
end

@noinline function text_at(at::Ref{Ptr{UInt8}}, size::Int)
    text = unsafe_string(at[], size)
    at[] += size
    return text
end

@noinline function texts_at(at::Ref{Ptr{UInt8}}, count::Int)
    texts = String[]
    for _ in 1:count
        push!(texts, value_at(at)::String)
    end
    return texts
end

@noinline function fields_at(at::Ref{Ptr{UInt8}}, count::Int)
    fields = Dict{String, Any}()
    for _ in 1:count
        name = value_at(at)::String
        fields[name] = value_at(at)
    end
    return fields
end

# A word, or `nothing`.
word(word::String) = Symbol(word)
word(::Nothing) = nothing

# Several texts as they cross: their number, and each text after its length.
function packed(list::Vector{String})
    bytes = IOBuffer()
    write(bytes, htol(UInt32(length(list))))
    for text in list
        write(bytes, htol(UInt32(sizeof(text))), text)
    end
    return Base.take!(bytes)
end

# Bytes as they cross: after their number.
packed(bytes::String) = Vector{UInt8}(string(String(reinterpret(UInt8, [htol(UInt32(sizeof(bytes)))])), bytes))

# Julia throws interrupts at safepoints. Calls to the library for jlrs have safepoints, and no exception may
# pass its frames, so interrupts of this thread are deferred between these two calls. An exception, and the
# end of a `try`, restore the state at the beginning of the `try`.
defer_interrupts() = ccall(:jl_sigatomic_begin, Cvoid, ())
deliver_interrupts() = ccall(:jl_sigatomic_end, Cvoid, ())

# Checks a text before a job is started: `ccall` would throw, and leave the job's condition open.
crossing(text::String) = Base.unsafe_convert(Cstring, text)

# The condition that a job notifies. Interrupts are deferred from here until the job is waited for. The
# condition is not garbage-collected as long as a job can notify it, however the waiting ends.
function begin_waiting()
    condition = Base.AsyncCondition()
    defer_interrupts()
    Base.preserve_handle(condition)
    return condition
end

# For a job that has not begun, or sends no more notifications. Interrupts are deferred.
function end_waiting(condition::Base.AsyncCondition)
    Base.unpreserve_handle(condition)
    close(condition)
end

# The error of a job that was not started.
function not_started(library::Library, condition::Base.AsyncCondition, status::UInt32, reply::Ref{Bytes})
    end_waiting(condition)
    deliver_interrupts()
    taken(unit, library, status, reply)
end

# Waits for a job while Julia's other tasks run, and returns its reply. The job notifies `condition` when it
# is done; before that, if it takes long, several times a second, so that its progress is shown on `io`, or
# passed to it if it is a function. An interrupt cancels the job; it is thrown when the job has ended, however
# often the waiting is interrupted.
function finish(library::Library, job::Ptr{Cvoid}, condition::Base.AsyncCondition, @nospecialize(io))
    interruption = nothing
    view = nothing
    is_notified = false
    is_over = false
    while !is_over
        try
            # An interrupt of the handler below is thrown here.
            deliver_interrupts()
            is_over = progress_of(library, job, 0, false) === nothing
            if !is_over
                if is_notified && interruption === nothing
                    view = @outside shown_now(view, io, library, job)
                end
                wait(condition)
                is_notified = true
            end
            defer_interrupts()
        catch error
            interruption = error
            ccall(library.cancel, Cvoid, (Ptr{Cvoid},), job)
        end
    end
    status, reply = ended(library, job, condition)
    view === nothing || @outside close(view)
    interruption === nothing || throw(interruption)
    return checked(encoded, status, reply)
end

# The status and the reply of a job that is done. Frees the job.
function ended(library::Library, job::Ptr{Cvoid}, condition::Base.AsyncCondition)
    reply = Ref(Bytes())
    status = ccall(library.finish, UInt32, (Ptr{Cvoid}, Ref{Bytes}), job, reply)
    end_waiting(condition)
    deliver_interrupts()
    return status, take!(library, reply)
end

# Shows the progress of a job that takes long, unless it is done meanwhile.
function shown_now(view, io, library::Library, job::Ptr{Cvoid})
    progress = progress_of(library, job, terminal(io)...)
    return progress === nothing ? view : shown(view, io, progress)
end

# The progress of a job, with a line for a terminal; `nothing` when it is done.
function progress_of(library::Library, job::Ptr{Cvoid}, columns::Int, has_colour::Bool)
    reply = Ref(Bytes())
    ccall(library.progress, Cvoid, (Ptr{Cvoid}, Csize_t, UInt8, Ref{Bytes}), job, columns, has_colour, reply)
    return taken(value, library, UInt32(0), reply)
end

# Waits for a deletion while Julia's other tasks run. If the waiting is interrupted, the deletion
# continues.
function outlast(library::Library, job::Ptr{Cvoid}, condition::Base.AsyncCondition)
    is_over = false
    try
        while !is_over
            deliver_interrupts()
            wait(condition)
            is_over = progress_of(library, job, 0, false) === nothing
            defer_interrupts()
        end
    catch
        ccall(library.detach, Cvoid, (Ptr{Cvoid},), job)
        end_waiting(condition)
        deliver_interrupts()
        rethrow()
    end
    return checked(encoded, ended(library, job, condition)...)
end

# At the end of a session: no job may notify a condition that is closed with it.
function end_jobs()
    library = LIBRARY[]
    library === nothing || ccall(library.end_jobs, Cvoid, ())
    return
end
