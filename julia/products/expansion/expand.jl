# `@products`.

function expand_products(mod::Module, source::LineNumberNode, artifact, arguments)
    file = file_of(source)
    refuse(problem) = throw(ArgumentError("`@products` in $(source.file):$(source.line): $problem"))
    name = Core.eval(mod, artifact)
    name isa AbstractString || refuse("the name of the artifact is not a text: $(repr(name))")
    products = Product[product_of(mod, argument, refuse) for argument in arguments]
    check_names(products, refuse)
    defined(mod, :__init__) === nothing || refuse(
        "the module $(nameof(mod)) has an `__init__` already: declare the products in a module inside it",
    )
    return esc(expanded(mod, source, file, String(name), products, refuse))
end

function expanded(mod::Module, source, file, artifact::String, products, refuse)
    package = package_directory(file)
    is_jll(mod) && foreach(statement -> Core.eval(mod, statement), imports(mod))
    load_augmentation(mod, package)
    augmented = augmented_platform(mod)
    platform = something(augmented, ScratchRS.host_platform())
    override = override_of(package)
    if override === nothing
        bound = bound_artifact(artifact, file, mod, refuse)
        entry = entry_for(bound, artifact, platform)
        entry === nothing &&
            return unavailable(mod, artifact, augmented, products, reason_of_absence(mod, artifact, bound, platform, package))
        place = place_of(entry)
    else
        place = Place(override, true, false)
    end
    dependencies = load_dependencies(mod, project_of(file), refuse)
    initial = map(products) do product
        init_product(mod, product.kind, product.name, path_expression(mod, product, place, artifact, refuse), product.flags)
    end
    return block(
        is_jll(mod) ? Setup.interpreting(mod) : nothing,
        declare_common(artifact, augmented),
        declare_directory(mod, source, artifact, platform, override),
        Setup.declare_global(:best_wrapper, Union{Nothing, String}, file),
        (declare_product(mod, it.kind, it.name, constant_path(it, place)) for it in products)...,
        is_jll(mod) ? Expr(:export, (product.name for product in products)...) : nothing,
        :(is_available() = true),
        :(function __init__()
            $(block(init_header(mod, dependencies), initial..., init_footer()))
        end),
        :($precompile_session($mod)),
    )
end

# The expression of a product's path, unless the user prefers another.
function path_expression(mod::Module, product::Product, place::Place, artifact, refuse)
    found = place.directory === nothing ? nothing : located(product, place.directory)
    found === nothing && place.is_complete && preferred_path(mod, product.name) === nothing &&
        refuse(missing_in_artifact(product, artifact, place.directory))
    found !== nothing && place.is_fixed && return :($(Base.joinpath)(artifact_dir, $found))
    usual = usual_path(product.kind, product.paths)
    return :($(Products.product_path)(artifact_dir, $usual, $(QuoteNode(product.kind)), $(product.paths)))
end

# The declarations of a package without an artifact for this platform.
function unavailable(mod, artifact, augmented, products, reason)
    names = reduce(vcat, map(names_of, products); init = Symbol[])
    return block(
        declare_common(artifact, augmented),
        Setup.declare_global(:best_wrapper, Union{Nothing, String}, nothing),
        :(find_artifact_dir() = $error($reason)),
        :(is_available() = false),
        :(__init__() = $(Base.invokelatest)($(Products.Refusal.explain_undefined), $names, $mod, $reason)),
    )
end

# What Julia calls when it loads the package is stored in its precompiled file.
function precompile_session(mod::Module)
    ccall(:jl_generating_output, Cint, ()) == 1 || return
    foreach(name -> precompile(defined(mod, name), ()), (:find_artifact_dir, :eager_mode))
    # Julia interprets that of a JLL.
    is_jll(mod) || precompile(defined(mod, :__init__), ())
    return
end

# The path of a library for `ccall` on Julia 1.5.
constant_path(product::Product, place::Place) =
    path_in(something(place.directory, ""), product.kind, product.paths)

function missing_in_artifact(product::Product, artifact, directory)
    names = [file for path in product.paths for file in file_names(product.kind, path)]
    beside = String[]
    for parent in unique!(map(dirname, product.paths))
        isdir(joinpath(directory, parent)) && append!(beside, joinpath.(parent, readdir(joinpath(directory, parent))))
    end
    there = isempty(beside) ? "" : "; it has $(listing(sort!(beside)[1:min(end, 10)]))"
    return "the product `$(product.name)` is missing in the artifact `$artifact` in `$directory`, which has no " *
        "$(join(("`$name`" for name in names), " or "))$there. Correct the product, or bind an artifact that has it."
end

# One block of statements.
function block(parts...)
    statements = Any[]
    for part in parts
        part === nothing && continue
        Meta.isexpr(part, :block) ? append!(statements, part.args) : push!(statements, part)
    end
    return Expr(:block, statements...)
end
