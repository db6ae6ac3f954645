# Packages as BinaryBuilder lays them out: a file for each platform in `src/wrappers`, named by its triplet.

main_header(mod::Module) = esc(block(Setup.interpreting(mod), imports(mod)...))

# Chooses the file for this platform and includes it.
function main_file(mod::Module, source::LineNumberNode, artifact::String)
    file = file_of(source)
    refuse(problem) = throw(ArgumentError("$(source.file): $problem"))
    augmented = augmented_platform(mod)
    platform = something(augmented, ScratchRS.host_platform())
    bound = bound_artifact(artifact, file, mod, refuse)
    wrapper = wrapper_for(bound, artifact, platform, joinpath(dirname(file), "wrappers"))
    if wrapper === nothing
        reason = reason_of_absence(mod, artifact, bound, platform, package_directory(file))
        @debug reason
    end
    return esc(block(
        declare_common(artifact, augmented),
        Setup.declare_global(:best_wrapper, Union{Nothing, String}, wrapper),
        wrapper === nothing ? nothing : :($(Base.include)($mod, $wrapper)),
        :(is_available() = $(wrapper !== nothing)),
    ))
end

# The file for a platform; `nothing` if there is none.
function wrapper_for(bound::Bound, artifact, platform, directory)
    bound.entries isa Dict && return joinpath(directory, "any.jl")
    files = Dict{Platforms.AbstractPlatform, String}()
    for name in readdir(directory)
        target = endswith(name, ".jl") ? Platforms.parsed(name[1:end-3]) : nothing
        target === nothing || (files[target] = joinpath(directory, name))
    end
    # The names may lack tags that the bindings have.
    available = Dict{Platforms.AbstractPlatform, String}()
    for entry in bound.entries
        target = ScratchRS.unpack_platform(entry, artifact, bound.file)
        wrapper = target === nothing ? nothing : Platforms.select_platform(files, target)
        wrapper === nothing || (available[target] = wrapper)
    end
    return Platforms.select_platform(available, platform)
end

# What the file for a platform begins with.
function wrapper_header(mod::Module, source::LineNumberNode, artifact::String)
    platform = defined(mod, :host_platform)
    override = override_of(package_directory(file_of(source)))
    return esc(declare_directory(mod, source, artifact, platform, override))
end

wrapper_declaration(mod::Module, kind, name, soname) = esc(declare_product(mod, kind, name, soname))

wrapper_init_header(mod::Module, dependencies) = esc(init_header(mod, dependencies))

# `path` is relative to the artifact.
wrapper_init(mod::Module, kind, name, path, flags) =
    esc(init_product(mod, kind, name, :($(Base.joinpath)(artifact_dir, $path)), flags))

wrapper_init_footer() = esc(init_footer())
