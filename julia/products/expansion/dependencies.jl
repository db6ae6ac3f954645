# The JLLs that a package depends on.

# Their names and UUIDs, from a project file, in alphabetical order. A weak dependency may be missing.
function jll_dependencies(project::String)
    table = Setup.parse_toml(project)
    weak = get(table, "weakdeps", Dict{String, Any}())
    found = Pair{String, String}[]
    for (name, uuid) in get(table, "deps", Dict{String, Any}())
        endswith(name, "_jll") && !haskey(weak, name) && push!(found, name => uuid)
    end
    return sort!(found)
end

# Loads the JLLs that a package depends on into its module, and returns their names.
function load_dependencies(mod::Module, project::Union{Nothing, String}, refuse)
    project === nothing && return Symbol[]
    check_cycle([project], refuse)
    names = [Symbol(name) for (name, _) in jll_dependencies(project)]
    foreach(name -> Core.eval(mod, Expr(:using, Expr(:., name))), names)
    return names
end

# Refuses packages that depend on each other in a circle: each would have to be loaded before the other. `path` has
# the project files from the package to the dependency in question.
function check_cycle(path::Vector{String}, refuse, seen = Set{String}())
    for (name, uuid) in jll_dependencies(last(path))
        project = project_of_package(name, uuid)
        project === nothing && continue
        project == first(path) && refuse(
            "JLLs depend on each other in a circle, by the dependencies in " *
            "$(join(("`$file`" for file in path), ", then ")): remove one of them",
        )
        project in seen && continue
        push!(seen, project)
        check_cycle([path; project], refuse, seen)
    end
    return
end

# The project file of a package that can be loaded; `nothing` if it is not installed.
function project_of_package(name, uuid)
    source = Base.locate_package(Base.PkgId(UUID(uuid), name))
    return source === nothing ? nothing : project_of(source)
end
