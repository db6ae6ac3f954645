# Messages for people, and durations that they give.

# A line as Pkg prints them: what happens, right-aligned and in colour, then the fact.
announce(what::String, color::Symbol, fact::String) =
    println(stderr, label(stderr, what, color), fact)

# The beginning of such a line.
function label(io::IO, what::AbstractString, color::Symbol)
    return sprint(context = :color => has_colour(io)) do out
        printstyled(out, lpad(what, 12), ' '; bold = true, color = color)
    end
end

has_colour(io::IO) = get(io, :color, false)::Bool && isempty(get(ENV, "NO_COLOR", ""))

function in_words(seconds::Float64)
    seconds < 100 && return "$(round(Int, seconds)) s"
    minutes = round(Int, seconds / 60)
    return minutes < 100 ? "$minutes min" : "$(round(Int, minutes / 60)) h"
end

# A size with its unit: "1 byte", "12.6 GiB".
function bytes_in_words(bytes::Int)
    bytes < 1024 && return "$bytes byte$(bytes == 1 ? "" : "s")"
    size, unit = bytes / 1024, 1
    while size >= 1023.95 && unit < length(UNITS)
        size, unit = size / 1024, unit + 1
    end
    return string(round(size; digits = 1), ' ', UNITS[unit])
end

const UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")

# A duration as the library reads it, of a text such as "7d", a period of Dates, or 0.
duration(text::AbstractString) = String(text)

function duration(number::Real)
    iszero(number) && return "0"
    throw(ArgumentError("the duration $number has no unit: pass a period such as `Day(7)`, or a text such as \"7d\""))
end

function duration(period)
    milliseconds = round(Int, Base.invokelatest(Setup.dates().toms, period))
    milliseconds < 0 && throw(ArgumentError("the duration is negative: $period"))
    return "$(milliseconds)ms"
end
