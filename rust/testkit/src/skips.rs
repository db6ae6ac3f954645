//! What is not tested, and why.

use std::fs::OpenOptions;
use std::io::Write;

use crate::report;

/// Says that a test is skipped: this machine lacks what it takes. `cargo xtask test` counts it.
pub fn skip(what: &str, why: &str) {
    report(&format!("SKIPPED {what}: {why}"));
    note("skipped", what, why);
}

/// Says that something is not tested, as it does not exist in a version of Julia, or needs one that
/// no machine has to have.
pub fn inapplicable(what: &str, why: &str) {
    report(&format!("does not apply: {what}: {why}"));
    note("inapplicable", what, why);
}

/// Adds a line to the file that `SCRATCHRS_SKIPS` names, if it names one.
fn note(kind: &str, what: &str, why: &str) {
    #[expect(clippy::disallowed_methods, reason = "this is the edge of a test")]
    let Some(file) = std::env::var_os("SCRATCHRS_SKIPS") else { return };
    let plain = |text: &str| text.replace(['\t', '\n'], " ");
    let line = format!("{kind}\t{}\t{}\n", plain(what), plain(why));
    let mut file = OpenOptions::new().append(true).create(true).open(file).expect("the file");
    file.write_all(line.as_bytes()).expect("the line");
}
