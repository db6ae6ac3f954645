# Looking at files that may be missing or somebody else's.

# The value of `f(args...)`, or `nothing` if the system denies access to what it looks at.
function unless_denied(@nospecialize(f), @nospecialize(args...))
    try
        return @outside f(args...)
    catch error
        error isa Base.IOError && error.code == Base.UV_EACCES && return nothing
        rethrow()
    end
end

# The absolute path of a file that exists and may be looked at, else `nothing`.
function existing(file)
    file === nothing && return nothing
    return unless_denied(isfile, file) === true ? @outside(abspath(file))::String : nothing
end
