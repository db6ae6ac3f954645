# What the sessions share: where Pkg gets the package from, and where it puts things.

using Libdl, Pkg, Test

# The other arguments are those of the script.
const REGISTRY = popfirst!(ARGS)
const DEPOT = joinpath(homedir(), ".julia")

# Adds the registry on disk. That of a Pkg server is added by Pkg itself, unless a registry comes with Julia.
function add_registry()
    isempty(REGISTRY) || return Pkg.Registry.add(RegistrySpec(url = REGISTRY))
    any(depot -> isdir(joinpath(depot, "registries")), DEPOT_PATH) && Pkg.Registry.add("General")
end

# The names in a directory of the depot, which may be missing.
entries(names...) = (path = joinpath(DEPOT, names...); isdir(path) ? readdir(path) : String[])

# The installed artifacts that have our libraries.
libraries() = filter(entries("artifacts")) do name
    directory = joinpath(DEPOT, "artifacts", name, "lib")
    isdir(directory) && any(startswith("libscratchrs"), readdir(directory))
end

# The path of the native library that the session uses.
library() = only(filter(path -> occursin("libscratchrs", path), Libdl.dllist()))

# The environment that has a version of the package; all users have it.
project(version) = joinpath(dirname(homedir()), version)

# The directory of a loaded package, and its version.
directory(package) = dirname(dirname(pathof(package)))
version(package) = Pkg.TOML.parsefile(joinpath(directory(package), "Project.toml"))["version"]
