//! TOML as Julia prints it, read line by line.
//!
//! A collection reads thousands of manifests and artifact files, nearly all of them as Julia's
//! `TOML.print` wrote them: each header, and each key with its value, on a line of its own. Such text
//! is read here many times faster than TOML in general is. Whatever looks different is for a
//! reader of all of TOML: here it is none.

/// A line that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// `[[a.b]]`: its bare keys, with the dots between them.
    Element(&'a str),
    /// `[a.b]`, likewise.
    Table(&'a str),
    /// `key = value`: the bare key, and the text of the value.
    Field(&'a str, &'a str),
}

/// The lines of a text that say something; none in the place of one that is not as Julia prints it.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Option<Line<'_>>> {
    text.split_inclusive('\n').filter_map(|line| {
        let line = match line.strip_suffix('\n') {
            Some(line) => line.strip_suffix('\r').unwrap_or(line),
            // The end of the text does not end a line: there, a `\r` is none of TOML.
            None => line,
        };
        let line = line.trim_start_matches(' ');
        let is_comment = || line.starts_with('#') && !line.contains(char::is_control);
        if line.is_empty() || is_comment() {
            return None;
        }
        Some(read(line))
    })
}

fn read(line: &str) -> Option<Line<'_>> {
    let Some(header) = line.strip_prefix('[') else {
        let (key, value) = line.split_once(" = ")?;
        return is_bare(key).then_some(Line::Field(key, value));
    };
    let (header, line): (_, fn(_) -> _) = match header.strip_prefix('[') {
        Some(header) => (header.strip_suffix("]]")?, Line::Element),
        None => (header.strip_suffix(']')?, Line::Table),
    };
    header.split('.').all(is_bare).then(|| line(header))
}

fn is_bare(key: &str) -> bool {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !key.is_empty() && key.bytes().all(is_bare)
}

/// The text of a string without escapes.
pub(crate) fn string(value: &str) -> Option<&str> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\' | 0x7f);
    text.bytes().all(is_plain).then_some(text)
}
