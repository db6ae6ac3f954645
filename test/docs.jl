# The documentation that `?` shows.

# Public names that are not exported; old versions of Julia have no `ispublic`.
const PUBLIC = [
    :ArtifactDownloadInfo, :Busy, :Cancelled, :DepotIO, :DownloadError, :FormatError,
    :IntegrityMismatch, :InternalError, :LibraryNotFound, :NotFound, :ScratchRSError,
    :Explained, :Report, :Status, :StoreStatus, :StoreVerification, :Verification, :artifact_usage, :gc, :repair_artifacts, :status, :verify_artifacts, :why,
    :artifact_names, :artifact_paths, :artifact_slash_lookup, :artifacts_dirs, :blob_hash,
    :blob_hash_sha256, :condense_usage!, :ensure_all_artifacts_installed, :extract_all_hashes,
    :find_uuid, :load_artifacts_toml, :load_overrides, :pack_platform!, :process_overrides,
    :query_override, :scratch_path, :scratchrs, :split_artifact_slash, :track_scratch_access,
    :tree_hash, :tree_hash_sha256, :unpack_platform, :usage_toml, :with_artifacts_directory,
    Symbol("@artifact_str"), :Artifacts, :artifact_exists, :artifact_hash, :artifact_meta,
    :artifact_path, :find_artifacts_toml, :select_downloadable_artifacts,
    :JLLWrappers, :PlatformEngines, :SHA256, :adopt_store!, :find_orphanages, :store_link, :store_link!, :store_status,
    :verify_store,
]
const EXPORTED = [
    Symbol("@get_scratch!"), :archive_artifact, :bind_artifact!, :clear_scratchspaces!,
    :create_artifact, :delete_scratch!, :download_artifact, :ensure_artifact_installed,
    :get_scratch!, :remove_artifact, :scratch_dir, :unbind_artifact!, :verify_artifact,
    :with_scratch_directory,
    Symbol("@my_artifact"), Symbol("@my_artifacts_toml!"), Symbol("@products"), :bind_my_artifact!, :create_my_artifact,
    :download_my_artifact!, :load_my_artifacts_toml, :my_artifact_exists, :my_artifact_hash,
    :my_artifact_path, :my_artifacts_toml!, :unbind_my_artifact!,
]

# Without the standard library Artifacts, no name is ambiguous.
VERSION < v"1.6" && push!(EXPORTED, Symbol("@artifact_str"))

@testset "names" begin
    exported = filter(name -> Base.isexported(ScratchRS, name), names(ScratchRS))
    @test sort(setdiff(exported, [:ScratchRS])) == sort(EXPORTED)
    @test all(name -> isdefined(ScratchRS, name), PUBLIC)
    VERSION >= v"1.11" && @test sort(setdiff(names(ScratchRS), exported)) == sort(PUBLIC)
end

# The names that `Pkg.Artifacts` exports in any version of Julia, and those of them that `Artifacts` and
# `LazyArtifacts` also export.
const OF_STANDARD_LIBRARY = [
    Symbol("@artifact_str"), :artifact_exists, :artifact_hash, :artifact_meta, :artifact_path,
    :find_artifacts_toml, :select_downloadable_artifacts,
]
const OF_PKG = [
    OF_STANDARD_LIBRARY
    [:archive_artifact, :bind_artifact!, :create_artifact, :download_artifact]
    [:ensure_artifact_installed, :remove_artifact, :unbind_artifact!, :verify_artifact]
]

@testset "the interface of Pkg.Artifacts is in ScratchRS.Artifacts" begin
    exported(mod) = filter(name -> name != nameof(mod) && Base.isexported(mod, name), names(mod))
    @test sort(exported(ScratchRS.Artifacts)) == sort(OF_PKG)
    @test issubset(exported(Pkg.Artifacts), OF_PKG)
    for name in OF_PKG
        @test getfield(ScratchRS.Artifacts, name) === getfield(ScratchRS, name)
    end
    # Names that other packages use qualified.
    for name in [:artifact_names, :artifact_paths, :artifacts_dirs, :ensure_all_artifacts_installed, :extract_all_hashes, :load_artifacts_toml, :load_overrides, :pack_platform!, :process_overrides, :query_override, :unpack_platform, :with_artifacts_directory]
        @test getfield(ScratchRS.Artifacts, name) === getfield(ScratchRS, name)
    end
    both = intersect(exported(ScratchRS), OF_STANDARD_LIBRARY)
    @test both == (VERSION < v"1.6" ? [Symbol("@artifact_str")] : [])
end

@testset "beside the standard libraries" begin
    if VERSION < v"1.6"
        inapplicable("using Artifacts, ScratchRS", "this version of Julia has no Artifacts")
    else
        with_lab() do lab
            result = outcome("""
            using Artifacts, LazyArtifacts, ScratchRS
            print(parentmodule(artifact_exists) === Artifacts, artifact_exists(Base.SHA1("$("ab"^20)")), ScratchRS.artifact_exists(Base.SHA1("$("ab"^20)")))
            for lib in [Artifacts, LazyArtifacts], name in names(lib)
                Base.isexported(ScratchRS, name) && print(name)
            end
            """)
            @test (result.ok, result.out) == (true, "truefalsefalse")
            # A precompiled package that uses all of them.
            package = mkpath(joinpath(lab.root, "UsesAll", "src"))
            uuids = ["Artifacts" => "56f22d72-fd6d-98f1-02f0-08ddc0907c33", "LazyArtifacts" => "4af54fe1-eca0-43a8-85a7-787d91b784e3", "ScratchRS" => Base.PkgId(ScratchRS).uuid]
            write(joinpath(lab.root, "UsesAll", "Project.toml"), """
            name = "UsesAll"
            uuid = "7a1c9a51-6f0e-4bb8-8e7c-2f8a3f7f1d11"
            [deps]
            $(join(("$name = \"$uuid\"" for (name, uuid) in uuids), '\n'))
            """)
            write(joinpath(lab.root, "UsesAll", "Artifacts.toml"), "[x]\ngit-tree-sha1 = \"$("ab"^20)\"\nlazy = true\n")
            mkpath(joinpath(lab.depot, "artifacts", "ab"^20))
            write(joinpath(package, "UsesAll.jl"), """
            module UsesAll
            using LazyArtifacts, ScratchRS
            path() = artifact"x"
            space() = @get_scratch!("key")
            module Inside
            using ScratchRS, ScratchRS.Artifacts
            path() = artifact"x"
            end
            end
            """)
            result = outcome(
                "using UsesAll; print(basename(UsesAll.path()), UsesAll.path() == UsesAll.Inside.path(), isdir(UsesAll.space()))";
                project = joinpath(lab.root, "UsesAll"), load_path = [REPO, "@", "@stdlib"],
            )
            @test (result.ok, result.out) == (true, "ab"^20 * "truetrue")
            @test !occursin("WARNING", result.err) && !occursin("rror", result.err)
        end
    end
end

@testset "every call has one method" begin
    @test isempty(detect_ambiguities(ScratchRS; recursive = true))
end

# The texts of all docstrings of a name.
function docstrings(name)
    # The docstring of a module is stored in the module.
    value = getfield(ScratchRS, name)
    owner = value isa Module ? value : ScratchRS
    binding = Base.Docs.Binding(owner, name)
    # Beside the function, or where the name is declared public.
    for mod in (owner, binding.mod)
        multidoc = get(Base.Docs.meta(mod), binding, nothing)
        multidoc === nothing || return [join(doc.text) for doc in values(multidoc.docs)]
    end
    return String[]
end

@testset "every public name has a docstring" begin
    for name in [EXPORTED; PUBLIC]
        texts = docstrings(name)
        @test !isempty(texts)
        @test all(text -> length(strip(text)) > 20, texts)
    end
end

# The keywords in the signatures of a docstring, which are its indented first lines.
function documented_keywords(text)
    lines = split(strip(text, '\n'), '\n')
    signatures = collect(Iterators.takewhile(line -> startswith(line, "    ") || isempty(line), lines))
    # Further lines of a signature are indented more.
    text = replace(join(signatures, '\n'), r"\n {5,}" => " ")
    keywords = Symbol[]
    for signature in split(text, '\n')
        parts = split(first(split(signature, ") ->")), ';')
        length(parts) == 2 || continue
        for found in eachmatch(r"(\w+)\s*=", parts[2])
            push!(keywords, Symbol(found[1]))
        end
    end
    return keywords
end

@testset "the keywords of docstrings are those of methods" begin
    for name in [EXPORTED; PUBLIC]
        value = getfield(ScratchRS, name)
        value isa Function && !startswith(string(name), "@") || continue
        keywords = Symbol[]
        for method in methods(value)
            append!(keywords, Base.kwarg_decl(method))
        end
        filter!(keyword -> !endswith(string(keyword), "..."), keywords)
        documented = Symbol[]
        foreach(text -> append!(documented, documented_keywords(text)), docstrings(name))
        @test sort(unique(documented)) == sort(unique(keywords))
    end
    @test sort(unique(vcat(documented_keywords.(docstrings(:get_scratch!))...))) == [:depot, :version]
end

@testset "references have targets" begin
    for name in [EXPORTED; PUBLIC], text in docstrings(name)
        for found in eachmatch(r"\[`([^`]+)`\]\(@ref\)", text)
            target = Symbol(replace(found[1], "ScratchRS." => ""))
            @test !isempty(docstrings(target))
        end
    end
end
