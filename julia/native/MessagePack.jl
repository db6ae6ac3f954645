# Decodes replies of the library: MessagePack, in which a struct is a map from the names of its fields.
module MessagePack

import ...ScratchRS
import ...ScratchRS: @seldom_run, Setup
@seldom_run

# The value that a reply is. Structs and tables are dictionaries, and nil is `nothing`.
decode(reply::String) = first(value_at(codeunits(reply), 1, false))

# The same, but structs are named tuples, nil is `missing`, and an array has the type of its elements, which is
# the same for all structs in it: a table for Tables.jl. `words` are the names of the fields that hold words,
# which become symbols.
function named(reply::String, words)
    value, _ = value_at(codeunits(reply), 1, words)
    return value
end

# A value, and where the next one begins.
function value_at(bytes, at, words)
    head = bytes[at]
    at += 1
    head < 0x80 && return Int(head), at
    head < 0x90 && return map_at(bytes, at, Int(head & 0x0f), words)
    head < 0xa0 && return array_at(bytes, at, Int(head & 0x0f), words)
    head < 0xc0 && return text_at(bytes, at, Int(head & 0x1f), words)
    head >= 0xe0 && return Int(reinterpret(Int8, head)), at
    head == 0xc0 && return words === false ? nothing : missing, at
    head in (0xc2, 0xc3) && return head == 0xc3, at
    head == 0xc7 && return extension_at(bytes, at + 1, Int(bytes[at]))
    head == 0xcb && return reinterpret(Float64, number_at(bytes, at, 8)), at + 8
    if 0xcc <= head <= 0xcf
        size = 1 << (head - 0xcc)
        return number_at(bytes, at, size) % Int, at + size
    elseif 0xd0 <= head <= 0xd3
        size = 1 << (head - 0xd0)
        unused = 64 - 8size
        return ((number_at(bytes, at, size) << unused) % Int) >> unused, at + size
    elseif 0xd4 <= head <= 0xd8
        return extension_at(bytes, at, 1 << (head - 0xd4))
    elseif 0xd9 <= head <= 0xdb
        return sized(text_at, bytes, at, 1 << (head - 0xd9), words)
    elseif 0xdc <= head <= 0xdd
        return sized(array_at, bytes, at, 2 << (head - 0xdc), words)
    elseif 0xde <= head <= 0xdf
        return sized(map_at, bytes, at, 2 << (head - 0xde), words)
    end
    error("invalid MessagePack: $(repr(head)) at byte $(at - 1)")
end

# An unsigned number of some bytes, the highest first.
function number_at(bytes, at, size)
    number = UInt64(0)
    for byte in at:(at + size - 1)
        number = number << 8 | bytes[byte]
    end
    return number
end

# Reads a value that follows its size, a number of some bytes.
sized(read, bytes, at, width, words) = read(bytes, at + width, number_at(bytes, at, width) % Int, words)

text_at(bytes, at, size, words) = String(bytes[at:(at + size - 1)]), at + size

function array_at(bytes, at, size, words)
    array = Vector{Any}(undef, size)
    for index in 1:size
        array[index], at = value_at(bytes, at, words)
    end
    return words === false ? array : table_of(array), at
end

function map_at(bytes, at, size, words)
    names, values = Vector{String}(undef, size), Vector{Any}(undef, size)
    for index in 1:size
        names[index], at = value_at(bytes, at, false)
        values[index], at = value_at(bytes, at, words)
    end
    words === false && return Dict{String, Any}(zip(names, values)), at
    for (index, name) in enumerate(names)
        values[index] isa String && Symbol(name) in words && (values[index] = Symbol(values[index]))
    end
    return record((map(Symbol, names)...,), typeof.(values), values), at
end

# A named tuple, without compiling anything for its type.
record(names, types, values) = make(NamedTuple{names, Tuple{types...}}, (values...,))
make(@nospecialize(type), @nospecialize(values)) = ccall(:jl_new_structt, Any, (Any, Any), type, values)

# An array with the type of its elements. Named tuples get types that are the same for all.
function table_of(array)
    isempty(array) && return array
    if all(element -> element isa NamedTuple, array)
        names = keys(array[1])
        types = [Union{(typeof(row[index]) for row in array)...} for index in 1:length(names)]
        array = Any[record(names, types, Any[row...]) for row in array]
    end
    type = Union{(typeof(element) for element in array)...}
    return copyto!(Vector{type}(undef, length(array)), array)
end

# An extension type: those of `rust/model/src/extension.rs`.
function extension_at(bytes, at, size)
    type, at = bytes[at], at + 1
    content = bytes[at:(at + size - 1)]
    return extension(type, content), at + size
end

function extension(type, content)
    type == 0x01 && return toml_time(String(content))
    type == 0x02 && return Base.SHA1(content)
    type == 0x03 && return ScratchRS.SHA256(content)
    seconds = number_at(content, 5, 8) % Int
    return date_time(1000 * seconds + Int(number_at(content, 1, 4)) ÷ 1_000_000)
end

# A date or a time, of the type that Julia's own parser has for it. Before 1.6 it parses one kind only; the
# others are strings.
function toml_time(text)
    return try
        Setup.parse_toml_text("value = $text")["value"]
    catch
        text
    end
end

# The `DateTime` of a number of milliseconds since 1970. Loads Dates at the first call.
function date_time(milliseconds)
    dates = Setup.dates()
    return Base.invokelatest(dates.DateTime, Base.invokelatest(dates.UTM, milliseconds + dates.UNIXEPOCH))
end

end # module MessagePack
