# Packages with products, and artifacts for them.

const FOO, OTHER = "1a"^20, "2b"^20
const DLEXT = ScratchRS.Setup.Libdl.dlext

# Compiles a library with one function that returns a number. `uses` is the name and the directory of a library
# whose function it adds.
function library(path::String, name::String, value::Int; uses = nothing)
    source = joinpath(mktempdir(), "$name.c")
    declaration, sum, options = "", string(value), String[]
    if uses !== nothing
        other, directory = uses
        declaration, sum = "int $(other)_answer(void);\n", "$value + $(other)_answer()"
        options = ["-L$directory", "-l$other"]
    end
    write(source, "$(declaration)int $(name)_answer(void) { return $sum; }\n")
    mkpath(dirname(path))
    run(`$CC -shared -fPIC -Wl,-soname,$(basename(path)) -o $path $source $options`)
    return path
end

# Fills the directory of an artifact with a library, an executable that prints its environment, and a file.
function filled(directory::String, name::String = "foo"; value = 42, uses = nothing)
    library(joinpath(directory, "lib", "lib$name.$DLEXT"), name, value; uses = uses)
    executable = joinpath(mkpath(joinpath(directory, "bin")), name)
    write(executable, "#!/bin/sh\necho \"\$PATH|\$LD_LIBRARY_PATH|\$1\"\n")
    chmod(executable, 0o755)
    write(joinpath(mkpath(joinpath(directory, "share")), "$name.txt"), "text of $name")
    return directory
end

const UUIDS = Dict(
    "ScratchRS" => string(Base.PkgId(ScratchRS).uuid),
    "Foo_jll" => "f00f00f0-5efc-54fc-8249-22745bc95a49",
    "Bar_jll" => "ba4ba4ba-5efc-54fc-8249-22745bc95a49",
    "Foo" => "f00f00f0-1111-54fc-8249-22745bc95a49",
)

products(name) =
    """LibraryProduct("lib$name", :lib$name) ExecutableProduct("$name", :$name) FileProduct("share/$name.txt", :$(name)_txt)"""
two_lines(name) = "using ScratchRS\n@products \"$(uppercasefirst(name))\" $(products(name))"

# The entry that binds an artifact for a platform.
function binding(name, hash; tags = host_tags(), more = "")
    lines = ["$tag = \"$value\"" for (tag, value) in sort!(collect(tags); by = first)]
    return join(["[[$name]]"; "git-tree-sha1 = \"$hash\""; lines; more; ""], '\n')
end

host_tags() = ScratchRS.pack_platform!(Dict{String, Any}(), ScratchRS.host_platform())

other_tags() = Dict("os" => "macos", "arch" => "aarch64")

# Writes a package into a lab, and returns its directory.
function package(lab, name, body; artifacts = binding("Foo", FOO), depends = String[], files = [])
    directory = mkpath(joinpath(lab.root, "packages", name))
    dependencies = join("$it = \"$(UUIDS[it])\"\n" for it in ["ScratchRS"; depends])
    written = Dict(
        "Project.toml" => "name = \"$name\"\nuuid = \"$(UUIDS[name])\"\nversion = \"1.0.0\"\n\n[deps]\n$dependencies",
        "Artifacts.toml" => artifacts,
        "src/$name.jl" => startswith(body, "baremodule") ? body : "module $name\n$body\nend\n",
        files...,
    )
    for (file, text) in written
        path = joinpath(directory, file)
        mkpath(dirname(path))
        write(path, text)
    end
    return directory
end

# Calls `f(lab)` with the artifact `FOO` in the depot.
function with_foo(f)
    with_lab(stacked = true) do lab
        filled(in_depot(lab.depot, FOO))
        append!(LOAD_PATH, [REPO])
        try
            f(lab)
        finally
            ScratchRS.ARTIFACT_OVERRIDES[] = nothing
        end
    end
end

in_depot(depot, hash) = joinpath(depot, "artifacts", string(hash))

# Writes a package, and evaluates it in this session.
function evaluated_package(lab, body = two_lines("foo"); name = "Foo_jll", options...)
    directory = package(lab, name, body; options...)
    return Base.include(Module(), joinpath(directory, "src", "$name.jl"))
end

# The value of an expression in a module.
value(mod, text) = Core.eval(mod, Meta.parse(text))

# Whether a module has a name, and exports it. Modules may be newer than the running code.
has(mod, name) = Base.invokelatest(isdefined, mod, name)
exports(mod) = Base.invokelatest(names, mod)

# What is thrown when a package is evaluated, as text.
function refusal(lab, body; options...)
    error = thrown(() -> evaluated_package(lab, body; options...))
    while error isa LoadError
        error = error.error
    end
    return sprint(showerror, error)
end

# The command that runs code in another Julia, whose project has the packages of a lab.
function session(lab, code)
    packages = joinpath(lab.root, "packages")
    directories = Dict("ScratchRS" => REPO, (name => joinpath(packages, name) for name in readdir(packages))...)
    project = mkpath(joinpath(lab.root, "project"))
    entries = map(collect(directories)) do (name, directory)
        needs = keys(get(Pkg.TOML.parsefile(joinpath(directory, "Project.toml")), "deps", Dict()))
        depends = isempty(needs) ? "" : "deps = [$(join(map(repr, collect(needs)), ", "))]\n"
        return "[[$name]]\n$(depends)path = \"$directory\"\nuuid = \"$(UUIDS[name])\"\nversion = \"1.0.0\"\n"
    end
    write(joinpath(project, "Manifest.toml"), join(entries, '\n'))
    write(joinpath(project, "Project.toml"), "[deps]\n", join(("$name = \"$(UUIDS[name])\"\n" for name in keys(directories))))
    return child(code; project = project)
end

# The lines that such a session prints.
lines(lab, code) = split(chomp(outcome(session(lab, code)).out), '\n')
