//! The Julias to compare ScratchRS with.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// All Julias found, with their minor versions: those in `SCRATCHRS_TEST_JULIA`, separated as in
/// `PATH`, Debian's 1.5.3 in `.julia-peer` at the root of the workspace, and `julia` on the path.
pub fn julias() -> Vec<(PathBuf, u32)> {
    let private = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.julia-peer/bin/julia");
    #[expect(clippy::disallowed_methods, reason = "set by the user of the test")]
    let paths = |variable| std::env::var_os(variable).unwrap_or_default();
    let (named, path) = (paths("SCRATCHRS_TEST_JULIA"), paths("PATH"));
    let minor = |julia: PathBuf| {
        let output = Command::new(&julia).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let minor = text.strip_prefix("julia version 1.")?.split('.').next()?.parse().ok()?;
        Some((julia, minor))
    };
    let named = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty());
    let on_path = std::env::split_paths(&path).map(|directory| directory.join("julia"));
    let found = named.chain([private]).chain(on_path.filter(|julia| julia.is_file()).take(1));
    let mut known = BTreeSet::new();
    found.filter_map(minor).filter(|(julia, _)| known.insert(julia.canonicalize().ok())).collect()
}
