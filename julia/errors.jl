"""
    ScratchRSError <: Exception

The errors of ScratchRS, apart from `ArgumentError` for an invalid argument:

- `DepotIO`: the file system refused. The depot is read-only or full, or a path is in the way.
- `Busy`: another process holds a lock for too long.
- `NotFound`: an item does not exist, or no longer exists.
- `IntegrityMismatch`: a content does not match its hash or a record of it.
- `FormatError`: a file is malformed; the message has line and column.
- `DownloadError`: a download failed from every source.
- `Cancelled`: the operation was cancelled.
- `InternalError`: a bug in ScratchRS. Please report its message.
- `LibraryNotFound`: the native library is missing.

Each has a `message` (one sentence: what is wrong, and where) and a `hint` (what to do about it, or
`""`); all but the last also have the `path` that they are about (or `""`) and the system's error number
`errno` (or 0).

# Example
```julia
try
    get_scratch!("cache")
catch error
    error isa ScratchRS.DepotIO || rethrow()
    mktempdir()
end
```
"""
abstract type ScratchRSError <: Exception end

struct NativeError{Kind} <: ScratchRSError
    message::String
    path::String
    errno::Int
    hint::String
end

"""The file system refused. See [`ScratchRSError`](@ref)."""
const DepotIO = NativeError{:DepotIO}
"""Another process holds a lock. See [`ScratchRSError`](@ref)."""
const Busy = NativeError{:Busy}
"""An item does not exist. See [`ScratchRSError`](@ref)."""
const NotFound = NativeError{:NotFound}
"""A content does not match its hash. See [`ScratchRSError`](@ref)."""
const IntegrityMismatch = NativeError{:IntegrityMismatch}
"""A file is malformed. See [`ScratchRSError`](@ref)."""
const FormatError = NativeError{:FormatError}
"""The operation was cancelled. See [`ScratchRSError`](@ref)."""
const Cancelled = NativeError{:Cancelled}
"""A download failed. See [`ScratchRSError`](@ref)."""
const DownloadError = NativeError{:DownloadError}
"""A bug in ScratchRS. See [`ScratchRSError`](@ref)."""
const InternalError = NativeError{:InternalError}

"""
    LibraryNotFound <: ScratchRSError

No native library that fits the running Julia and this version of the package is installed.
"""
struct LibraryNotFound <: ScratchRSError
    message::String
    hint::String
end

function Base.showerror(io::IO, error::ScratchRSError)
    print(io, "ScratchRS.", kind(error), ": ", error.message)
    isempty(error.hint) || print(io, "\nhint: ", error.hint)
end

# A backtrace does not help with a missing library.
Base.showerror(io::IO, error::LibraryNotFound, backtrace_of_call; backtrace = true) =
    showerror(io, error)

kind(::NativeError{Kind}) where {Kind} = Kind
kind(error::ScratchRSError) = nameof(typeof(error))

# The error that the native library reports, as the type that callers can catch. The codes are
# those of `ErrorCode` in `rust/core/src/error.rs`.
function native_error(code::UInt32, record)
    message = record["message"]
    code == 1 && return ArgumentError(message)
    # A conflict with existing content: Pkg throws this for a name that is already bound.
    code == 10 && return ErrorException(message)
    return kind_of(code)(message, record["path"], record["os_error"], record["hint"])
end

function kind_of(code::UInt32)
    code == 2 && return DepotIO
    code == 3 && return Busy
    code == 4 && return NotFound
    code == 6 && return IntegrityMismatch
    code == 7 && return FormatError
    code == 8 && return Cancelled
    code == 9 && return DownloadError
    return InternalError
end
