# Methods that packages call in their `__init__`. Those called by `@outside` are not compiled ahead.

precompile(get_scratch!, (UUID, String, UUID))
precompile(get_scratch!, (Module, String))
precompile(get_scratch!, (String,))
precompile(unless_denied, (Any,))
precompile(unless_denied, (Any, Any))
# The method that is called whenever the package is loaded.
precompile(Native.begin_session, ())
