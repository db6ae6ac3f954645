//! TOML files of any content, for callers that know their meaning.

use scratchrs_model::diagnostic::Diagnostic;

use crate::artifact::read_text;
use crate::error::{Error, Result};

/// The content of a file; None if there is no such file.
///
/// # Errors
///
/// If the file is there and cannot be read, or is not TOML.
pub fn read(file: &str) -> Result<Option<toml::Table>> {
    let Some(text) = read_text(file)? else { return Ok(None) };
    let table = text
        .parse()
        .map_err(|error| Error::of_diagnostic(file, Diagnostic::of_toml(&text, &error)));
    table.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_toml_is_said_with_its_place() {
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
    }
}
