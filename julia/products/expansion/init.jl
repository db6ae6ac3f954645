# The statements of the `__init__` of a package with products.

# Finds the artifact, and takes over the directories of the dependencies. Those of the standard library open their
# libraries at the first use; now they are needed.
function init_header(mod::Module, dependencies)
    statements = Any[:(global artifact_dir = find_artifact_dir()::$String)]
    has(name) = filter(dependency -> defined(defined(mod, dependency), name) !== nothing, collect(dependencies))
    append!(statements, (:($dependency.eager_mode()) for dependency in has(:eager_mode)))
    for list in (:PATH_list, :LIBPATH_list), dependency in has(list)
        push!(statements, :($(Products.add_directories!)($list, $dependency.$list)))
    end
    return Expr(:block, statements...)
end

# `path` is the expression of the product's path unless the user prefers another. `flags` is that of the flags for
# `dlopen`, or `nothing` for a library that is not opened.
function init_library(mod::Module, name::Symbol, path, flags)
    path_of = path_name(name)
    opened = :(global $(handle_name(name)) = $(Products.open_product)($path_of::$String, $flags, $mod))
    return quote
        $(init_path(name, path))
        $(flags === nothing || flags === :nothing ? nothing : opened)
        $(Products.add_directory!)(LIBPATH_list, $path_of::$String)
        $(Setup.REQUIRES_CONSTANT_LIBRARY ? nothing : :(global $name = $path_of::$String))
    end
end

init_executable(name::Symbol, path) = quote
    $(init_path(name, path))
    $(Products.add_directory!)(PATH_list, $(path_name(name))::$String)
end

init_file(name::Symbol, path) = quote
    $(init_path(name, path))
    global $name = $(path_name(name))::$String
end

function init_path(name::Symbol, path)
    path_of = path_name(name)
    return quote
        global $path_of
        $path_of === nothing && ($path_of = $path)
    end
end

init_footer() = :($(Products.publish_lists!)(PATH, PATH_list, LIBPATH, LIBPATH_list))

function init_product(mod::Module, kind::Symbol, name::Symbol, path, flags)
    kind === :library && return init_library(mod, name, path, flags)
    kind === :executable && return init_executable(name, path)
    return init_file(name, path)
end
