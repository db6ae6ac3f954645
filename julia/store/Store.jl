# The store: files and trees that are made at run time, kept once, by content. The interface is that
# of OhMyArtifacts.jl.
#
# A module of its own: most packages that load ScratchRS do not use the store, so it is interpreted.
module Store

using Base: UUID
import ..@seldom_run, ..Native, ..Setup
import ..NotFound, ..ScratchRSError
import ..bytes_in_words, ..find_uuid, ..duration, ..place, ..source_file, ..track, ..until_free
import ..user_project
using ..Replies: Reply, decoded
@seldom_run

# The store of the first depot.
own_store() = place(nothing)

include("hash.jl")
include("create.jl")
include("bindings.jl")
include("download.jl")
include("collect.jl")
include("status.jl")
include("adopt.jl")
include("peer.jl")
include("macro.jl")

end # module Store

using .Store: SHA256, StoreStatus, StoreVerification, adopt_store!, bind_my_artifact!, create_my_artifact, download_my_artifact!,
    find_orphanages, get_artifacts_dir, get_scratchspace, load_my_artifacts_toml, my_artifact_exists,
    my_artifact_hash, my_artifact_path, my_artifacts_toml!, orphanages_toml, parse_toml,
    readdirdepth, store_link, store_link!, store_status, unbind_my_artifact!, usages_toml,
    verify_store, @my_artifact, @my_artifacts_toml!
