# The contents of a store, and whether they are intact.

"""
    store_status(; store = "")

The contents of the store, or of the one in the directory `store` (that of OhMyArtifacts.jl, for
example): the numbers of files and trees, the bytes they take and the bytes that sharing saves; and each
item with its hash, path and size, its link mode, the names that are bound to it, and since when it has
been an orphan.
"""
function store_status(; store::AbstractString = "")
    depot, directory = own_store()
    table = Native.MessagePack.decode(Native.store_status(depot, directory, root_of(store)))
    artifacts = map(table["artifacts"]) do artifact
        (
            hash = SHA256(artifact["hash"]),
            path = artifact["path"],
            is_tree = artifact["kind"] == "tree",
            files = artifact["files"],
            bytes = artifact["bytes"],
            link = Symbol(artifact["link"]),
            bound_by = pairs_of(artifact["bound_by"]),
            orphan_since = get(artifact, "orphan_since", nothing),
        )
    end
    return StoreStatus(
        table["root"], table["files"], table["trees"], table["bytes"], table["saved_bytes"],
        artifacts, pairs_of(table["missing"]), pairs_of(table["unreadable"]),
    )
end

root_of(store::AbstractString) = isempty(store) ? "" : abspath(String(store))
pairs_of(list) = Pair{String, String}[first(pair) => last(pair) for pair in list]

# What `store_status` returns.
struct StoreStatus
    root::String
    files::Int
    trees::Int
    bytes::Int
    saved_bytes::Int
    artifacts::Vector
    missing::Vector{Pair{String, String}}
    unreadable::Vector{Pair{String, String}}
end

function Base.show(io::IO, ::MIME"text/plain", status::StoreStatus)
    counted(count, what) = "$count $what$(count == 1 ? "" : "s")"
    println(io, status.root)
    print(io, "  ", counted(status.files, "file"), ", ", counted(status.trees, "tree"), ": ",
        bytes_in_words(status.bytes), ", ", bytes_in_words(status.saved_bytes), " saved by sharing")
    for artifact in sort(status.artifacts; by = artifact -> -artifact.bytes)
        isempty(artifact.bound_by) && continue
        print(io, "\n  ", string(artifact.hash)[1:8], "  ", artifact.is_tree ? "tree" : "file", "  ",
            lpad(bytes_in_words(artifact.bytes), 10))
        for (file, name) in artifact.bound_by
            print(io, "\n            \"", escape_string(name), "\" in ", file)
        end
    end
    for (file, name) in status.missing
        print(io, "\n  missing: \"", escape_string(name), "\" in ", file)
    end
    for (file, reason) in status.unreadable
        print(io, "\n  unreadable: ", file, ": ", reason)
    end
end

"""
    verify_store(; store = "")

Reads all contents of the store, and checks all trees. `damaged` of the result lists the files that are
corrupt, each with what is wrong and the names that are affected.
"""
function verify_store(; store::AbstractString = "")
    depot, directory = own_store()
    table = Native.MessagePack.decode(Native.verify_store(depot, directory, root_of(store)))
    damaged = map(table["corrupt"]) do damage
        (
            hash = SHA256(damage["hash"]),
            path = damage["path"],
            what = damage["what"],
            bound_by = [name["file"] => name["name"] for name in damage["bound_by"]],
        )
    end
    return (
        files = table["files"], trees = table["trees"], bytes = table["bytes"], damaged = damaged,
    )
end
