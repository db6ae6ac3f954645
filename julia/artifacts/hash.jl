# Hashes of content, as git has them.

"""
    tree_hash(path) -> SHA1

The hash of the directory `path` as git has it, and Pkg: of names, contents, links, and whether the
owner may execute a file. Empty directories, and directories `.git`, don't count. It is the hash that
an artifact of this content has.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if something in it can't be read.

# Example
```julia
ScratchRS.tree_hash(pkgdir(MyPackage))
```
"""
tree_hash(path::AbstractString) = SHA1(Native.tree_hash(String(named(path, "directory")), false))

"""
    tree_hash_sha256(path) -> String

The hash of the directory `path` as git has it in repositories that use SHA-256, in hexadecimal
digits. See [`tree_hash`](@ref ScratchRS.tree_hash).
"""
tree_hash_sha256(path::AbstractString) = Native.tree_hash(String(named(path, "directory")), true)

"""
    blob_hash(path) -> SHA1

The hash of the content of the file `path` as git has it; of a symbolic link, that of the text that
it leads to.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if it can't be read.
"""
blob_hash(path::AbstractString) = SHA1(Native.blob_hash(String(named(path, "file")), false))

"""
    blob_hash_sha256(path) -> String

The same by SHA-256, in hexadecimal digits. See [`blob_hash`](@ref ScratchRS.blob_hash).
"""
blob_hash_sha256(path::AbstractString) = Native.blob_hash(String(named(path, "file")), true)
