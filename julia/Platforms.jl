# The platform that an artifact is built for, and that of the running Julia.
#
# Since 1.6 Base has tags of platforms, and rules to compare them. They are used directly, so that a
# platform with comparison rules of its own is treated as by Julia. Before, Pkg had a type for each
# operating system, with a few tags only; there the rules are those of the native library.
module Platforms

import ..@seldom_run
@seldom_run

@static if isdefined(Base, :BinaryPlatforms)
    using Base.BinaryPlatforms: AbstractPlatform, HostPlatform, Platform, select_platform, tags, triplet

    # The tags of a platform that have a value.
    tags_of(platform) =
        Dict{String, String}(tag => value for (tag, value) in tags(platform) if value !== nothing)

    host() = HostPlatform()

    # The platform of a triplet; `nothing` if this Julia does not know it.
    parsed(triplet) = tryparse(Platform, triplet)

    # The platform that an entry of a file of bindings is for. All its strings are tags.
    function platform_of(entry)
        values = Dict{String, String}(tag => value for (tag, value) in entry if value isa String)
        for tag in ("os", "arch", "git-tree-sha1")
            delete!(values, tag)
        end
        return Platform(entry["arch"], entry["os"], values)
    end

    function best_of(entries, platform, report)
        candidates = Dict{AbstractPlatform, Any}()
        for entry in entries
            try
                candidates[platform_of(entry)] = entry
            catch error
                error isa ArgumentError || rethrow()
                report(error.msg)
            end
        end
        return select_platform(candidates, platform)
    end
else
    import ..ScratchRS, ..Setup

    const Pkg = Setup.pkg()
    const AbstractPlatform = Pkg.BinaryPlatforms.Platform
    const triplet = Pkg.BinaryPlatforms.triplet

    function tags_of(platform)
        values = Dict{String, Any}()
        Base.invokelatest(Pkg.Artifacts.pack_platform!, values, platform)
        return Dict{String, String}(values)
    end

    host() = Base.invokelatest(Pkg.BinaryPlatforms.platform_key_abi)

    function parsed(triplet)
        platform = Base.invokelatest(Pkg.BinaryPlatforms.platform_key_abi, triplet)
        return platform isa Pkg.BinaryPlatforms.UnknownPlatform ? nothing : platform
    end

    select_platform(candidates, platform) =
        Base.invokelatest(Pkg.BinaryPlatforms.select_platform, candidates, platform)

    platform_of(entry) = Base.invokelatest(Pkg.Artifacts.unpack_platform, entry, "", "")

    # This also rules out entries for other versions of Julia.
    function best_of(entries, platform, report)
        described = String[]
        for entry in entries
            push!(described, "")
            for (tag, value) in entry
                value isa String && tag != "git-tree-sha1" && append!(described, (tag, value))
            end
        end
        host = collect(String, Iterators.flatten(tags_of(platform)))
        append!(host, ("julia_version", string(VERSION)))
        chosen = ScratchRS.Native.choose_platform(host, described)
        foreach(report, chosen.invalid)
        return chosen.number === nothing ? nothing : entries[chosen.number]
    end
end

# Logs that the entry of a name is invalid.
report(name, artifacts_toml, problem) =
    @error "Invalid artifacts file at $artifacts_toml: artifact '$name' $problem"

# The best of the entries of an artifact for a platform, or `nothing`. Invalid entries are logged as errors
# and ignored.
function choose(entries, platform, name, artifacts_toml)
    report(problem) =
        @error "Invalid artifacts file at '$artifacts_toml': platform-specific artifact entry '$name': $problem"
    valid = filter(entry -> is_for_one(entry, name, artifacts_toml), entries)
    return isempty(valid) ? nothing : best_of(valid, platform, report)
end

# Whether an entry names its platform. If it does not, an error is logged.
function is_for_one(entry, name, artifacts_toml)
    for key in ("os", "arch")
        entry isa Dict && get(entry, key, nothing) isa AbstractString && continue
        @error "Invalid artifacts file at '$artifacts_toml': platform-specific artifact entry '$name' missing '$key' key"
        return false
    end
    return true
end

end # module Platforms
