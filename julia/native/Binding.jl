# Where the library is: in the working copy, or in an artifact. Runs when the package is precompiled.
module Binding

import ...ScratchRS: @seldom_run, LibraryNotFound, source_file
import ..Refusal
using ...ScratchRS.Setup: Libdl, depend_on, parse_toml, preference
@seldom_run

# Pkg installs what `Artifacts.toml` binds when it installs the package, like the artifact of a
# JLL. A working copy is bound by `cargo xtask artifact`, in `JuliaArtifacts.toml`, which Julia
# prefers, and has its libraries in `override/` too, like a JLL in development: no depot is needed for
# them. What there is to choose from is decided when the package is precompiled, the search in the depots
# is done at the first call: no absolute path is stored.

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

# The artifacts in a table of bindings that are for this platform: pairs of a binding and a tree hash, the preferred
# one first.
function bound_artifacts(table)
    tags = host_tags()
    bound = Pair{String, String}[]
    for (binding, artifact) in ARTIFACTS, entry in get(table, artifact, [])
        is_for(entry, tags) && push!(bound, binding => entry["git-tree-sha1"])
    end
    return bound
end

# The platforms for which a table of bindings has a library, for messages.
function bound_platforms(table)
    entries = get(table, last(last(ARTIFACTS)), [])
    return sort!(unique([join([entry[tag] for tag in ("os", "arch", "libc") if haskey(entry, tag)], '-') for entry in entries]))
end

# The content of the file that binds the libraries.
function binding_table(package::String)
    for name in ("JuliaArtifacts.toml", "Artifacts.toml")
        file = joinpath(package, name)
        if !isfile(file)
            # Since Julia 1.10, a dependency on a missing file would precompile the package in every
            # session. The directory changes when the file is created.
            depend_on(package)
            continue
        end
        depend_on(file)
        return parse_toml(file)
    end
    return Dict{String, Any}()
end

# The libraries in `override/` of a working copy: pairs of a binding and a path in the working copy, the preferred
# one first. That a file appears or vanishes makes the precompiled package stale; that it changes does not,
# as nothing of its content is stored.
function own_libraries(package::String)
    found = Pair{String, String}[]
    for (binding, _) in ARTIFACTS
        file = own_file(binding)
        depend_on(existing_directory(joinpath(package, dirname(file)), package))
        isfile(joinpath(package, file)) && push!(found, binding => file)
    end
    return found
end

# The path of a library in the working copy. Each minor version of Julia has its own library for jlrs.
function own_file(binding)
    directory, file = splitdir(joinpath("override", library_file(binding)))
    return binding == "jlrs" ? joinpath(directory, "julia-$(VERSION.major).$(VERSION.minor)", file) :
        joinpath(directory, file)
end

# The directory, or the nearest one above that exists.
existing_directory(directory, top) =
    directory == top || isdir(directory) ? directory : existing_directory(dirname(directory), top)

# The path of a library below the directory of its artifact, with the layout of a JLL.
library_file(binding) =
    joinpath(Sys.iswindows() ? "bin" : "lib", string("lib", binding == "jlrs" ? "scratchrs_jlrs" : "scratchrs", '.', Libdl.dlext))

# The bound artifacts, the libraries of the working copy, and the binding that the user prefers, when the package
# was precompiled.
const BOUND, PLATFORMS, OWN = let package = dirname(dirname(@__DIR__)), table = binding_table(package)
    bound_artifacts(table), bound_platforms(table), own_libraries(package)
end
const PREFERRED = something(preference(Base.PkgId(@__MODULE__).uuid, "binding"), "")

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
    name = isempty(wanted) ? "native library" : "native library with the binding `$wanted`"
    known = isempty(wanted) || wanted in first.(ARTIFACTS) ? "" :
        ", the bindings are `portable` and `jlrs`"
    if isempty(BOUND) && isempty(OWN)
        built = isempty(PLATFORMS) ? "" : "; there are libraries for $(join(PLATFORMS, ", "))"
        return LibraryNotFound(
            "there is no $name for $(this_julia()) in $package$built$known", how_to_bind(package),
        )
    end
    refused = refused_library(wanted, package)
    refused === nothing || return LibraryNotFound(refused...)
    depots = Native().all_depots()
    own = isempty(OWN) ? "" : "$(joinpath(package, "override")) and "
    return LibraryNotFound(
        "there is no $name of this version for $(this_julia()) in $(own)the depots $(join(depots, ", "))$known",
        is_added(package) ? "run `using Pkg; Pkg.instantiate()`" : how_to_build(package),
    )
end

# What is wrong with the first library that was found, and what to do; `nothing` if none was found.
function refused_library(wanted, package)
    for (binding, file) in OWN
        isempty(wanted) || wanted == binding || continue
        return Refusal.of_library(joinpath(package, file), package, Native().ABI, how_to_build(package))
    end
    for (binding, hash) in BOUND
        isempty(wanted) || wanted == binding || continue
        path = Native().find_in_artifact(hash, library_file(binding))
        path === nothing && continue
        artifact = dirname(dirname(path))
        remedy = !is_added(package) ? how_to_build(package) :
            basename(artifact) == hash ? "delete `$artifact`, and run `using Pkg; Pkg.instantiate()`" :
            "remove the entry for $hash from the `Overrides.toml` files of the depots"
        return Refusal.of_library(path, package, Native().ABI, remedy)
    end
    return nothing
end

# Says once, when a working copy without a library is loaded, what to do. An installed package says it at the
# first call only: on a platform without a library, other packages may load it and never call it.
function say_missing()
    package = package_directory()
    is_added(package) && return
    @warn(
        "ScratchRS has no native library for $(this_julia()) yet: $(how_to_build(package))",
        _module = nothing, _file = nothing, _line = nothing,
    )
end

this_julia() = "Julia $(VERSION.major).$(VERSION.minor) on $(Sys.MACHINE)"

how_to_bind(package) = is_added(package) ?
    "this version has no library for this platform; build one in a working copy: run " *
    "`using Pkg; Pkg.develop(\"ScratchRS\")`, and `cargo xtask artifact` in its directory" :
    how_to_build(package)

how_to_build(package) = "run `cargo xtask artifact` in $package"

Native() = parentmodule(@__MODULE__)

# The directory of this package in this session.
function package_directory()
    source = source_file(Base.PkgId(@__MODULE__).uuid)
    return source === nothing ? dirname(dirname(@__DIR__)) : dirname(dirname(source))
end

# Whether Pkg installed the package: it is in `packages/ScratchRS/<slug>` of a depot.
is_added(package) = basename(dirname(dirname(package))) == "packages"

end
