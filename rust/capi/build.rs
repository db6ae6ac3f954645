//! Links the unwinder into the library.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |key: &str, value: &str| {
        let key = format!("CARGO_CFG_TARGET_{key}");
        #[expect(clippy::disallowed_methods, reason = "Cargo talks to build scripts in this way")]
        let found = std::env::var(key);
        found.is_ok_and(|found| found == value)
    };
    // Julia up to 1.5 comes with a libunwind that stands before libgcc's in the search for
    // `_Unwind_RaiseException` and aborts at a Rust panic, `catch_unwind` or not. With an
    // unwinder of its own, whose symbols nobody else sees, the library can catch its panics.
    if is("OS", "linux") && is("ENV", "gnu") {
        for argument in [
            "-Wl,--whole-archive",
            "-l:libgcc_eh.a",
            "-Wl,--no-whole-archive",
            "-Wl,--exclude-libs,libgcc_eh.a",
        ] {
            println!("cargo::rustc-cdylib-link-arg={argument}");
        }
    }
}
