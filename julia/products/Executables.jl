# Running executables with the environment that they need.
module Executables

import ...ScratchRS: @seldom_run
import ..SEPARATOR, ..Products
@seldom_run

# The environment variable with the directories in which the system searches libraries, and its value if it is not
# set.
const LIBRARY_PATH, DEFAULT_LIBRARY_PATH =
    Sys.iswindows() ? ("PATH", "") :
    Sys.isapple() ? ("DYLD_FALLBACK_LIBRARY_PATH", "~/lib:/usr/local/lib:/lib:/usr/lib") :
    ("LD_LIBRARY_PATH", "")

# The directories of Julia's own libraries, which those of packages may need. Not normalised: users search for
# `Sys.BINDIR` in them.
function libraries_of_julia()
    libraries = joinpath(Sys.BINDIR, Base.LIBDIR)
    directories = [joinpath(libraries, "julia"), libraries]
    return Sys.iswindows() ? [directories; Sys.BINDIR] : directories
end

# The command that runs an executable of a package. `lists` are the values of its `PATH` and `LIBPATH`, `adjusts`
# says which of them the environment gets.
function command(executable::String, package::Module, lists, adjusts)
    check(executable, package)
    return setenv(Cmd([executable]), adjusted!(copy(ENV), lists..., adjusts...))
end

# Calls `f` with the path of an executable, in its environment.
function with_executable(f, executable::String, package::Module, lists, adjusts)
    check(executable, package)
    return with_environment(f, executable, lists..., adjusts...)
end

# A path without a directory, which only a preference can name, is searched by the system.
function check(executable, package)
    isempty(dirname(executable)) || isfile(executable) || Products.Refusal.of_missing(executable, package)
    return
end

function with_environment(f, executable, path, library_path, adjusts_path, adjusts_library_path)
    environment = Dict{String, String}(name => get(ENV, name, "") for name in ("PATH", LIBRARY_PATH))
    adjusted!(environment, path, library_path, adjusts_path, adjusts_library_path)
    return withenv(() -> f(executable), environment...)
end

# Puts the directories of executables and of libraries before those that an environment has.
function adjusted!(environment, path, library_path, adjusts_path, adjusts_library_path)
    if adjusts_library_path
        before = get(environment, LIBRARY_PATH, expanduser(DEFAULT_LIBRARY_PATH))
        environment[LIBRARY_PATH] = prepended(library_path, before)
    end
    # On Windows, libraries are searched in `PATH` too: once is enough.
    if adjusts_path && !(adjusts_library_path && LIBRARY_PATH == "PATH")
        environment["PATH"] = prepended(path, get(environment, "PATH", ""))
    end
    return environment
end

prepended(directories, before) = isempty(before) ? directories : string(directories, SEPARATOR, before)

end
