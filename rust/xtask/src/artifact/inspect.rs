//! Reads what was built, before it is shipped: a binary must need nothing that another machine may lack, and a
//! library must not export names that other libraries could take for their own.

mod elf;
mod macho;
mod pe;

use anyhow::Result;

use crate::targets::Target;

pub(crate) use elf::newest_glibc;

/// The kind of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Library,
    Program,
}

/// Fails if the binary must not be shipped. One that is not portable may need what this machine has, but must not
/// name its directories.
pub(crate) fn check(
    contents: &[u8],
    target: &Target,
    kind: Binary,
    is_portable: bool,
) -> Result<()> {
    if target.is_windows() {
        pe::check(contents)
    } else if target.is_apple() {
        macho::check(contents, target, kind, is_portable)
    } else {
        elf::check(contents, target, kind, is_portable)
    }
}
