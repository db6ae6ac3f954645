# The sources of the package. `src/ScratchRS.jl`, which Julia's loader requires, includes this file.

"""
Storage for Julia packages, in the depot that Pkg uses:

- [`@get_scratch!`](@ref): a directory of your package, which lives as long as the packages that use it;
- [`create_artifact`](@ref), [`bind_artifact!`](@ref), `artifact"name"`: immutable directories, named by their content;
- [`create_my_artifact`](@ref): files made at run time, none of which is stored twice;
- [`ScratchRS.status`](@ref), [`ScratchRS.why`](@ref), [`ScratchRS.gc`](@ref): what is in the depot, why, and what can go.

The program [`ScratchRS.scratchrs`](@ref) does the same in a shell.
"""
ScratchRS

using Base: SHA1, UUID

# What the library does takes longer than what is compiled here, and most functions are called once in a session:
# Julia spends less time on optimising them.
Base.Experimental.@optlevel 1

# No name that the standard libraries Artifacts and LazyArtifacts export: beside them, a module would
# have neither. Those are in `ScratchRS.Artifacts`. Julia 1.5 has no such libraries: see `compat.jl`.
export @get_scratch!,
    @my_artifact,
    @my_artifacts_toml!,
    @products,
    archive_artifact,
    bind_artifact!,
    bind_my_artifact!,
    clear_scratchspaces!,
    create_artifact,
    create_my_artifact,
    delete_scratch!,
    download_artifact,
    download_my_artifact!,
    ensure_artifact_installed,
    get_scratch!,
    load_my_artifacts_toml,
    my_artifact_exists,
    my_artifact_hash,
    my_artifact_path,
    my_artifacts_toml!,
    remove_artifact,
    scratch_dir,
    unbind_artifact!,
    unbind_my_artifact!,
    verify_artifact,
    with_scratch_directory

include("compat.jl")
include("files.jl")
include("errors.jl")
include("words.jl")
include("waiting.jl")
include("Progress.jl")
include("native/Native.jl")
include("replies.jl")
include("Platforms.jl")
include("place.jl")
include("usage.jl")
include("scratch.jl")
include("generate.jl")
include("artifacts/places.jl")
include("artifacts/overrides.jl")
include("artifacts/bindings.jl")
include("artifacts/artifact_str.jl")
include("artifacts/bind.jl")
include("artifacts/create.jl")
include("artifacts/hash.jl")
include("artifacts/install.jl")
include("artifacts/health.jl")
include("artifacts/Artifacts.jl")
include("PlatformEngines.jl")
include("store/Store.jl")
include("gc.jl")
include("program.jl")
include("products/Products.jl")
include("products/macro.jl")

declare_public(
    @__MODULE__,
    (:Busy, :Cancelled, :DepotIO, :DownloadError, :FormatError, :IntegrityMismatch),
    (:InternalError, :LibraryNotFound, :NotFound, :ScratchRSError),
    (:Artifacts, :JLLWrappers, :PlatformEngines),
    (Symbol("@artifact_str"), :artifact_exists, :artifact_hash, :artifact_meta, :artifact_path),
    (:find_artifacts_toml, :select_downloadable_artifacts),
    (:ArtifactDownloadInfo, :artifact_names, :artifact_paths, :artifact_slash_lookup),
    (:artifacts_dirs, :ensure_all_artifacts_installed, :extract_all_hashes),
    (:load_artifacts_toml, :load_overrides, :pack_platform!, :process_overrides, :query_override),
    (:split_artifact_slash, :unpack_platform, :with_artifacts_directory),
    (:SHA256, :StoreStatus, :StoreVerification, :adopt_store!, :find_orphanages, :store_link, :store_link!, :store_status),
    (:verify_store,),
    (:Verification, :artifact_usage, :repair_artifacts, :verify_artifacts),
    (:blob_hash, :blob_hash_sha256, :tree_hash, :tree_hash_sha256),
    (:Explained, :Report, :Status, :gc, :status, :why),
    (:condense_usage!, :find_uuid, :scratch_path, :scratchrs, :track_scratch_access, :usage_toml),
)
declare_public(
    Artifacts,
    (:ArtifactDownloadInfo, :artifact_names, :artifact_paths, :artifact_slash_lookup),
    (:artifacts_dirs, :ensure_all_artifacts_installed, :extract_all_hashes),
    (:load_artifacts_toml, :load_overrides, :pack_platform!, :process_overrides, :query_override),
    (:split_artifact_slash, :unpack_platform, :with_artifacts_directory),
)

__init__() = Native.begin_session()

include("precompile.jl")
