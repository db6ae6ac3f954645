//! Links the unwinder into the library, and gives it a name that does not depend on where it is built.

#![expect(clippy::disallowed_methods, reason = "Cargo talks to build scripts in this way")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let is = |key: &str, value: &str| {
        std::env::var(format!("CARGO_CFG_TARGET_{key}")).is_ok_and(|found| found == value)
    };
    // Julia up to 1.5 comes with a libunwind that stands before libgcc's in the search for
    // `_Unwind_RaiseException` and aborts at a Rust panic, `catch_unwind` or not. With an
    // unwinder of its own, whose symbols nobody else sees, the library can catch its panics.
    if is("OS", "linux") && is("ENV", "gnu") && !is_zig() {
        for argument in [
            "-Wl,--whole-archive",
            "-l:libgcc_eh.a",
            "-Wl,--no-whole-archive",
            "-Wl,--exclude-libs,libgcc_eh.a",
        ] {
            println!("cargo::rustc-cdylib-link-arg={argument}");
        }
    }
    if is("OS", "macos") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libscratchrs.dylib");
    }
}

/// Whether cargo-zigbuild links. Zig always links an unwinder of its own, and knows none of the options.
fn is_zig() -> bool {
    std::env::var("RUSTC_LINKER").is_ok_and(|linker| linker.contains("zigcc"))
}
