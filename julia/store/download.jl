# Storing downloads.

"""
    download_my_artifact!([downloadf,] url, name, artifacts_toml; force_bind = false, bind_metadata = nothing, kw...) -> SHA256

Downloads a file, stores it and binds `name` to it. It always downloads, since the hash is not known
before.

`downloadf(url, file; kw...)` downloads to `file`, or to the path that it returns; the default is
Julia's `Downloads.download`.
"""
function download_my_artifact!(
    downloadf::Base.Callable,
    url,
    name::AbstractString,
    artifacts_toml::AbstractString;
    force_bind::Bool = false,
    bind_metadata = nothing,
    downloadf_kwarg...,
)
    hash = create_my_artifact() do working_dir
        file = joinpath(working_dir, "download")
        returned = downloadf(url, file; downloadf_kwarg...)
        # A function that returns something else than a path has written to `file`.
        returned isa AbstractString ? returned : file
    end
    bind_my_artifact!(artifacts_toml, name, hash; force = force_bind, metadata = bind_metadata)
    return hash
end

download_my_artifact!(url, name::AbstractString, artifacts_toml::AbstractString; kw...) =
    download_my_artifact!(downloader(), url, name, artifacts_toml; kw...)

# Julia's own download function: in a package since 1.6.
function downloader()
    VERSION < v"1.6-" && return Base.download
    downloads =
        Base.require(Base.PkgId(UUID("f43a241f-c20a-4ad4-852c-f6b1247861c6"), "Downloads"))
    return (url, file; kw...) -> Base.invokelatest(downloads.download, url, file; kw...)
end
