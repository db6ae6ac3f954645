# Which artifacts hold the library. Runs when the package is precompiled, and never again.
module Binding

import ...ScratchRS: @seldom_run, LibraryNotFound
using ...ScratchRS.Setup: Libdl, depend_on, parse_toml, preference
@seldom_run

# Pkg installs what `Artifacts.toml` binds when it installs the package, like the artifact of a
# JLL. A working copy is bound by `cargo xtask artifact`, in `JuliaArtifacts.toml`, which Julia
# prefers. The choice among the bound artifacts is made when the package is precompiled, the
# search in the depots when it is loaded: no path is stored.

# The artifacts that hold a library, with the binding that it is for, the preferred one first.
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

# What is bound for this platform: pairs of a binding and the tree hash of its artifact, the
# preferred one first.
function bound_artifacts(package::String)
    for name in ("JuliaArtifacts.toml", "Artifacts.toml")
        file = joinpath(package, name)
        depend_on(file)
        isfile(file) || continue
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

# What is bound, and the binding that the user prefers, when the package was precompiled.
const BOUND = bound_artifacts(dirname(dirname(@__DIR__)))
const PREFERRED = something(preference("binding"), "")

# The path of the library below the directory of its artifact.
library_file(binding) =
    joinpath("lib", string("lib", binding == "jlrs" ? "scratchrs_jlrs" : "scratchrs", '.', Libdl.dlext))

# The error where no library fits; `wanted` is the binding that was insisted on, or "".
function library_not_found(wanted)
    name = isempty(wanted) ? "native library" : "native library with the binding `$wanted`"
    known = isempty(wanted) || wanted in first.(ARTIFACTS) ? "" :
        ", the bindings are `portable` and `jlrs`"
    return LibraryNotFound(
        "there is no $name of this version for Julia $(VERSION.major).$(VERSION.minor) on " *
        "$(Sys.MACHINE) in the depots $(join(DEPOT_PATH, ", "))$known",
        "run `cargo xtask artifact` in a working copy, or `using Pkg; Pkg.instantiate()` where " *
        "the package was added",
    )
end

# Better no precompiled package than one that was made without a library to look for.
isempty(BOUND) && throw(library_not_found(""))

end
