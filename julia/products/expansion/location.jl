# Where a product is in its artifact.

# The path of a product in a directory, relative to it; `nothing` if it is missing.
located(product::Product, directory::String) = located(product.kind, product.paths, directory)

function located(kind::Symbol, paths, directory::String)
    for path in paths, file in file_names(kind, path)
        isfile(joinpath(directory, file)) && return file
    end
    kind === :library || return nothing
    for path in paths
        file = versioned(path, directory)
        file === nothing || return file
    end
    return nothing
end

# The names of the file, the usual one first.
function file_names(kind, path)
    kind === :library && return [string(path, '.', Setup.Libdl.dlext), path]
    kind === :executable && Sys.iswindows() && return [path * ".exe", path]
    return [path]
end

# The library whose file name has a version, as on each system: `libfoo.so.1.2`, `libfoo.1.dylib`, `libfoo-1.dll`.
function versioned(path, directory)
    parent, name = splitdir(path)
    isdir(joinpath(directory, parent)) || return nothing
    extension = Setup.Libdl.dlext
    pattern = Sys.iswindows() ? Regex("^\\Q$name\\E-[0-9.]+\\.$extension\$") :
        Sys.isapple() ? Regex("^\\Q$name\\E(\\.[0-9]+)+\\.$extension\$") :
        Regex("^\\Q$name\\E\\.$extension(\\.[0-9]+)+\$")
    found = filter(file -> occursin(pattern, file), readdir(joinpath(directory, parent)))
    # The shortest is the one that others link to.
    return isempty(found) ? nothing : joinpath(parent, first(sort!(found; by = file -> (length(file), file))))
end

# The usual path of a product in its artifact.
usual_path(kind, paths) = first(file_names(kind, first(paths)))

# The path of a product in a directory, as an absolute path. If it is missing, using it is an error, not loading
# the package.
path_in(directory::String, kind::Symbol, paths) =
    joinpath(directory, something(located(kind, paths, directory), usual_path(kind, paths)))
