# What is wrong with a product that can't be used.
module Refusal

import ...ScratchRS: @seldom_run, NotFound, Setup
@seldom_run

# Throws the error of a library that can't be loaded.
function of_library(path::String, flags::UInt32, package::Module)
    isempty(dirname(path)) || isfile(path) || of_missing(path, package)
    # Its message has the reason of the system.
    return Setup.Libdl.dlopen(path, flags)
end

function of_missing(path::String, package::Module)
    directory = isdefined(package, :artifact_dir) ? package.artifact_dir : dirname(path)
    hint = if !startswith(path, joinpath(directory, ""))
        "correct or remove its preference in `LocalPreferences.toml`"
    elseif basename(directory) == "override"
        "build it there, or delete `$directory` to use the artifact again"
    elseif !isdir(directory)
        "the artifact was deleted: run `using Pkg; Pkg.instantiate()`"
    else
        "the artifact is not complete: delete `$directory`, and run `using Pkg; Pkg.instantiate()`"
    end
    throw(NotFound("a product of $(nameof(package)) is missing: there is no `$path`", path, 0, hint))
end

# Explains the names of a package without an artifact for this platform, where Julia says that they are not defined.
function explain_undefined(names, package::Module, reason::String)
    Base.Experimental.register_error_hint(UndefVarError) do io, error
        in_package = hasfield(UndefVarError, :scope) && error.scope === package
        error.var in names || in_package || return
        print(io, '\n', reason)
    end
    return
end

end
