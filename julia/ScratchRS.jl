# The sources of the package; `src/ScratchRS.jl`, where Julia's loader looks, includes this file.
#
# By `Base.include`: the `include` of a module is a function of its own, which would be compiled
# and stored for every load of the package.

using Base: SHA1, UUID

# No name that the standard libraries Artifacts and LazyArtifacts export: beside them, a module would
# have neither. Those are in `ScratchRS.Artifacts`. Julia 1.5 has no such libraries: see `compat.jl`.
export @get_scratch!,
    @my_artifact,
    @my_artifacts_toml!,
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

Base.include(@__MODULE__, "compat.jl")
Base.include(@__MODULE__, "files.jl")
Base.include(@__MODULE__, "errors.jl")
Base.include(@__MODULE__, "words.jl")
Base.include(@__MODULE__, "waiting.jl")
Base.include(@__MODULE__, "Progress.jl")
Base.include(@__MODULE__, "native/Native.jl")
Base.include(@__MODULE__, "Tables.jl")
Base.include(@__MODULE__, "Platforms.jl")
Base.include(@__MODULE__, "place.jl")
Base.include(@__MODULE__, "usage.jl")
Base.include(@__MODULE__, "scratch.jl")
Base.include(@__MODULE__, "generate.jl")
Base.include(@__MODULE__, "artifacts/places.jl")
Base.include(@__MODULE__, "artifacts/overrides.jl")
Base.include(@__MODULE__, "artifacts/bindings.jl")
Base.include(@__MODULE__, "artifacts/artifact_str.jl")
Base.include(@__MODULE__, "artifacts/bind.jl")
Base.include(@__MODULE__, "artifacts/create.jl")
Base.include(@__MODULE__, "artifacts/hash.jl")
Base.include(@__MODULE__, "artifacts/install.jl")
Base.include(@__MODULE__, "artifacts/health.jl")
Base.include(@__MODULE__, "artifacts/Artifacts.jl")
Base.include(@__MODULE__, "PlatformEngines.jl")
Base.include(@__MODULE__, "store.jl")
Base.include(@__MODULE__, "gc.jl")
Base.include(@__MODULE__, "program.jl")

declare_public(
    @__MODULE__,
    (:Busy, :Cancelled, :DepotIO, :DownloadError, :FormatError, :IntegrityMismatch),
    (:InternalError, :LibraryNotFound, :NotFound, :ScratchRSError),
    (:Artifacts, :PlatformEngines),
    (Symbol("@artifact_str"), :artifact_exists, :artifact_hash, :artifact_meta, :artifact_path),
    (:find_artifacts_toml, :select_downloadable_artifacts),
    (:ArtifactDownloadInfo, :artifact_names, :artifact_paths, :artifact_slash_lookup),
    (:artifacts_dirs, :ensure_all_artifacts_installed, :extract_all_hashes),
    (:load_artifacts_toml, :load_overrides, :pack_platform!, :process_overrides, :query_override),
    (:split_artifact_slash, :unpack_platform, :with_artifacts_directory),
    (:SHA256, :adopt_store!, :find_orphanages, :store_link, :store_link!, :store_status, :verify_store),
    (:artifact_usage, :repair_artifacts, :verify_artifacts),
    (:blob_hash, :blob_hash_sha256, :tree_hash, :tree_hash_sha256),
    (:gc, :status, :why),
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

Base.include(@__MODULE__, "precompile.jl")
