//! TOML text as Julia's printer writes it, for the files that we share with Pkg.
//!
//! The `toml` crate prints the same values in other ways (`'…'` for some strings, no zone on a
//! time). A file that Pkg and we rewrite in turn must not change when nothing has changed.
//! Source: Julia, `stdlib/TOML/src/print.jl`.

use std::fmt::Write;

/// Appends `text` as a basic string.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' || control == '\u{7f}' => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Appends an array of strings on one line.
pub fn push_strings<'a>(out: &mut String, texts: impl IntoIterator<Item = &'a str>) {
    out.push('[');
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        push_string(out, text);
    }
    out.push(']');
}

/// Appends a key: bare where its characters allow it.
pub fn push_key(out: &mut String, key: &str) {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(is_bare) {
        out.push_str(key);
    } else {
        push_string(out, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(text: &str) -> String {
        let mut out = String::new();
        push_string(&mut out, text);
        out
    }

    #[test]
    fn strings_are_escaped_as_julia_escapes_them() {
        assert_eq!(string(r"C:\depot"), r#""C:\\depot""#);
        assert_eq!(string("é \"q\"\n\u{1}\u{7f}"), r#""é \"q\"\n\u0001\u007f""#);
    }

    proptest! {
        #[test]
        fn every_text_survives(text in any::<String>(), key in any::<String>()) {
            let mut line = String::new();
            push_key(&mut line, &key);
            line.push_str(" = ");
            push_strings(&mut line, [text.as_str(), "other"]);
            let table: toml::Table = line.parse().expect("what we print is TOML");
            let expected: toml::Value = vec![text.as_str(), "other"].into();
            prop_assert_eq!(table.get(&key), Some(&expected));
        }
    }
}
