# The artifacts that contain the library. Runs when the package is precompiled, and never again.
module Binding

import ...ScratchRS: @seldom_run, LibraryNotFound, source_file
using ...ScratchRS.Setup: Libdl, depend_on, parse_toml, preference
@seldom_run

# Pkg installs what `Artifacts.toml` binds when it installs the package, like the artifact of a
# JLL. A working copy is bound by `cargo xtask artifact`, in `JuliaArtifacts.toml`, which Julia
# prefers. The choice among the bound artifacts is made when the package is precompiled, the
# search in the depots when it is loaded: no path is stored.

# The artifacts that contain a library, by binding, the preferred one first.
const ARTIFACTS = ("jlrs" => "libscratchrs_jlrs", "portable" => "libscratchrs")

# The platform tags of the running Julia, as `Artifacts.toml` has them.
function host_tags()
    tags = Dict("arch" => String(Sys.ARCH), "julia_version" => "$(VERSION.major).$(VERSION.minor)")
    if Sys.islinux()
        tags["os"] = "linux"
        tags["libc"] = occursin("musl", Sys.MACHINE) ? "musl" : "glibc"
    else
        tags["os"] = Sys.isapple() ? "macos" : Sys.iswindows() ? "windows" : "freebsd"
    end
    return tags
end

# Whether an entry of `Artifacts.toml` is for this platform: no tag that both have differs.
function is_for(entry, tags)
    for (tag, value) in tags
        bound = get(entry, tag, value)
        # A library is for a minor version of Julia, whatever the patch.
        tag == "julia_version" && (bound = join(split(bound, '.')[1:2], '.'))
        bound == value || return false
    end
    return true
end

# The artifacts that are bound for this platform: pairs of a binding and a tree hash, the preferred one
# first.
function bound_artifacts(package::String)
    for name in ("JuliaArtifacts.toml", "Artifacts.toml")
        file = joinpath(package, name)
        if !isfile(file)
            # Since Julia 1.10, a dependency on a missing file would precompile the package in every
            # session. The directory changes when the file is created.
            depend_on(package)
            continue
        end
        depend_on(file)
        table = parse_toml(file)
        tags = host_tags()
        bound = Pair{String, String}[]
        for (binding, artifact) in ARTIFACTS, entry in get(table, artifact, [])
            is_for(entry, tags) && push!(bound, binding => entry["git-tree-sha1"])
        end
        return bound
    end
    return Pair{String, String}[]
end

# The bound artifacts, and the binding that the user prefers, when the package was precompiled.
const BOUND = bound_artifacts(dirname(dirname(@__DIR__)))
const PREFERRED = something(preference("binding"), "")

# The path of the library below the directory of its artifact.
library_file(binding) =
    joinpath("lib", string("lib", binding == "jlrs" ? "scratchrs_jlrs" : "scratchrs", '.', Libdl.dlext))

# The depots `now`, then those of `before` that are not among them. Relative ones of `before` are resolved
# against the directory that was the current one then.
all_depots(now::Vector{String}, before::Vector{String}, directory::String) =
    union(now, [joinpath(directory, depot) for depot in before])

# The current directory; "" if it is gone.
function current_directory()
    try
        return pwd()
    catch error
        error isa Base.IOError || rethrow()
        return ""
    end
end

# The directory of an artifact if depots have files `Overrides.toml`: the one that they name, or the one where
# the artifact is installed; `nothing` if it is not.
function overridden_directory(hash::String, depots::Vector{String})
    files = filter(isfile, [joinpath(depot, "artifacts", "Overrides.toml") for depot in depots])
    tables = map(parse_toml, files)
    seen = String[]
    while !(hash in seen)
        push!(seen, hash)
        replacement = override_of(hash, tables)
        if isempty(replacement)
            installed = [joinpath(depot, "artifacts", hash) for depot in depots]
            found = findfirst(isdir, installed)
            return found === nothing ? nothing : installed[found]
        end
        isabspath(replacement) && return replacement
        hash = replacement
    end
    # The overrides form a circle.
    return nothing
end

# The replacement of a hash in the first file that has one; "" if there is none.
function override_of(hash::String, tables)
    for table in tables
        replacement = get(table, hash, nothing)
        replacement isa String && return replacement
    end
    return ""
end

# The error if no library fits; `wanted` is the required binding, or "".
function library_not_found(wanted)
    package = package_directory()
    julia = "Julia $(VERSION.major).$(VERSION.minor) on $(Sys.MACHINE)"
    if isempty(BOUND)
        return LibraryNotFound("no native library for $julia is bound in $package", how_to_bind(package))
    end
    name = isempty(wanted) ? "native library" : "native library with the binding `$wanted`"
    known = isempty(wanted) || wanted in first.(ARTIFACTS) ? "" :
        ", the bindings are `portable` and `jlrs`"
    depots = Native().all_depots()
    return LibraryNotFound(
        "there is no $name of this version for $julia in the depots $(join(depots, ", "))$known",
        is_added(package) ? "run `using Pkg; Pkg.instantiate()`" :
            "run `cargo xtask artifact` in $package",
    )
end

how_to_bind(package) = is_added(package) ?
    "this version has no library for this platform; build one in a working copy: run " *
    "`using Pkg; Pkg.develop(\"ScratchRS\")`, and `cargo xtask artifact` in its directory" :
    "run `cargo xtask artifact` in $package"

Native() = parentmodule(@__MODULE__)

# The directory of this package in this session.
function package_directory()
    source = source_file(Base.PkgId(@__MODULE__).uuid)
    return source === nothing ? dirname(dirname(@__DIR__)) : dirname(dirname(source))
end

# Whether Pkg installed the package: it is in `packages/ScratchRS/<slug>` of a depot.
is_added(package) = basename(dirname(dirname(package))) == "packages"

end
