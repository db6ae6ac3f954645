# Where the artifacts of this package are, in the depots of this session.

# The path of a file of an installed artifact, by the rules of Pkg: from the first depot that has
# it, unless an `Overrides.toml` has something to say.
function find_in_artifact(hash::String, file::String)
    for depot in DEPOT_PATH
        if outside(isfile, joinpath(depot, "artifacts", "Overrides.toml"))::Bool
            return existing(joinpath(outside(overridden_directory, hash)::String, file))
        end
    end
    for depot in DEPOT_PATH
        path = existing(joinpath(depot, "artifacts", hash, file))
        path === nothing || return path
    end
    return nothing
end

# Asks Julia's own Artifacts, which nobody needs to load while there are no overrides.
function overridden_directory(hash::String)
    artifacts = @static if VERSION >= v"1.6"
        Base.require(Base.PkgId(UUID("56f22d72-fd6d-98f1-02f0-08ddc0907c33"), "Artifacts"))
    else
        Base.require(Base.PkgId(UUID("44cfe95a-1eb2-52ea-b672-e2afdf69b78f"), "Pkg")).Artifacts
    end
    return outside(artifacts.artifact_path, Base.SHA1(hash))
end
