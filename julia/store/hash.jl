# The hashes that name the contents of the store.

"""
    SHA256(bytes)
    SHA256(hex)

The hash of a file or a tree in the store: that of git's SHA-256 objects, of a blob or of a tree.
`bytes` are 32 bytes, `hex` is 64 hexadecimal digits; otherwise `ArgumentError`.
"""
struct SHA256
    bytes::NTuple{32, UInt8}
end

function SHA256(bytes::AbstractVector{UInt8})
    length(bytes) == 32 ||
        throw(ArgumentError("wrong number of bytes for SHA256 hash: $(length(bytes))"))
    return SHA256((bytes...,))
end
SHA256(hex::AbstractString) = SHA256(hex2bytes(String(hex)))

Base.parse(::Type{SHA256}, hex::AbstractString) = SHA256(hex)
function Base.tryparse(::Type{SHA256}, hex::AbstractString)
    try
        return SHA256(hex)
    catch error
        error isa ArgumentError || rethrow()
        return nothing
    end
end

Base.string(hash::SHA256) = bytes2hex(collect(hash.bytes))
Base.print(io::IO, hash::SHA256) = print(io, string(hash))
Base.show(io::IO, hash::SHA256) = print(io, "SHA256(\"", hash, "\")")
Base.isless(a::SHA256, b::SHA256) = isless(a.bytes, b.bytes)
