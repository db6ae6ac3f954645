//! Reading files that users and packages provide.

use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::syntax_error;

use crate::error::{Error, Result};

/// The content of a TOML file, or `None` if the file does not exist.
///
/// # Errors
///
/// If the file cannot be read, or is not TOML.
pub fn read(file: &str) -> Result<Option<toml::Table>> {
    let Some(text) = read_text(file)? else { return Ok(None) };
    let table =
        text.parse().map_err(|error| Error::of_diagnostic(file, syntax_error(&text, &error)));
    table.map(Some)
}

/// The bytes of a file, or `None` if it does not exist or is a directory, as for Julia's `isfile`.
///
/// # Errors
///
/// If it cannot be read, or is neither a file nor a directory.
pub(crate) fn read_bytes(file: &str) -> Result<Option<Vec<u8>>> {
    match fs::read_up_to(Path::new(file), u64::MAX) {
        Err(error) if error.is_directory() => Ok(None),
        found => Ok(found?.map(|(bytes, _)| bytes)),
    }
}

/// The text of a file, or `None` if it does not exist or is a directory.
///
/// # Errors
///
/// The errors of [`read_bytes`]; and [`Error::Format`] if it is not UTF-8.
pub(crate) fn read_text(file: &str) -> Result<Option<String>> {
    let Some(bytes) = read_bytes(file)? else { return Ok(None) };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
            Err(Error::of_diagnostic(file, Diagnostic::at(&before, at, "the text is not UTF-8")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_toml_is_reported_with_its_position() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file.toml").display().to_string();
        assert_eq!(read(&file).unwrap(), None);
        std::fs::write(&file, "a = 1\n[b]\nc = ['x']\n").unwrap();
        assert_eq!(read(&file).unwrap().unwrap()["b"]["c"][0].as_str(), Some("x"));
        for (bytes, place) in [(&b"a = 1\nb = \n"[..], "2:5"), (b"a = 1\nb = \"\xff\"\n", "2:6")] {
            std::fs::write(&file, bytes).unwrap();
            let error = read(&file).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{file}:{place}: ")), "{error}");
        }
        // The message is that of the reader of artifact files.
        for text in ["[x\n", "é = [\n", "a = 1\na = 2\n"] {
            std::fs::write(&file, text).unwrap();
            let expected = crate::artifact::bindings(&file).unwrap_err().to_string();
            assert_eq!(read(&file).unwrap_err().to_string(), expected);
        }
    }
}
