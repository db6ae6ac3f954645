# What the `__init__` of a package with products does.

# The path of a product that was not in its artifact when the package was precompiled, because the artifact was
# not installed, or another is in force. `usual` is where it is expected in the directory; the arguments after it
# say where else it may be.
function product_path(directory::String, usual::String, kind::Symbol, paths::Vector{String})
    path = joinpath(directory, usual)
    mode_of(path) == 0 || return path
    return @outside(Expansion.path_in(directory, kind, paths))::String
end

# Opens a library that is a product of a package, and returns its handle.
function open_product(path::String, flags::UInt32, package::Module)
    handle = Native.open_library(path, flags)
    handle == C_NULL && @outside Refusal.of_library(path, flags, package)
    return handle
end

# Adds the directory of a product to a list. A path without a directory is searched by the system.
function add_directory!(list::Vector{String}, path::String)
    add!(list, @outside(dirname(path))::String)
    return
end

# Adds the directories of a dependency. The packages of Julia 1.13's standard library have lists of another type.
function add_directories!(list::Vector{String}, @nospecialize(others))
    directories = others isa Vector{String} ? others : @outside(collect(String, others))::Vector{String}
    for directory in directories
        add!(list, directory)
    end
    return
end

function add!(list::Vector{String}, directory::String)
    isempty(directory) && return
    for known in list
        known == directory && return
    end
    push!(list, directory)
    return
end

# Sets the values of `PATH` and `LIBPATH` of a package, once the lists are complete.
function publish_lists!(
    path::Base.RefValue{String},
    paths::Vector{String},
    library_path::Base.RefValue{String},
    library_paths::Vector{String},
)
    path[] = joined("", paths)
    library_path[] = joined(joined("", library_paths), libraries_of_julia())
    return
end

# `join` is not compiled in Julia's system image.
function joined(text::String, directories::Vector{String})
    for directory in directories
        text = isempty(text) ? directory : string(text, SEPARATOR, directory)
    end
    return text
end

const SEPARATOR = Sys.iswindows() ? ";" : ":"

# The directories of Julia's own libraries, once they have been computed.
const LIBRARIES_OF_JULIA = Ref(String[])

function libraries_of_julia()
    isempty(LIBRARIES_OF_JULIA[]) &&
        (LIBRARIES_OF_JULIA[] = @outside(Executables.libraries_of_julia())::Vector{String})
    return LIBRARIES_OF_JULIA[]
end
