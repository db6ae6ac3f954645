//! Operations that differ between systems, in functions of the same name.

#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(not(unix))]
pub(crate) use windows::*;

/// The permissions of a new file, before the umask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Everyone with read permission may execute it.
    pub executable: bool,
    /// It is not writable, except through the handle that created it.
    pub read_only: bool,
}
