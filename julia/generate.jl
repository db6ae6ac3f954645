# Spaces that are filled once, however many ask.

"""
    get_scratch!(generate, parent, key, calling = parent; version = nothing, depot = nothing)
    get_scratch!(generate, key; version = nothing, depot = nothing)

The path of a scratch space that `generate(directory)` has filled.

If the space is not there yet, `generate` is called with an empty directory, which then takes the
place of the space in one step. However many processes, threads and tasks ask at the same time,
one of them generates; the others wait, and all see the complete space. While they wait, their
other tasks run on; after a second a message says for whom they wait.

- If `generate` throws, nothing is left, the error goes to its caller, and the next one tries.
- If its process is killed, the next one takes over at once.
- With a `version` (anything that prints), the space is generated again when its version is
  another one. Whoever has files of the old one open keeps them.
- A space that has content but was not generated is taken as it is, unless there is a `version`:
  code that filled its space in another way can be changed to this one.

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
        reply = ask()
        if reply[1] == "busy"
            root = isempty(directory) ? joinpath(depot, "scratchspaces") : directory
            reply = wait_for_generator(ask, key, abspath(root, string(owner), String(key)))
        end
        path = if reply[1] == "ready"
            reply[2]
        else
            run_generator(generate, depot, user, reply[2], parse(UInt64, reply[3]))
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

# Fills a directory and publishes it, or leaves nothing.
function run_generator(generate, depot::String, user::UUID, directory::String, ticket::UInt64)
    # A collection without grace must not take the directory for garbage.
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

# Asks again until nobody else generates the space, and gives the answer.
function wait_for_generator(ask, key, space::String)
    return wait_for_other(ask, key, "generating") do
        is_generating(space) && throw(ArgumentError(
            "the generator of `$key` asks for `$key`, and would wait for itself",
        ))
    end
end

# Whether the running task is inside the generator of the space.
function is_generating(space::String)
    return any(keys(task_local_storage())) do name
        name isa Tuple{Symbol, String} &&
            name[1] == :ScratchRS_generating &&
            startswith(name[2], string(space, "@building-"))
    end
end
