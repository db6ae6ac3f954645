# Predicates of files that may be missing or inaccessible.

# The value of `f(args...)`, or `nothing` if access is denied.
function unless_denied(@nospecialize(f), @nospecialize(args...))
    try
        return @outside f(args...)
    catch error
        error isa Base.IOError && error.code == Base.UV_EACCES && return nothing
        rethrow()
    end
end

# The absolute path of an existing file, or `nothing` if it is missing or access is denied.
function existing(file)
    file === nothing && return nothing
    return unless_denied(isfile, file) === true ? @outside(abspath(file))::String : nothing
end
