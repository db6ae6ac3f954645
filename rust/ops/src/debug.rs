//! Whether Julia asks for the debug log.

use std::sync::Once;

/// Enables the debug log at the first call if `JULIA_DEBUG` names ScratchRS, as `Logging` reads it.
pub(crate) fn observe() {
    static OBSERVED: Once = Once::new();
    OBSERVED.call_once(|| {
        #[expect(clippy::disallowed_methods, reason = "this is the edge of the library")]
        let names = std::env::var("JULIA_DEBUG").unwrap_or_default();
        if is_enabled(&names) {
            scratchrs_core::debug_log::enable();
        }
    });
}

fn is_enabled(names: &str) -> bool {
    let mut names = names.split(',').map(str::trim);
    let is_refused = names.clone().any(|name| name == "!ScratchRS");
    !is_refused && names.any(|name| matches!(name, "ScratchRS" | "all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn julia_debug_names_modules() {
        for (names, expected) in [
            ("ScratchRS", true),
            ("Pkg, ScratchRS", true),
            ("all", true),
            ("all,!ScratchRS", false),
            ("", false),
            ("Pkg", false),
        ] {
            assert_eq!(is_enabled(names), expected, "{names}");
        }
    }
}
