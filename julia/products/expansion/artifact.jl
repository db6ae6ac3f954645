# The artifact that has the products, for the running Julia.

# The file of bindings of a package, and its entries for the artifact.
struct Bound
    file::String
    # A table: the artifact is for every platform. A list: for one each.
    entries::Union{Dict{String, Any}, Vector}
end

# Reads what a package binds to the name of an artifact.
function bound_artifact(name::String, source::String, mod::Module, refuse)
    file = ScratchRS.find_artifacts_toml(source)
    file === nothing && refuse("there is no `Artifacts.toml` that binds the artifact `$name` in `$(package_directory(source))`")
    Setup.depend_on(file)
    table = ScratchRS.load_artifacts_toml(file; pkg_uuid = Base.PkgId(mod).uuid)
    haskey(table, name) || refuse(
        "`$file` does not bind the artifact `$name`$(isempty(table) ? "" : "; it binds $(listing(keys(table)))")",
    )
    table[name] isa Union{Dict, Vector} || refuse("the entry of `$name` in `$file` is neither a table nor a list of tables")
    return Bound(file, table[name])
end

listing(texts) = join(("`$text`" for text in sort!(collect(texts))), ", ")

# The entry for a platform; `nothing` if there is none.
function entry_for(bound::Bound, name::String, platform)
    bound.entries isa Dict && return bound.entries
    return Platforms.choose(bound.entries, platform, name, bound.file)
end

# Where the products are while the package is precompiled.
struct Place
    # `nothing` if the artifact is not installed.
    directory::Union{Nothing, String}
    # Whether what is there is also there when the package is loaded.
    is_fixed::Bool
    # Whether a product that is missing there is a mistake of the author.
    is_complete::Bool
end

function place_of(entry)
    hash = ScratchRS.parsed_hash(get(entry, ScratchRS.HASH_KEY, nothing))
    hash !== nothing && ScratchRS.artifact_exists(hash) || return Place(nothing, false, false)
    # An `Overrides.toml` may change later.
    is_own = ScratchRS.query_override(hash) === nothing
    return Place(ScratchRS.artifact_path(hash), is_own, is_own)
end

# Why a package has no products on this platform.
function reason_of_absence(mod::Module, name::String, bound::Bound, platform, package::String)
    others = map(Platforms.triplet, filter(!isnothing, [ScratchRS.unpack_platform(it, name, bound.file) for it in bound.entries]))
    return "$(nameof(mod)) has no artifact for $(Platforms.triplet(platform)): `$(bound.file)` binds `$name` for " *
        "$(listing(unique(others))). Bind one for this platform there, or put its files into `$(joinpath(package, "override"))`."
end
