//! The Julias that ScratchRS is compared with.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Each Julia that is found, with its minor version: the one that `SCRATCHRS_TEST_JULIA` names,
/// Debian's 1.5.3 in `.julia-peer` at the root of the workspace, and `julia` on the path.
pub fn julias() -> Vec<(PathBuf, u32)> {
    let private = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.julia-peer/bin/julia");
    #[expect(clippy::disallowed_methods, reason = "whoever runs the test says what it runs with")]
    let named = std::env::var_os("SCRATCHRS_TEST_JULIA").map(PathBuf::from);
    let minor = |julia: PathBuf| {
        let output = Command::new(&julia).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let minor = text.strip_prefix("julia version 1.")?.split('.').next()?.parse().ok()?;
        Some((julia, minor))
    };
    let found = [named, Some(private), Some("julia".into())].into_iter().flatten();
    found.filter_map(minor).collect()
}
