//! Free space of a file system.

use std::path::Path;

/// The bytes that may still be written to the file system of `path`; `None` if that is unknown.
pub fn free_space(path: &Path) -> Option<u64> {
    fs2::available_space(path).ok()
}

/// As [`free_space`], less a reserve for other programs: a twentieth of the file system, at most 256 MiB.
pub fn free_space_less_reserve(path: &Path) -> Option<u64> {
    const LIMIT: u64 = 256 * 1024 * 1024;
    let reserve = (fs2::total_space(path).ok()? / 20).min(LIMIT);
    Some(free_space(path)?.saturating_sub(reserve))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_says_how_much_is_free() {
        assert!(free_space(&std::env::temp_dir()).is_some());
        // Windows finds the volume of a missing path.
        assert_eq!(free_space(Path::new("/nowhere")).is_some(), cfg!(windows));
    }
}
