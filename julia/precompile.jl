# What packages call in their `__init__`, compiled ahead. See `@outside` for what is not.

precompile(get_scratch!, (UUID, String, UUID))
precompile(get_scratch!, (Module, String))
precompile(get_scratch!, (String,))
precompile(unless_denied, (Any,))
precompile(unless_denied, (Any, Any))
# And what is called whenever the package is loaded.
precompile(Native.begin_session, ())
