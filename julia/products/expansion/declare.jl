# The statements that declare what a package with products defines.

# The tools that such packages, and wrappers of BinaryBuilder, use.
function imports(mod::Module)
    libdl = defined(mod, :Libdl) === nothing ? [:(const Libdl = $(Setup.Libdl)), :(using .Libdl)] : [:(using .Libdl)]
    return isdefined(Base, :BinaryPlatforms) ? [libdl; :(using Base.BinaryPlatforms)] : libdl
end

# What is common to all packages. `artifact` is the name of the artifact.
function declare_common(artifact::String, platform)
    return quote
        """
            is_available()

        Return whether the artifact is available for the current platform.
        """
        function is_available end
        const PATH = $(Base.RefValue{String})("")
        const LIBPATH = $(Base.RefValue{String})("")
        const PATH_list = $(Vector{String})()
        const LIBPATH_list = $(Vector{String})()
        const host_platform = $platform
        eager_mode() = nothing
        dev_jll() = $(Base.invokelatest)($(Products.Development.develop), $artifact, host_platform)
    end
end

# The function that finds the artifact. `override` replaces it, or is `nothing`.
function declare_directory(mod, source, artifact, platform, override)
    directory = override === nothing ? ScratchRS.expand_artifact(artifact, platform, mod, source) : override
    return quote
        $(Setup.declare_global(:artifact_dir, String, ""))
        find_artifact_dir() = $directory
    end
end

# `constant` is the value of the variable on Julia 1.5.
function declare_library(mod::Module, name::Symbol, constant)
    return quote
        $(Setup.declare_global(handle_name(name), Ptr{Cvoid}, C_NULL))
        $(Setup.REQUIRES_CONSTANT_LIBRARY ? :(const $name = $constant) : Setup.declare_global(name, String, ""))
        $(declare_path(mod, name))
    end
end

function declare_file(mod::Module, name::Symbol)
    return quote
        $(Setup.declare_global(name, String, ""))
        $(declare_path(mod, name))
    end
end

function declare_executable(mod::Module, name::Symbol)
    path = path_name(name)
    documentation = """
        $name(; adjust_PATH = true, adjust_LIBPATH = true) -> Cmd
        $name(f; adjust_PATH = true, adjust_LIBPATH = true)

    The command that runs the executable `$name`, with the directories of executables and libraries that it needs in
    its environment; the second form calls `f` with its path while the environment of this process has them, which
    affects other tasks too.

    # Example
    ```julia
    run(`\$($name()) \$arguments`)
    ```
    """
    return quote
        $(Expr(:macrocall, GlobalRef(Core, Symbol("@doc")), LineNumberNode(0), documentation, :(function $name end)))
        function $name(; adjust_PATH::$Bool = true, adjust_LIBPATH::$Bool = true)
            return $(Base.invokelatest)(
                $(Products.Executables.command), $path, $mod, (PATH[], LIBPATH[]), (adjust_PATH, adjust_LIBPATH),
            )
        end
        function $name(f::$Function; adjust_PATH::$Bool = true, adjust_LIBPATH::$Bool = true)
            return $(Base.invokelatest)(
                $(Products.Executables.with_executable), f, $path, $mod, (PATH[], LIBPATH[]), (adjust_PATH, adjust_LIBPATH),
            )
        end
        $(declare_path(mod, name))
    end
end

# The path of a product: that which the user prefers, else `nothing` until the package is loaded.
function declare_path(mod::Module, name::Symbol)
    path = path_name(name)
    return quote
        $(Setup.declare_global(path, Union{Nothing, String}, preferred_path(mod, name)))
        $(getter_name(name))() = $path::$String
    end
end

function declare_product(mod::Module, kind::Symbol, name::Symbol, constant)
    kind === :library && return declare_library(mod, name, constant)
    kind === :executable && return declare_executable(mod, name)
    return declare_file(mod, name)
end
