# The recipe of ScratchRS_jll for Yggdrasil (folder S/ScratchRS): the portable library and the program, for every Julia.
# See docs/releasing.md, "Yggdrasil".
using BinaryBuilder

name = "ScratchRS"
version = v"0.1.0"

sources = [
    # The commit of the tag v0.1.0.
    GitSource("https://github.com/ScratchRS/ScratchRS.jl.git", "0000000000000000000000000000000000000000"),
]

script = raw"""
cd ${WORKSPACE}/srcdir/ScratchRS.jl
cargo build --release --locked --package scratchrs-capi --package scratchrs-cli
built=target/${rust_target}/release
if [[ ${target} == *mingw* ]]; then
    install -Dvm 755 "${built}/scratchrs.${dlext}" "${libdir}/libscratchrs.${dlext}"
else
    install -Dvm 755 "${built}/libscratchrs.${dlext}" "${libdir}/libscratchrs.${dlext}"
fi
install -Dvm 755 "${built}/scratchrs${exeext}" "${bindir}/scratchrs${exeext}"
install_license LICENSE
"""

# Rust has no working toolchain for the others there.
platforms = filter(supported_platforms()) do platform
    arch(platform) in ("x86_64", "aarch64") && !(Sys.isfreebsd(platform) && arch(platform) == "aarch64")
end

products = [
    LibraryProduct("libscratchrs", :libscratchrs; dont_dlopen = true),
    ExecutableProduct("scratchrs", :scratchrs),
]

dependencies = Dependency[]

build_tarballs(
    ARGS, name, version, sources, script, platforms, products, dependencies;
    compilers = [:c, :rust], julia_compat = "1.6", lock_microarchitecture = false,
)
