"""
The whole interface of `Pkg.Artifacts` under its own name: write `using ScratchRS.Artifacts` where
there was `using Pkg.Artifacts`, `using Artifacts` or `using LazyArtifacts`.

`ScratchRS` itself exports no name that `Artifacts` and `LazyArtifacts` export, so that a module can
use all of them beside each other. Every function here is the one of the same name in `ScratchRS`.
"""
baremodule Artifacts

using ..ScratchRS: @artifact_str, archive_artifact, artifact_exists, artifact_hash, artifact_meta
using ..ScratchRS: artifact_path, bind_artifact!, create_artifact, download_artifact
using ..ScratchRS: ensure_artifact_installed, find_artifacts_toml, remove_artifact
using ..ScratchRS: select_downloadable_artifacts, unbind_artifact!, verify_artifact

using ..ScratchRS: ArtifactDownloadInfo, artifact_names, artifact_paths, artifact_slash_lookup
using ..ScratchRS: artifacts_dirs, ensure_all_artifacts_installed, extract_all_hashes
using ..ScratchRS: load_artifacts_toml, load_overrides, pack_platform!, process_overrides
using ..ScratchRS: query_override, split_artifact_slash, unpack_platform, with_artifacts_directory

export @artifact_str, archive_artifact, artifact_exists, artifact_hash, artifact_meta
export artifact_path, bind_artifact!, create_artifact, download_artifact
export ensure_artifact_installed, find_artifacts_toml, remove_artifact
export select_downloadable_artifacts, unbind_artifact!, verify_artifact

end
