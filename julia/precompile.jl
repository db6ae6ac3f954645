# Methods that packages call in their `__init__`. Those called by `@outside` are not compiled ahead.

precompile(get_scratch!, (UUID, String, UUID))
precompile(get_scratch!, (Module, String))
precompile(get_scratch!, (String,))
precompile(unless_denied, (Any,))
precompile(unless_denied, (Any, Any))
# `artifact"…"` in the `__init__` of a package.
precompile(path_of_bound, (String, String, String, Dict{String, Any}, SHA1, Any, UUID, Module))
precompile(known_overrides, (String,))
precompile(artifact_exists, (SHA1,))
precompile(artifact_path, (SHA1,))
# The `__init__` of a package with products.
precompile(Products.open_product, (String, UInt32, Module))
precompile(Products.add_directory!, (Vector{String}, String))
precompile(Products.add_directories!, (Vector{String}, Vector{String}))
precompile(
    Products.publish_lists!,
    (Base.RefValue{String}, Vector{String}, Base.RefValue{String}, Vector{String}),
)
# The method that is called whenever the package is loaded.
precompile(Native.begin_session, ())
