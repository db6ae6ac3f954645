# The sources of the package; `src/ScratchRS.jl`, where Julia's loader looks, includes this file.
#
# By `Base.include`: the `include` of a module is a function of its own, which would be compiled
# and stored for every load of the package.

using Base: UUID

export @get_scratch!,
    clear_scratchspaces!,
    delete_scratch!,
    get_scratch!,
    scratch_dir,
    with_scratch_directory

Base.include(@__MODULE__, "compat.jl")
Base.include(@__MODULE__, "files.jl")
Base.include(@__MODULE__, "errors.jl")
Base.include(@__MODULE__, "words.jl")
Base.include(@__MODULE__, "Progress.jl")
Base.include(@__MODULE__, "native/Native.jl")
Base.include(@__MODULE__, "place.jl")
Base.include(@__MODULE__, "usage.jl")
Base.include(@__MODULE__, "scratch.jl")
Base.include(@__MODULE__, "generate.jl")
Base.include(@__MODULE__, "program.jl")

declare_public(
    @__MODULE__,
    (:Busy, :Cancelled, :DepotIO, :DownloadError, :FormatError, :IntegrityMismatch),
    (:InternalError, :LibraryNotFound, :NotFound, :ScratchRSError),
    (:condense_usage!, :find_uuid, :scratch_path, :scratchrs, :track_scratch_access, :usage_toml),
)

__init__() = Native.unload()

Base.include(@__MODULE__, "precompile.jl")
