"""
The macros of JLLWrappers 1.7, which packages made by BinaryBuilder call, and the functions that other packages use:
`import ScratchRS: JLLWrappers` replaces `import JLLWrappers`. To write a package by hand, use [`@products`](@ref).
"""
module JLLWrappers

import ...ScratchRS: @seldom_run
import ..Development, ..Executables, ..Expansion, ..SEPARATOR, ..libraries_of_julia
@seldom_run

const LIBPATH_env, LIBPATH_default = Executables.LIBRARY_PATH, Executables.DEFAULT_LIBRARY_PATH
const pathsep = first(SEPARATOR)
const adjust_ENV! = Executables.adjusted!
const withenv_executable_wrapper = Executables.with_environment
const get_julia_libpaths = libraries_of_julia

dev_jll(artifact) = Development.develop(artifact, nothing)

macro generate_main_file_header(artifact)
    return Expansion.main_header(__module__)
end

macro generate_main_file(artifact, package)
    return Expansion.main_file(__module__, __source__, artifact)
end

macro generate_wrapper_header(artifact)
    return Expansion.wrapper_header(__module__, __source__, artifact)
end

macro generate_init_header(dependencies...)
    return Expansion.wrapper_init_header(__module__, dependencies)
end

macro generate_init_footer()
    return Expansion.wrapper_init_footer()
end

macro declare_library_product(name, soname)
    return Expansion.wrapper_declaration(__module__, :library, name, soname)
end

macro declare_executable_product(name)
    return Expansion.wrapper_declaration(__module__, :executable, name, nothing)
end

macro declare_file_product(name)
    return Expansion.wrapper_declaration(__module__, :file, name, nothing)
end

macro init_library_product(name, path, flags)
    return Expansion.wrapper_init(__module__, :library, name, path, flags)
end

macro init_executable_product(name, path)
    return Expansion.wrapper_init(__module__, :executable, name, path, nothing)
end

macro init_file_product(name, path)
    return Expansion.wrapper_init(__module__, :file, name, path, nothing)
end

end
