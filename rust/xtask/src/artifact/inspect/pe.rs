//! Binaries of Windows.

use anyhow::{Context, Result, ensure};
use object::LittleEndian;
use object::read::pe::PeFile64;

/// The libraries that every Windows has, and Wine.
const SYSTEM: [&str; 16] = [
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "crypt32.dll",
    "dbghelp.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "secur32.dll",
    "shell32.dll",
    "shlwapi.dll",
    "user32.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// See [`super::check`]. What a library exports is of no interest: others find its functions by its name.
pub(super) fn check(contents: &[u8]) -> Result<()> {
    for name in needed(contents).context("could not read the PE file")? {
        let lower = name.to_lowercase();
        let is_known = SYSTEM.contains(&lower.as_str()) || lower.starts_with("api-ms-win-");
        ensure!(is_known, "it needs the library `{name}`, which another machine may lack");
    }
    Ok(())
}

/// The names of the libraries that are loaded with it.
fn needed(contents: &[u8]) -> Result<Vec<&str>> {
    let file = PeFile64::parse(contents)?;
    let mut names = Vec::new();
    let Some(table) = file.import_table()? else { return Ok(names) };
    let mut libraries = table.descriptors()?;
    while let Some(library) = libraries.next()? {
        let name = table.name(library.name.get(LittleEndian))?;
        names.push(std::str::from_utf8(name)?);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_refused() {
        assert_eq!(check(b"MZ").unwrap_err().to_string(), "could not read the PE file");
    }
}
