# All code that depends on the version of Julia, and macros that keep the precompiled file small.

# Makes Julia interpret the functions of a module: for functions that run once in a session, or only when the
# package is precompiled: compiling them would take longer than running them.
macro seldom_run()
    @static if isdefined(Base.Experimental, Symbol("@compiler_options"))
        return :(Base.Experimental.@compiler_options optimize = 0 compile = min infer = no)
    else
        return nothing
    end
end

# Before Julia 1.6 there is no standard library with a macro of the same name, so it is exported.
@static if VERSION < v"1.6"
    export @artifact_str
end

# `@outside f(x)` and `@outside(f(x))::T`: calls `f` without compiling anything of it into the caller. Only
# for functions that packages call in their `__init__`: their code is stored in the precompiled file,
# and loading it takes a millisecond for each 100 KiB.
#
# Measured on Julia 1.10.8, where the precompiled file has 2,060 KiB: what a plain call would add.
#
#     all of the following                           538 KiB
#     track_after                                    394 KiB
#     atexit                                         262 KiB
#     isfile, active_project, current_project        211 KiB    (in `unless_denied`)
#     Base.load_path_expand                          198 KiB
#     warn_of_removed                                191 KiB
#     abspath                                        105 KiB
#     dirname                                        100 KiB
#     isfile                                          99 KiB    (in `find_in_artifact`)
#     UUID                                            94 KiB
#     error_of                                        22 KiB
#     path_of_missing                                120 ms of the first `artifact"…"`
#     install_bound, wait_for_other, warnings        600 ms of the first `ensure_artifact_installed` (Julia 1.12)
#     lock(::ReentrantLock)                          260 KiB    (in `artifact_path`)
macro outside(expression)
    is_typed = expression.head === :(::)
    call = is_typed ? expression.args[1] : expression
    invoked = Expr(:call, Base.invokelatest, map(esc, call.args)...)
    return is_typed ? Expr(:(::), invoked, esc(expression.args[2])) : invoked
end

# The main file of a package that is loaded, or being loaded: in its `__init__`, Julia 1.12 knows
# the origin of a package that is not among the loaded modules yet. Julia 1.5 keeps no origins.
@static if isdefined(Base, :pkgorigins)
    function source_file(package::UUID)
        for (id, origin) in Base.pkgorigins
            id.uuid === package && origin.path !== nothing && return origin.path
        end
        return nothing
    end

    number_of_packages() = length(Base.pkgorigins)
else
    function source_file(package::UUID)
        for (id, mod) in Base.loaded_modules
            id.uuid === package || continue
            try
                return @outside Base.pathof(mod)
            catch error
                # It searches the load path, whose projects may be unreadable.
                error isa Base.IOError || rethrow()
                return nothing
            end
        end
        return nothing
    end

    number_of_packages() = length(Base.loaded_modules)
end

# Functions that run once, interpreted: they cost nothing when the package is loaded.
module Setup

using Base: UUID
import ..@seldom_run
@seldom_run

# The loader of libraries: in Base since 1.6, in a package of the system image before.
const Libdl = @static if isdefined(Base.Libc, :Libdl)
    Base.Libc.Libdl
else
    Base.require(Base.PkgId(UUID("8f399da3-3557-5675-b5ff-fb832c97cbdb"), "Libdl"))
end

# Pkg, which is part of Julia 1.5's system image.
pkg() = Base.require(Base.PkgId(UUID("44cfe95a-1eb2-52ea-b672-e2afdf69b78f"), "Pkg"))

# The standard library Dates.
dates() = Base.require(Base.PkgId(UUID("ade2ca70-3891-5945-98fb-dc099432e06a"), "Dates"))

# Reads a TOML file with the parser of the running Julia: in Base since 1.6, in Pkg before.
function parse_toml(path::String)
    @static if isdefined(Base, :parsed_toml)
        return Base.parsed_toml(path)
    else
        return Base.invokelatest(pkg().TOML.parsefile, path)
    end
end

# Parses TOML with the same parser.
function parse_toml_text(text::String)
    @static if isdefined(Base, :TOML)
        # Since 1.12 a type parameter says where the types of dates and times are.
        if Base.TOML.Parser isa UnionAll
            parser = Base.invokelatest(Base.TOML.Parser{dates()}, text)
            return Base.invokelatest(Base.TOML.parse, parser)
        end
        return Base.TOML.parse(Base.TOML.Parser(text))
    else
        return Base.invokelatest(pkg().TOML.parse, text)
    end
end

# Makes the precompiled package stale when the content of a file, or the list of the files in a
# directory, changes. Since 1.11 Julia compares the content; before, the time of the last change.
function depend_on(path::String)
    @static if VERSION >= v"1.11.0-DEV.1276"
        include_dependency(path; track_content = true)
    else
        include_dependency(path)
    end
end

# A preference of a package, from `LocalPreferences.toml` or the project file; the precompiled
# package becomes stale when it changes. Julia 1.5 has no preferences.
function preference(uuid::Union{Nothing, UUID}, name::String)
    @static if isdefined(Base, :get_preferences)
        uuid === nothing && return nothing
        Base.record_compiletime_preference(uuid, name)
        value = get(Base.get_preferences(uuid), name, nothing)
        return value === nothing ? nothing : string(value)
    else
        return nothing
    end
end

# The statement that declares a global variable. Since 1.9 it has a type in any module.
function declare_global(name::Symbol, type, value)
    @static if VERSION >= v"1.9-"
        return :(global $name::$type = $value)
    else
        return :(global $name = $value)
    end
end

# Whether `ccall` requires that the name of a library is a constant.
const REQUIRES_CONSTANT_LIBRARY = VERSION < v"1.6"

# The statement that makes Julia interpret the functions of a module, as `@seldom_run` does.
interpreting(mod::Module) =
    isdefined(Base.Experimental, Symbol("@compiler_options")) ?
    :(Core.eval($mod, :(Base.Experimental.@compiler_options optimize = 0 compile = min infer = no))) :
    :(Core.eval($mod, :(Base.Experimental.@optlevel 0)))

# Marks names as part of the interface without exporting them: a declaration since Julia 1.11.
function declare_public(mod::Module, lists...)
    VERSION >= v"1.11.0-DEV.469" || return
    for names in lists
        Core.eval(mod, Expr(:public, names...))
    end
end

end # module Setup

using .Setup: declare_public

# Settings of the running task. Child tasks inherit them if Julia has scoped values (since 1.11); other
# tasks never see them.
@static if isdefined(Base, :ScopedValues)
    const SCRATCH_DIRECTORY = Base.ScopedValues.ScopedValue{Union{Nothing, String}}(nothing)
    const ARTIFACTS_DIRECTORY = Base.ScopedValues.ScopedValue{Union{Nothing, String}}(nothing)

    of_task(setting) = setting[]

    with_setting(f, setting, value::String) = Base.ScopedValues.with(f, setting => value)
else
    const SCRATCH_DIRECTORY = :ScratchRS_directory
    const ARTIFACTS_DIRECTORY = :ScratchRS_artifacts_directory

    function of_task(setting::Symbol)
        # `task_local_storage()` would allocate a storage for each task that calls this.
        storage = current_task().storage
        storage === nothing && return nothing
        return get(storage::IdDict{Any, Any}, setting, nothing)::Union{Nothing, String}
    end

    with_setting(f, setting::Symbol, value::String) = task_local_storage(f, setting, value)
end
