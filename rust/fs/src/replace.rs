//! Reading and replacing a file as a whole.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::platform;

/// The bytes of the file at `path`; none if it is missing.
///
/// # Errors
///
/// If it is there and cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    read_from(path, 0)
}

/// The bytes of the file at `path` behind the first `offset`; none if it is missing or shorter.
///
/// # Errors
///
/// If it is there and cannot be read.
pub fn read_from(path: &Path, offset: u64) -> Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => result.map_err(Error::on("read", path)),
    }
}

/// What somebody appended to a file, without its lock, while it was being replaced.
pub type Overtaken = Vec<u8>;

/// Replaces the file at `path` by one with `text` in it, or makes it. A link is followed: the
/// file that it leads to is replaced.
///
/// `known` is how many bytes of the old file the caller has taken into account in `text`, if it
/// has: what stands behind them is given back, because peers that append without a lock may have
/// got in between.
///
/// # Crash
///
/// Readers see the old file or the new one, whole. The new one is on the disk before it takes
/// the old one's place.
///
/// # Errors
///
/// The old file is then as it was, and nothing is left beside it.
pub fn replace(path: &Path, text: &str, known: Option<u64>) -> Result<Overtaken> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let replace = || -> io::Result<Overtaken> {
        let old = match File::open(&target) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let metadata = old.as_ref().map(File::metadata).transpose()?;
        let directory = target.parent().unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".scratchrs-");
        let permissions = platform::file_permissions(metadata.as_ref());
        if let Some(permissions) = &permissions {
            builder.permissions(permissions.clone());
        }
        let mut new = builder.tempfile_in(directory)?;
        new.write_all(text.as_bytes())?;
        if let (Some(permissions), true) = (permissions, metadata.is_some()) {
            // The mask has no say in what the old file was allowed.
            new.as_file().set_permissions(permissions)?;
        }
        new.as_file().sync_data()?;
        new.persist(&target)?;
        let mut overtaken = Vec::new();
        if let (Some(mut old), Some(known)) = (old, known) {
            old.seek(SeekFrom::Start(known))?;
            old.read_to_end(&mut overtaken)?;
        }
        Ok(overtaken)
    };
    replace().map_err(Error::on("replace", path))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_file_keeps_its_permissions_and_its_link() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        let link = depot.path().join("link");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        symlink("file", &link).unwrap();
        assert_eq!(replace(&link, "new", Some(3)).unwrap(), b"");
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o664);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(depot.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_came_in_between_is_given_back() {
        let depot = tempfile::tempdir().unwrap();
        let file = depot.path().join("file");
        assert_eq!(replace(&file, "made", Some(0)).unwrap(), b"");
        fs::write(&file, "known, not known").unwrap();
        assert_eq!(replace(&file, "new", Some(5)).unwrap(), b", not known".to_vec());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}
