# Decodes tables of the native library: each value has the first letter of its type before it.
module Tables

import ..@seldom_run, ..Setup
@seldom_run

# The table that texts are about.
table_of(texts::Vector{String}) = first(value_at(texts, 1))

# A value, and where the next one begins.
function value_at(texts, at)
    letter, text = texts[at], texts[at + 1]
    at += 2
    letter == "t" && return table_at(texts, at, parse(Int, text))
    letter == "a" && return array_at(texts, at, parse(Int, text))
    return scalar(letter, text), at
end

function table_at(texts, at, size)
    table = Dict{String, Any}()
    for _ in 1:size
        value, next = value_at(texts, at + 1)
        table[texts[at]] = value
        at = next
    end
    return table, at
end

function array_at(texts, at, size)
    array = Any[]
    for _ in 1:size
        value, at = value_at(texts, at)
        push!(array, value)
    end
    return array, at
end

function scalar(letter, text)
    letter == "s" && return text
    letter == "i" && return parse(Int, text)
    letter == "f" && return parse(Float64, text)
    letter == "b" && return text == "true"
    # A date or a time, of the type that Julia's own parser has for it. Before 1.6 it knows one kind
    # of them only; the others stay texts.
    return try
        Setup.parse_toml_text("value = $text")["value"]
    catch
        text
    end
end

end # module Tables
