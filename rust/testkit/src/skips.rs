//! Records of skipped tests.

use std::fs::OpenOptions;
use std::io::Write;

use crate::report;

/// Records a test as skipped because something is missing on this machine. `cargo xtask test`
/// counts it.
pub fn skip(what: &str, why: &str) {
    report(&format!("SKIPPED {what}: {why}"));
    note("skipped", what, why);
}

/// Records that something is not tested: the feature does not exist in a version of Julia, or the
/// test needs an optional one.
pub fn inapplicable(what: &str, why: &str) {
    report(&format!("does not apply: {what}: {why}"));
    note("inapplicable", what, why);
}

/// Adds a line to the file in `SCRATCHRS_SKIPS`, if it is set.
fn note(kind: &str, what: &str, why: &str) {
    #[expect(clippy::disallowed_methods, reason = "this is the edge of a test")]
    let Some(file) = std::env::var_os("SCRATCHRS_SKIPS") else { return };
    let plain = |text: &str| text.replace(['\t', '\n'], " ");
    let line = format!("{kind}\t{}\t{}\n", plain(what), plain(why));
    let mut file = OpenOptions::new().append(true).create(true).open(file).expect("the file");
    file.write_all(line.as_bytes()).expect("the line");
}
