# The arguments of `@products`: what they say, and what is wrong with them.

# A library, an executable or a file in an artifact.
struct Product
    kind::Symbol
    name::Symbol
    # Where it may be in the artifact, the preferred path first; without the suffixes of the platform.
    paths::Vector{String}
    # The flags for `dlopen`; `nothing` if the library is not opened when the package is loaded.
    flags::Union{Nothing, UInt32}
end

const KINDS = Dict(:LibraryProduct => :library, :ExecutableProduct => :executable, :FileProduct => :file)
const FORMS = "`LibraryProduct(\"libfoo\", :libfoo)`, `ExecutableProduct(\"foo\", :foo)` or `FileProduct(\"share/foo.txt\", :foo_txt)`"

# The product that an argument of `@products` describes, in the form of BinaryBuilder. `refuse` throws an error.
function product_of(mod::Module, argument, refuse)
    Meta.isexpr(argument, :call) && haskey(KINDS, argument.args[1]) ||
        refuse("`$argument` is not a product: expected $FORMS")
    kind = KINDS[argument.args[1]]
    positional, options = Any[], Dict{Symbol, Any}()
    for part in argument.args[2:end]
        if Meta.isexpr(part, :parameters) || Meta.isexpr(part, :kw)
            for option in (part.head === :kw ? [part] : part.args)
                Meta.isexpr(option, :kw) || refuse("`$argument` has other arguments than expected: $FORMS")
                options[option.args[1]] = Core.eval(mod, option.args[2])
            end
        else
            push!(positional, Core.eval(mod, part))
        end
    end
    2 <= length(positional) <= (kind === :file ? 2 : 3) && is_paths(positional[1]) &&
        positional[2] isa Union{Symbol, AbstractString} && all(is_paths, positional[3:end]) ||
        refuse("`$argument` has other arguments than expected: $FORMS")
    flags = flags_of(kind, options, name -> refuse("`$argument` has an unknown option `$name`"))
    directories = length(positional) == 3 ? listed(positional[3]) : usual_directories(kind)
    paths = String[joinpath(directory, path) for directory in directories for path in listed(positional[1])]
    return Product(kind, checked(Symbol(positional[2]), refuse), paths, flags)
end

is_paths(value) = value isa AbstractString || value isa AbstractVector{<:AbstractString} && !isempty(value)

listed(value::AbstractString) = [value]
listed(values) = values

function usual_directories(kind)
    kind === :file && return [""]
    kind === :executable && return ["bin"]
    return Sys.iswindows() ? ["bin"] : ["lib", "lib64"]
end

# The flags for `dlopen`, from the options `dlopen_flags` and `dont_dlopen` of BinaryBuilder.
function flags_of(kind, options, refuse)
    for name in keys(options)
        kind === :library && name in (:dlopen_flags, :dont_dlopen) || refuse(name)
    end
    kind === :library && !get(options, :dont_dlopen, false) || return nothing
    flags = UInt32(0)
    for name in get(options, :dlopen_flags, [:RTLD_LAZY, :RTLD_DEEPBIND])
        flags |= getfield(Setup.Libdl, name)
    end
    return flags
end

# A name that can be that of a variable.
function checked(name::Symbol, refuse)
    Base.isidentifier(name) && Meta.parse(string(name); raise = false) === name && return name
    refuse("the product name `$name` is not an identifier: choose one such as `$(identifier_like(name))`")
end

function identifier_like(name)
    text = replace(string(name), r"\W" => "_")
    return occursin(r"^[A-Za-z_]", text) && Meta.parse(text; raise = false) isa Symbol ? text : "the_" * text
end

# The names that a product defines in its package, its own first.
function names_of(product::Product)
    name = product.name
    names = [name, path_name(name), getter_name(name)]
    product.kind === :library && push!(names, handle_name(name))
    return names
end

path_name(name) = Symbol(name, "_path")
handle_name(name) = Symbol(name, "_handle")
getter_name(name) = Symbol("get_", name, "_path")

# The names that every package with products defines.
const COMMON_NAMES = (
    :PATH, :PATH_list, :LIBPATH, :LIBPATH_list, :artifact_dir, :best_wrapper, :dev_jll, :eager_mode,
    :find_artifact_dir, :host_platform, :is_available, :__init__,
)

# Refuses products that define the same name.
function check_names(products, refuse)
    owners = Dict{Symbol, String}(name => "every package with products" for name in COMMON_NAMES)
    for product in products, name in names_of(product)
        owner = get(owners, name, nothing)
        owner === nothing || refuse(
            "the product `$(product.name)` defines `$name`, and so does $owner: choose another name for the product",
        )
        owners[name] = "the product `$(product.name)`"
    end
    return
end
