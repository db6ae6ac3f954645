# Measures how long loading a package with products takes in this session. Prints the number of seconds.
# `cargo xtask bench products` runs it.

const START = time_ns()
using Foo_jll
const SECONDS = (time_ns() - START) / 1e9
Foo_jll.is_available() || error("Foo_jll has no artifact")
ccall(Foo_jll.Libdl.dlsym(Foo_jll.libfoo_handle, :foo_answer), Cint, ()) == 42 || error("another library was opened")
println(SECONDS)
