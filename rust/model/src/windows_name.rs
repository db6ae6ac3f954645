//! Names that a file on Windows cannot have.
//!
//! Windows removes dots and spaces at the end of a name, reads `a:b` as the stream `b` of the file `a`, and has
//! devices such as `NUL` in every directory: a file of such a name would be another one, or none.

/// Why Windows cannot have a file of this name, or changes it; as a clause with the name as its subject.
///
/// ```
/// # use scratchrs_model::windows_name::problem;
/// assert_eq!(problem(b"nul.txt"), Some("is the name of a device on Windows"));
/// assert_eq!(problem(b"null.txt"), None);
/// ```
pub fn problem(name: &[u8]) -> Option<&'static str> {
    let is_forbidden = |byte: &u8| *byte < b' ' || b"\"*:<>?\\|".contains(byte);
    if name.iter().any(is_forbidden) {
        Some("contains a character that Windows does not allow in names")
    } else if name.ends_with(b".") || name.ends_with(b" ") {
        Some("ends in a dot or a space, which Windows removes")
    } else if is_device(name) {
        Some("is the name of a device on Windows")
    } else {
        None
    }
}

/// Whether a name is that of a device, also with an extension.
fn is_device(name: &[u8]) -> bool {
    const DEVICES: [&[u8]; 6] = [b"con", b"prn", b"aux", b"nul", b"conin$", b"conout$"];
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default().trim_ascii_end();
    let is = |device: &[u8]| stem.eq_ignore_ascii_case(device);
    let is_numbered = || {
        // Windows takes superscript digits for digits.
        const SUPERSCRIPT: [&str; 3] = ["\u{b9}", "\u{b2}", "\u{b3}"];
        let Some((device, number)) = stem.split_at_checked(3) else { return false };
        let is_number = matches!(number, [digit] if digit.is_ascii_digit())
            || SUPERSCRIPT.iter().any(|digit| digit.as_bytes() == number);
        is_number && [&b"com"[..], b"lpt"].iter().any(|port| device.eq_ignore_ascii_case(port))
    };
    DEVICES.into_iter().any(is) || is_numbered()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_files_are_refused() {
        for name in [
            "a:b",
            "C:",
            "a\\b",
            "\\",
            "a*",
            "a?",
            "a\"",
            "<",
            ">",
            "|",
            "a\n",
            "\u{1}",
            "a.",
            "a ",
            "...",
            "con",
            "NUL",
            "nul.txt",
            "Aux.",
            "COM1",
            "lpt9.x",
            "con .txt",
            "COM\u{b2}",
            "conin$",
        ] {
            assert!(problem(name.as_bytes()).is_some(), "{name:?}");
        }
        for name in
            ["a", ".a", "console", "com", "com10", "com\u{b5}", "a b", "é", "nulx", "lpt", "x.nul"]
        {
            assert_eq!(problem(name.as_bytes()), None, "{name:?}");
        }
    }
}
