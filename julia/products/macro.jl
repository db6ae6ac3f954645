# `@products`.

"""
    @products artifact product…

Declares what an artifact of the package offers, and defines for each product what a JLL package defines:

| product | file in the artifact | defines |
|---|---|---|
| `LibraryProduct("libfoo", :libfoo)` | `lib/libfoo.so`, with the name and directory of the platform | `libfoo`, `libfoo_path`, `libfoo_handle`, `get_libfoo_path()` |
| `ExecutableProduct("foo", :foo)` | `bin/foo`, on Windows `bin/foo.exe` | `foo()`, `foo_path`, `get_foo_path()` |
| `FileProduct("share/foo.txt", :foo_txt)` | `share/foo.txt` | `foo_txt`, `foo_txt_path`, `get_foo_txt_path()` |

The libraries are opened when the package is loaded, after those of the JLLs among its dependencies. `foo()` is a
command, with the directories of executables and libraries of the package and its dependencies in its environment;
`foo(f; adjust_PATH = true, adjust_LIBPATH = true)` calls `f` with the path of the executable, in that environment.
The module also has `artifact_dir`, `find_artifact_dir()`, `is_available()`, `best_wrapper`, `PATH`, `LIBPATH`,
`PATH_list`, `LIBPATH_list` and `dev_jll()`.

- `artifact`: the name that `Artifacts.toml` binds to the artifact. If it has no artifact for the running platform,
  the package can be loaded, `is_available()` is `false`, and the products are not defined.
- A first argument of a product may be a list of names, of which the artifact has one, and a third one the
  directories. `LibraryProduct` has the options `dlopen_flags = [:RTLD_LAZY, :RTLD_DEEPBIND]` and
  `dont_dlopen = false`.

A directory `override` in the package replaces the artifact, a preference `libfoo_path` of the package the path of
one product, and an `Overrides.toml` the artifact for all packages. `augment_platform!` in
`.pkg/platform_augmentation.jl` adds tags to the platform. A `lazy` artifact is installed when the package is
loaded first.

In a module whose name ends in `_jll`, the products are exported, and functions are interpreted, as in all JLLs.

# Errors
`ArgumentError`, when the package is precompiled: a name is not an identifier or is taken, `Artifacts.toml` does not
bind the artifact, a product is missing in the installed artifact, or JLLs depend on each other in a circle.
When the package is loaded, or an executable used: `ScratchRS.NotFound` if a file is missing; the errors of
[`@artifact_str`](@ref ScratchRS.@artifact_str).

# Example
```julia
module Foo_jll
using ScratchRS
@products "Foo" LibraryProduct("libfoo", :libfoo) ExecutableProduct("foo", :foo)
end
```
"""
macro products(artifact, products...)
    return Products.Expansion.expand_products(__module__, __source__, artifact, products)
end

using .Products: JLLWrappers
