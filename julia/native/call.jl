# How a call crosses. The functions for the operations, in `operations.jl`, are generated.

# Bytes that belong to the library: `Bytes` of `rust/capi`.
struct Bytes
    start::Ptr{UInt8}
    length::Csize_t
end

Bytes() = Bytes(C_NULL, 0)

# A UUID as it crosses: its bytes in the order in which they are written.
in_order(uuid::UUID) = hton(uuid.value)

# Copies a reply, and gives its bytes back.
function take!(library::Library, reply::Ref{Bytes})
    bytes = reply[]
    text = unsafe_string(bytes.start, bytes.length)
    ccall(library.free, Cvoid, (Bytes,), bytes)
    return text
end

# The reply, if the status says that it is one; else throws the error that it is.
checked(status::UInt32, reply::String) =
    iszero(status) ? reply : throw(outside(error_of, status, reply))

error_of(status::UInt32, reply::String) = native_error(status, texts(reply)...)

# Takes a reply of several texts apart: each has its length before it, 4 bytes, the lowest first.
function texts(reply::String)
    list = String[]
    at = 1
    while at <= sizeof(reply)
        GC.@preserve reply begin
            size = ltoh(unsafe_load(Ptr{UInt32}(pointer(reply, at))))
            push!(list, unsafe_string(pointer(reply, at + 4), size))
        end
        at += 4 + Int(size)
    end
    return list
end

# Several texts as they cross: how many they are, and then each with its length before it.
function packed(list::Vector{String})
    bytes = IOBuffer()
    write(bytes, htol(UInt32(length(list))))
    for text in list
        write(bytes, htol(UInt32(sizeof(text))), text)
    end
    return Base.take!(bytes)
end

# Waits for a job while Julia's other tasks go on, and gives its reply. `wakeup` is the
# `AsyncCondition` that the job was started with: the job rings it when it is done, and before that,
# if it takes long, several times a second, to have its progress shown on `io`, or told to it if it is a function. If the waiting is
# interrupted, the job is told to end, and has ended when this throws.
function finish(library::Library, job::Ptr{Cvoid}, wakeup::Base.AsyncCondition, @nospecialize(io))
    interruption = nothing
    view = nothing
    is_rung = false
    while true
        try
            progress = progress_of(library, job)
            isempty(progress) && break
            if is_rung && interruption === nothing
                view = outside(shown, view, io, progress)
            end
            wait(wakeup)
            is_rung = true
        catch error
            interruption = error
            ccall(library.cancel, Cvoid, (Ptr{Cvoid},), job)
        end
    end
    view === nothing || outside(close, view)
    reply = Ref(Bytes())
    status = ccall(library.finish, UInt32, (Ptr{Cvoid}, Ref{Bytes}), job, reply)
    close(wakeup)
    reply = take!(library, reply)
    interruption === nothing || throw(interruption)
    return checked(status, reply)
end

function progress_of(library::Library, job::Ptr{Cvoid})
    reply = Ref(Bytes())
    ccall(library.progress, Cvoid, (Ptr{Cvoid}, Ref{Bytes}), job, reply)
    return texts(take!(library, reply))
end

# Waits for a deletion while Julia's other tasks go on. If the waiting is interrupted, the deletion
# goes on without us.
function outlast(library::Library, job::Ptr{Cvoid}, wakeup::Base.AsyncCondition)
    try
        while true
            wait(wakeup)
            isempty(progress_of(library, job)) && break
        end
    catch
        ccall(library.detach, Cvoid, (Ptr{Cvoid},), job)
        close(wakeup)
        rethrow()
    end
    reply = Ref(Bytes())
    status = ccall(library.finish, UInt32, (Ptr{Cvoid}, Ref{Bytes}), job, reply)
    close(wakeup)
    return checked(status, take!(library, reply))
end
