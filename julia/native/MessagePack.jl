# Decodes what the library replies: MessagePack, in which a struct is a map of the names of its fields.
module MessagePack

import ...ScratchRS: @seldom_run, Setup
@seldom_run

# The value that a reply is. Structs and tables are dictionaries, and nil is `nothing`.
decode(reply::String) = first(value_at(codeunits(reply), 1))

# A value, and where the next one begins.
function value_at(bytes, at)
    head = bytes[at]
    at += 1
    head < 0x80 && return Int(head), at
    head < 0x90 && return map_at(bytes, at, Int(head & 0x0f))
    head < 0xa0 && return array_at(bytes, at, Int(head & 0x0f))
    head < 0xc0 && return text_at(bytes, at, Int(head & 0x1f))
    head >= 0xe0 && return Int(reinterpret(Int8, head)), at
    head == 0xc0 && return nothing, at
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
        return sized(text_at, bytes, at, 1 << (head - 0xd9))
    elseif 0xdc <= head <= 0xdd
        return sized(array_at, bytes, at, 2 << (head - 0xdc))
    elseif 0xde <= head <= 0xdf
        return sized(map_at, bytes, at, 2 << (head - 0xde))
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

# What has its size before it, in some bytes.
sized(read, bytes, at, width) = read(bytes, at + width, number_at(bytes, at, width) % Int)

text_at(bytes, at, size) = String(bytes[at:(at + size - 1)]), at + size

function array_at(bytes, at, size)
    array = Vector{Any}(undef, size)
    for index in 1:size
        array[index], at = value_at(bytes, at)
    end
    return array, at
end

function map_at(bytes, at, size)
    table = Dict{String, Any}()
    for _ in 1:size
        key, at = value_at(bytes, at)
        table[key], at = value_at(bytes, at)
    end
    return table, at
end

# A timestamp, or a date or time of a TOML file as text.
function extension_at(bytes, at, size)
    type, at = bytes[at], at + 1
    type == 0x01 && return toml_time(first(text_at(bytes, at, size))), at + size
    seconds = number_at(bytes, at + 4, 8) % Int
    return date_time(1000 * seconds + Int(number_at(bytes, at, 4)) ÷ 1_000_000), at + size
end

# A date or a time, of the type that Julia's own parser has for it. Before 1.6 it knows one kind of them only;
# the others stay texts.
function toml_time(text)
    return try
        Setup.parse_toml_text("value = $text")["value"]
    catch
        text
    end
end

# The `DateTime` of so many milliseconds since 1970. Dates is loaded when the first one is needed.
function date_time(milliseconds)
    dates = Setup.dates()
    return Base.invokelatest(dates.DateTime, Base.invokelatest(dates.UTM, milliseconds + dates.UNIXEPOCH))
end

end # module MessagePack
