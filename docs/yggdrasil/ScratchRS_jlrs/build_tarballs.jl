# The recipe of ScratchRS_jlrs_jll for Yggdrasil (folder S/ScratchRS_jlrs): the library that uses jlrs, once for each
# minor version of Julia that jlrs supports. See docs/releasing.md, "Yggdrasil".
using BinaryBuilder, Pkg

# See https://github.com/JuliaLang/Pkg.jl/issues/2942.
delete!(Pkg.Types.get_last_stdlibs(v"1.6.3"), Base.UUID("a83860b7-747b-57cf-bf1f-3e79990d037f"))

name = "ScratchRS_jlrs"
version = v"0.1.0"
julia_versions = [v"1.10", v"1.11", v"1.12"]

sources = [
    # The commit of the tag v0.1.0.
    GitSource("https://github.com/ScratchRS/ScratchRS.jl.git", "0000000000000000000000000000000000000000"),
]

script = raw"""
cd ${WORKSPACE}/srcdir/ScratchRS.jl
export JLRS_JULIA_DIR=${prefix}
cargo build --release --locked --package scratchrs-jlrs
built=target/${rust_target}/release
if [[ ${target} == *mingw* ]]; then
    install -Dvm 755 "${built}/scratchrs_jlrs.${dlext}" "${libdir}/libscratchrs_jlrs.${dlext}"
else
    install -Dvm 755 "${built}/libscratchrs_jlrs.${dlext}" "${libdir}/libscratchrs_jlrs.${dlext}"
fi
install_license LICENSE
"""

# They have the tag `julia_version`.
include("../../L/libjulia/common.jl")
platforms = filter(vcat(libjulia_platforms.(julia_versions)...)) do platform
    arch(platform) in ("x86_64", "aarch64") && !(Sys.isfreebsd(platform) && arch(platform) == "aarch64")
end

products = [
    LibraryProduct("libscratchrs_jlrs", :libscratchrs_jlrs; dont_dlopen = true),
]

dependencies = [
    BuildDependency("libjulia_jll"),
]

build_tarballs(
    ARGS, name, version, sources, script, platforms, products, dependencies;
    compilers = [:c, :rust], julia_compat = "1.10 - 1.12", preferred_gcc_version = v"10",
)
