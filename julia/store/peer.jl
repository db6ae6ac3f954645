# The other functions of OhMyArtifacts.jl, which are not public here.

get_scratchspace() = Native.store_root(own_store()...)
get_artifacts_dir() = joinpath(get_scratchspace(), "artifacts")
usages_toml() = joinpath(get_scratchspace(), "logs", "my_artifact_usage.toml")
orphanages_toml() = joinpath(get_scratchspace(), "logs", "my_artifact_orphanages.toml")

function parse_toml(file::AbstractString)
    path = abspath(String(file))
    reply = path == usages_toml() ? until_free(Native.store_usage, own_store()...) : Native.read_toml(path)
    table = Native.MessagePack.decode(reply)
    table === nothing && throw(SystemError("opening file $(repr(path))", Libc.ENOENT))
    return table
end

# The entries of a directory at the depths that `f` accepts; depth 0 is the directory itself.
function readdirdepth(f, directory; files_only = false, dirs_only = false)
    files_only && dirs_only && throw(ArgumentError("`files_only` and `dirs_only` exclude each other"))
    found = String[]
    root = rstrip(String(directory), '/')
    for (path, directories, files) in walkdir(root)
        parts = splitpath(relpath(path, root))
        ".git" in parts && continue
        depth = path == root ? 0 : length(parts)
        f(depth) || continue
        dirs_only || append!(found, joinpath.(path, files))
        files_only || append!(found, joinpath.(path, directories))
    end
    return found
end
