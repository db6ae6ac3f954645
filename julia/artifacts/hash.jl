# Hashes of contents, as git computes them.

"""
    tree_hash(path) -> SHA1

The hash of the directory `path` as git and Pkg compute it: of names, contents, links, and whether the
owner may execute a file. Empty directories, and directories `.git`, don't count. An artifact with this
content has this hash.

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

The hash of the directory `path` as git computes it in repositories that use SHA-256, in hexadecimal
digits. See [`tree_hash`](@ref ScratchRS.tree_hash).
"""
tree_hash_sha256(path::AbstractString) = Native.tree_hash(String(named(path, "directory")), true)

"""
    blob_hash(path) -> SHA1

The hash of the content of the file `path` as git computes it; for a symbolic link, that of its target
path.

# Errors
[`DepotIO`](@ref ScratchRS.DepotIO) if it can't be read.
"""
blob_hash(path::AbstractString) = SHA1(Native.blob_hash(String(named(path, "file")), false))

"""
    blob_hash_sha256(path) -> String

The hash of the content of the file `path` by SHA-256, in hexadecimal digits. See
[`blob_hash`](@ref ScratchRS.blob_hash).
"""
blob_hash_sha256(path::AbstractString) = Native.blob_hash(String(named(path, "file")), true)
