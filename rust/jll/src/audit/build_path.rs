//! The path of the directory in which something was built.

use std::io::{self, Read};
use std::path::Path;

use memchr::memmem::Finder;
use scratchrs_fs as fs;

/// How much of a file is searched at once.
const CHUNK: usize = 1 << 20;

/// The spellings of a path that files may contain.
pub(super) struct BuildPath {
    spellings: Vec<String>,
}

impl BuildPath {
    /// The path of `root`, as it was given and without links.
    pub(super) fn of(root: &Path) -> Self {
        let paths = [std::path::absolute(root).ok(), fs::canonicalize(root).ok()];
        let mut spellings: Vec<_> = paths
            .into_iter()
            .flatten()
            .filter_map(|path| Some(path.to_str()?.to_owned()))
            .collect();
        spellings.dedup();
        // Every file contains `/`.
        spellings.retain(|path| path.trim_end_matches(['/', '\\']).len() > 1);
        Self { spellings }
    }

    /// The spelling that a file contains.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn find_in(&self, mut file: impl Read) -> io::Result<Option<&str>> {
        let finders: Vec<_> = self.spellings.iter().map(Finder::new).collect();
        let longest = self.spellings.iter().map(String::len).max().unwrap_or_default();
        let mut bytes = Vec::new();
        loop {
            // A path may begin at the end of one part, and end in the next.
            let kept = bytes.len().min(longest.saturating_sub(1));
            bytes.drain(..bytes.len() - kept);
            if file.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)? == 0 {
                return Ok(None);
            }
            let found = finders.iter().position(|finder| finder.find(&bytes).is_some());
            if let Some(index) = found {
                return Ok(Some(&self.spellings[index]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_wherever_it_is() {
        let path = BuildPath { spellings: vec!["/build/me".to_owned()] };
        for offset in [0, 1, CHUNK - 9, CHUNK - 5, CHUNK - 1, CHUNK, 2 * CHUNK - 3] {
            let mut contents = vec![b'x'; 2 * CHUNK + 20];
            contents[offset..offset + 9].copy_from_slice(b"/build/me");
            assert_eq!(path.find_in(&*contents).unwrap(), Some("/build/me"), "{offset}");
            contents[offset + 8] = b'x';
            assert_eq!(path.find_in(&*contents).unwrap(), None, "{offset}");
        }
    }
}
