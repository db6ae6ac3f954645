# Deleting contents that are not bound to any name.

"""
    find_orphanages(; collect_delay = Day(7))

Deletes from the store the contents that have been unbound for `collect_delay`, a period of Dates, a
text such as `"7d"`, or 0. Each call finds out which contents are bound; those found unbound for the first
time are orphans from then on.

The contents of a tree stay as long as the tree. What another process has created and not bound yet
stays too.

The names in a file count as unbound when all projects for which the file was used are gone, for example
because the package was removed. The file waits as long, and is deleted together with the contents that
only it binds. Files outside the store bind as long as they exist.
"""
function find_orphanages(; collect_delay = "7d")
    depot, directory = own_store()
    found = collection(depot, directory, duration(collect_delay), false)
    for failure in found.failed
        @warn "Failed to delete $(failure.path)" reason = failure.message
    end
    for failure in found.unreadable
        @warn "`$(failure.path)` is invalid, so everything that it binds is kept" reason = failure.message
    end
    count = length(found.removed)
    count == 0 && return nothing
    @info "$count MyArtifact$(count == 1 ? "" : "s") deleted ($(bytes_in_words(found.bytes)))"
    return nothing
end

collection(depot, directory, delay, is_dry_run) =
    Native.named(Native.collect_store(depot, directory, delay, is_dry_run, false))
