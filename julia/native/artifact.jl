# Where the artifacts of this package are.

# The depots and the current directory when the package was loaded. Much code replaces the depots in
# `DEPOT_PATH` afterwards; the library stays where it is.
const DEPOTS_AT_LOAD = Ref(String[])
const DIRECTORY_AT_LOAD = Ref("")

# Called whenever the package is loaded, so it only copies.
function remember_depots()
    DEPOTS_AT_LOAD[] = copy(DEPOT_PATH)
    DIRECTORY_AT_LOAD[] = @outside Binding.current_directory()::String
    return
end

# The depots to search: the current ones, then those at the time when the package was loaded.
all_depots() =
    @outside Binding.all_depots(DEPOT_PATH, DEPOTS_AT_LOAD[], DIRECTORY_AT_LOAD[])::Vector{String}

# The path of a file of an installed artifact, by the rules of Pkg: in the first depot that has
# it, unless an `Overrides.toml` names a replacement.
function find_in_artifact(hash::String, file::String)
    depots = all_depots()
    for depot in depots
        if @outside isfile(joinpath(depot, "artifacts", "Overrides.toml"))::Bool
            directory = @outside Binding.overridden_directory(hash, depots)::Union{Nothing, String}
            return directory === nothing ? nothing : existing(joinpath(directory, file))
        end
    end
    for depot in depots
        path = existing(joinpath(depot, "artifacts", hash, file))
        path === nothing || return path
    end
    return nothing
end
