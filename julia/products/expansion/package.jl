# The package that declares products, and what its directory says.

# The file of a macro call, as an absolute path.
file_of(source::LineNumberNode) = ScratchRS.source_of(source)

# The project file of the package that a source file belongs to; `nothing` if it belongs to none.
function project_of(file::String)
    project = Base.current_project(isdir(file) ? file : dirname(file))
    return project === nothing ? nothing : abspath(project)
end

# The directory of the package.
function package_directory(file::String)
    project = project_of(file)
    return project === nothing ? (isdir(file) ? file : dirname(file)) : dirname(project)
end

# The directory `override` of a package in development, which replaces the artifact; `nothing` if there is none. The
# precompiled package becomes stale when it appears or vanishes.
function override_of(package::String)
    directory = joinpath(package, "override")
    Setup.depend_on(isdir(directory) ? directory : package)
    return isdir(directory) ? directory : nothing
end

# Whether a module is a JLL: its name says so. Others have code of their own, which should not be interpreted, and
# export what they choose.
is_jll(mod::Module) = endswith(string(nameof(mod)), "_jll")

# The path that the user prefers for a product; `nothing` if the artifact has it.
preferred_path(mod::Module, name::Symbol) = Setup.preference(Base.PkgId(mod).uuid, string(path_name(name)))

# The platform of the running Julia with the tags that the package adds: `nothing` if it adds none.
function augmented_platform(mod::Module)
    augment = defined(mod, :augment_platform!)
    return augment === nothing ? nothing : Base.invokelatest(augment, Platforms.host())
end

# Defines `augment_platform!` as BinaryBuilder lays out packages, unless the module has it.
function load_augmentation(mod::Module, package::String)
    file = joinpath(package, ".pkg", "platform_augmentation.jl")
    defined(mod, :augment_platform!) === nothing && isfile(file) && Base.include(mod, file)
    return
end

# What a name of a module stands for, which may be newer than the running code; `nothing` if it is not defined.
defined(mod::Module, name::Symbol) =
    Base.invokelatest(isdefined, mod, name) ? Base.invokelatest(getfield, mod, name) : nothing
