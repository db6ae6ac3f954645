# Results that are shown as text for people, which the library renders.
module Replies

import ..@seldom_run, ..Native, ..has_colour
@seldom_run

# A decoded reply of the library: its fields; `reply`, the encoded reply, which the library renders; and
# `is_verbose`. The name of the type is that of the reply.
abstract type Reply end

# A reply as a value of some type.
function decoded(type, reply, is_verbose = false)
    values = Native.named(reply)
    names = fieldnames(type)[1:(end - 2)]
    return type((values[name] for name in names)..., reply, is_verbose)
end

Base.show(io::IO, ::MIME"text/plain", reply::Reply) = print(io, rendered(io, reply))

# For notebooks.
function Base.show(io::IO, ::MIME"text/html", reply::Reply)
    text = sprint(show, MIME("text/plain"), reply; context = :displaysize => displaysize(io))
    for (character, name) in ('&' => "&amp;", '<' => "&lt;", '>' => "&gt;")
        text = replace(text, character => name)
    end
    print(io, "<pre>", text, "</pre>")
end

# A reply as text for people, for the width and the colours of `io`.
function rendered(io::IO, reply::Reply)
    return Native.render(
        string(nameof(typeof(reply))),
        reply.reply,
        displaysize(io)[2],
        has_colour(io),
        reply.is_verbose,
        homedir(),
    )
end

end # module Replies
