# The library in use.

# The addresses of the library's functions.
struct Library
    # Whether the functions that are plain calls are those for jlrs: Julia's strings in and out.
    is_jlrs::Bool
    # In the order of `OPERATIONS`.
    operations::Vector{Ptr{Cvoid}}
    finish::Ptr{Cvoid}
    detach::Ptr{Cvoid}
    progress::Ptr{Cvoid}
    cancel::Ptr{Cvoid}
    end_jobs::Ptr{Cvoid}
    free::Ptr{Cvoid}
end

# The library in use, once something has been called.
const LIBRARY = Ref{Union{Nothing, Library}}(nothing)

# Called whenever the package is loaded: addresses of the library are invalid in another process. A missing
# library is an error at the first call: other packages load this one and may never call it.
function begin_session()
    LIBRARY[] = nothing
    isempty(Binding.BOUND) && isempty(Binding.OWN) && @outside Binding.say_missing()
    remember_depots()
    return
end

# The library in use; loads it first, if this is the first call of the session.
function loaded()
    library = LIBRARY[]
    return library === nothing ? load() : library
end

# Loads the library at the first call, not in `__init__`, so that loading the package alone is cheap. Threads
# that do so at the same time get the same addresses.
@noinline function load()
    library = LIBRARY[] = find()
    @outside atexit(end_jobs)
    return library
end

# Opens the library that fits the running Julia: that of the working copy, or the installed one; the one for
# jlrs, if there is one, else the portable one. The environment variable `SCRATCHRS_BINDING` or the preference
# `binding` requires one of them.
function find()
    wanted = get(ENV, "SCRATCHRS_BINDING", "")
    isempty(wanted) && (wanted = Binding.PREFERRED)
    for (binding, file) in Binding.OWN
        isempty(wanted) || wanted == binding || continue
        found = opened(in_working_copy(file), binding)
        found === nothing || return found
    end
    for (binding, hash) in Binding.BOUND
        isempty(wanted) || wanted == binding || continue
        path = find_in_artifact(hash, LIBRARY_FILES[binding == "jlrs" ? 2 : 1])
        path === nothing && continue
        found = opened(path, binding)
        found === nothing || return found
    end
    throw(@outside Binding.library_not_found(wanted))
end

# The library in a file; `nothing` if it can't be loaded, or has another list of operations than the package.
function opened(path::String, binding::String)
    handle = open_library(path, FLAGS)
    handle == C_NULL && return nothing
    abi = ccall(address(handle, "scratchrs_abi"), UInt64, ())
    return abi == ABI ? library(handle, binding == "jlrs") : nothing
end

# The path of a file of this working copy.
in_working_copy(file::String) = joinpath(@outside(Binding.package_directory())::String, file)

const LIBRARY_FILES = (Binding.library_file("portable"), Binding.library_file("jlrs"))
const FLAGS = Libdl.RTLD_LAZY | Libdl.RTLD_DEEPBIND

# The functions that `dlopen` and `dlsym` of Libdl call: most of the code for loading the library would be that
# of their keyword arguments.
open_library(path::String, flags::UInt32) =
    ccall(:jl_load_dynamic_library, Ptr{Cvoid}, (Cstring, UInt32, Cint), path, flags, 0)

function address(library::Ptr{Cvoid}, name::String)
    found = Ref{Ptr{Cvoid}}(C_NULL)
    ccall(:jl_dlsym, Cint, (Ptr{Cvoid}, Cstring, Ref{Ptr{Cvoid}}, Cint), library, name, found, 1)
    return found[]
end

function library(handle::Ptr{Cvoid}, is_jlrs::Bool)
    operations = Ptr{Cvoid}[]
    for name in (is_jlrs ? SYMBOLS_OF_JLRS : SYMBOLS)
        push!(operations, address(handle, name))
    end
    return Library(
        is_jlrs,
        operations,
        address(handle, "scratchrs_finish"),
        address(handle, "scratchrs_detach"),
        address(handle, "scratchrs_progress"),
        address(handle, "scratchrs_cancel"),
        address(handle, "scratchrs_end_jobs"),
        address(handle, "scratchrs_free"),
    )
end
