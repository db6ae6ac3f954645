# `dev_jll()`: the package of products in development.
module Development

import ...ScratchRS
import ...ScratchRS: @seldom_run, Setup
@seldom_run

# Has Pkg develop the package of an artifact, without changing the active project, and copies the artifact to
# `override/` in it, where its files can be replaced.
function develop(artifact, platform)
    pkg = Setup.pkg()
    name = string(artifact, "_jll")
    package = Base.invokelatest(check_out, pkg, name)
    override = joinpath(package, "override")
    if !isdir(override)
        file = joinpath(package, "Artifacts.toml")
        source = ScratchRS.ensure_artifact_installed(
            artifact, file; platform = something(platform, ScratchRS.host_platform()),
        )
        copy_writable(source, override)
    end
    # It is precompiled again, now without the artifact.
    touch(joinpath(package, "src", "$name.jl"))
    @info "$name is developed in $package, with its artifact in $override"
    return
end

# The directory of the developed package.
function check_out(pkg, name)
    mktempdir() do project
        pkg.activate(project) do
            pkg.develop(pkg.PackageSpec(name = name))
            pkg.instantiate()
        end
    end
    return joinpath(pkg.devdir(), name)
end

# Copies an artifact, whose files are read-only, completely or not at all.
function copy_writable(source, target)
    mktempdir(dirname(target)) do directory
        copied = cp(source, joinpath(directory, "override"))
        for (parent, _, files) in walkdir(copied), file in files
            path = joinpath(parent, file)
            islink(path) || chmod(path, filemode(path) | 0o200)
        end
        mv(copied, target)
    end
    return
end

end
