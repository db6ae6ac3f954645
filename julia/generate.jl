# Scratch spaces that a generator fills once, however many callers there are.

"""
    get_scratch!(generate, parent, key, calling = parent; version = nothing, depot = nothing)
    get_scratch!(generate, key; version = nothing, depot = nothing)

The path of a scratch space that `generate(directory)` has filled.

If the space does not exist yet, `generate` is called with an empty directory, which then becomes the
space in one step. Among concurrent processes, threads and tasks, one generates; the others wait, and
all get the complete space. While they wait, their other tasks run on; after a second a message names
the process that they wait for.

- If `generate` throws, its directory is deleted, its caller gets the error, and the next caller tries.
- If its process is killed, the next caller takes over at once.
- With a `version` (anything that prints), the space is generated again when its version differs.
  Files of the old space that are open stay readable.
- A space that has content but was not generated is used as it is, unless there is a `version`: code that
  filled its space in another way can switch to a generator.

The other arguments and errors are those of the methods without `generate`.

# Example
```julia
index = get_scratch!(@__MODULE__, "index"; version = 2) do directory
    open(io -> write_index(io), joinpath(directory, "index.bin"), "w")
end
```
"""
function get_scratch!(
    generate::Base.Callable,
    parent::Parent,
    key::AbstractString,
    calling::Parent = parent;
    version = nothing,
    depot::Union{Nothing, AbstractString} = nothing,
)
    owner = find_uuid(parent)
    user = calling === parent ? owner : find_uuid(calling)
    depot, directory = place(depot)
    versioned = version !== nothing
    ask() = Native.begin_generation(
        depot,
        directory,
        owner,
        String(key),
        versioned ? string(version) : "",
        versioned,
    )
    while true
        space = ask()
        if space.state === :busy
            root = isempty(directory) ? joinpath(depot, "scratchspaces") : directory
            space = wait_for_generator(ask, key, abspath(root, string(owner), String(key)))
        end
        path = something(space.path)
        if space.state === :begun
            path = run_generator(generate, depot, user, path, something(space.ticket))
        end
        track(depot, user, path) || return path
    end
end

get_scratch!(generate::Base.Callable, key::AbstractString; kw...) =
    get_scratch!(generate, nothing, key; kw...)
get_scratch!(generate::Base.Callable, key::AbstractString, parent::Parent; kw...) =
    get_scratch!(generate, parent, key; kw...)
get_scratch!(::Base.Callable, parent::AbstractString, ::AbstractString; kw...) =
    throw(text_as_parent(parent))

# Fills a directory and publishes it, or deletes it.
function run_generator(generate, depot::String, user::UUID, directory::String, ticket::Int)
    # A collection without a delay must not delete the directory.
    project = user_project(user)
    try
        project === nothing || record_access(depot, directory, project)
        task_local_storage(() -> generate(directory), (:ScratchRS_generating, directory), true)
    catch
        Native.abandon_generation(ticket)
        rethrow()
    end
    return Native.publish_generation(ticket)
end

# Asks again until no other caller generates the space, and returns its state.
function wait_for_generator(ask, key, space::String)
    return wait_for_other(ask, key, "generating") do
        is_generating(space) && throw(ArgumentError(
            "the generator of `$key` calls `get_scratch!` for `$key`, and would wait for itself",
        ))
    end
end

# Whether the running task is in the generator of the space.
function is_generating(space::String)
    return any(keys(task_local_storage())) do name
        name isa Tuple{Symbol, String} &&
            name[1] == :ScratchRS_generating &&
            startswith(name[2], string(space, "@building-"))
    end
end
