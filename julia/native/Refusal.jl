# Why a library or the program that was found is not used. Runs for an error message only.
module Refusal

using ...ScratchRS: @seldom_run
using ...ScratchRS.Setup: Libdl, parse_toml
@seldom_run

# What is wrong with a library of the package at `package`, and what to do; `nothing` if it can be used.
# `remedy` says how to get another library.
function of_library(path::String, package::String, abi::UInt64, remedy::String)
    handle = try
        Libdl.dlopen(path)
    catch error
        error isa ErrorException || rethrow()
        message = "the native library `$path` can't be loaded"
        mount = noexec_mount(path)
        mount === nothing && return string(message, ": ", error.msg), remedy
        return string(message, because_of(mount)), exec_hint(mount)
    end
    has(name) = Libdl.dlsym_e(handle, name) != C_NULL
    has("scratchrs_abi") || return "`$path` is not a library of ScratchRS", remedy
    ccall(Libdl.dlsym(handle, "scratchrs_abi"), UInt64, ()) == abi && return nothing
    version(name) = unsafe_string(ccall(Libdl.dlsym(handle, name), Cstring, ()))
    theirs = has("scratchrs_version") ? version("scratchrs_version") : "an unknown version"
    ours = get(parse_toml(joinpath(package, "Project.toml")), "version", "an unknown version")
    both = theirs == ours ? "both are $ours, of different builds" : "the library is $theirs, the package $ours"
    return "the native library `$path` does not fit the package in $package: $both", remedy
end

# The same for the program.
function of_program(path::String)
    Sys.isexecutable(path) && return nothing
    mount = noexec_mount(path)
    message = "the program `$path` can't be run"
    mount === nothing && return "$message: it is not executable", "run `chmod +x $path`"
    return string(message, because_of(mount)), exec_hint(mount)
end

because_of(mount) = ": `$mount` is mounted with the option `noexec`"
exec_hint(mount) =
    "have `$mount` mounted without `noexec`, or put a depot elsewhere first in `JULIA_DEPOT_PATH` and run " *
    "`using Pkg; Pkg.instantiate()`"

# Where the file system of a file is mounted, if it is mounted with the option `noexec`; else `nothing`. Only Linux
# tells.
function noexec_mount(path::String)
    file = "/proc/self/mountinfo"
    Sys.islinux() && isfile(file) || return nothing
    return noexec_mount(realpath(path), read(file, String))
end

# The same from the text of a `mountinfo`: the last line of the longest directory above the file.
function noexec_mount(path::String, mounts::String)
    found, options = "", ""
    for line in split(mounts, '\n'; keepempty = false)
        fields = split(line, ' ')
        directory = unescaped(fields[5])
        is_above = directory == "/" || path == directory || startswith(path, directory * "/")
        is_above && length(directory) >= length(found) || continue
        found, options = directory, fields[6]
    end
    return "noexec" in split(options, ',') ? found : nothing
end

# A directory without the octal escapes of `mountinfo`. Each stands for an ASCII character.
unescaped(text) = replace(text, r"\\[0-7]{3}" => escape -> Char(parse(Int, SubString(escape, 2); base = 8)))

end
