# `@my_artifact`.

"""
    @my_artifact :bind name hash [force = …] [metadata = …]
    @my_artifact :hash name
    @my_artifact :unbind name
    @my_artifact :download name url [downloadf [kw = …]]

[`bind_my_artifact!`](@ref), [`my_artifact_hash`](@ref), [`unbind_my_artifact!`](@ref) and
[`download_my_artifact!`](@ref) with the file of bindings that the calling module has in a global
variable `my_artifacts`, which is a `String` or a `Ref` of one, and must be defined when the macro is
expanded.
"""
macro my_artifact(operation, name, arguments...)
    return expand(__module__, operation, name, arguments)
end

const VARIABLE = :my_artifacts

function expand(mod::Module, operation, name, arguments)
    isdefined(mod, VARIABLE) ||
        error("no cached path for my artifact toml: $mod.$VARIABLE undefined.")
    file = :($path_in($mod))
    name = esc(name)
    operation isa QuoteNode && (operation = operation.value)
    if operation === :bind
        isempty(arguments) && wrong_number(":bind, need \$name and \$hash")
        keywords = map(bind_keyword, arguments[2:end])
        length(keywords) > 2 &&
            error("wrong number of keyword arguments for :bind, only `force` and `metadata`")
        return call(bind_my_artifact!, (file, name, esc(arguments[1])), keywords)
    elseif operation === :hash
        isempty(arguments) || wrong_number(":hash, need \$name")
        return call(my_artifact_hash, (name, file), ())
    elseif operation === :unbind
        isempty(arguments) || wrong_number(":unbind, need \$name")
        return call(unbind_my_artifact!, (file, name), ())
    elseif operation === :download
        isempty(arguments) && wrong_number(":download, need at least \$name and \$url")
        # The function comes before the URL.
        functions = map(esc, arguments[2:min(2, end)])
        keywords = map(download_keyword, arguments[3:end])
        positional = (functions..., esc(arguments[1]), name, file)
        return call(download_my_artifact!, positional, keywords)
    end
    error("unknown artifact op: $operation")
end

wrong_number(what) = error("wrong number of arguments for $what.")

call(f, positional, keywords) =
    isempty(keywords) ? Expr(:call, f, positional...) :
    Expr(:call, f, Expr(:parameters, keywords...), positional...)

# The file of bindings of a module.
function path_in(mod::Module)
    path = getfield(mod, VARIABLE)
    return (path isa Ref ? path[] : path)::String
end

is_assignment(argument) = argument isa Expr && argument.head in (:(=), :kw)

function bind_keyword(argument)
    argument in (:force, :metadata) && return Expr(:kw, argument, esc(argument))
    is_assignment(argument) || error("weird keyword argument for :bind : $argument")
    keyword, value = argument.args
    keyword in (:force, :metadata) || error("unknown keyword argument for :bind : $keyword")
    return Expr(:kw, keyword, esc(value))
end

function download_keyword(argument)
    argument isa Symbol && return Expr(:kw, argument, esc(argument))
    argument isa Expr && argument.head === :... && return esc(argument)
    is_assignment(argument) || error("weird keyword argument for downloadf: $argument")
    return Expr(:kw, argument.args[1], esc(argument.args[2]))
end
