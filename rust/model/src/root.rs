//! Reading a root completely, or not at all.
//!
//! A root is a file that references items. An invalid part of it might reference any item; so an
//! invalid root is an error, with the position of the first invalid part, and a collection keeps
//! all items that it might reference.
//!
//! Two states of a file are understood although they are not valid TOML: one with a key or a table
//! that is defined twice, and one with the conflict markers of a merge. Then every definition, and
//! every side, counts.

use crate::diagnostic::Diagnostic;

/// The references of a root, with a warning if Pkg would refuse it; or the first invalid place.
pub type Reading<T> = Result<(T, Option<Diagnostic>), Diagnostic>;

/// Reads a root with `read`, which accepts TOML with repetitions. Reads each side of a merge
/// conflict, and merges them with `add`.
pub(crate) fn read<T>(
    bytes: &[u8],
    mut read: impl FnMut(&str) -> Reading<T>,
    add: impl Fn(&mut T, T),
) -> Reading<T> {
    let text = text_of(bytes)?;
    let last = text.rsplit('\n').next().unwrap_or_default();
    if last.trim_start().starts_with('#') {
        // The first line of a manifest is a comment: a manifest that ends there would have no
        // references.
        return Err(Diagnostic::at(text, text.len(), "the file ends in the middle of a comment"));
    }
    let diagnostic = match read(text) {
        Ok(reading) => return Ok(reading),
        Err(diagnostic) => diagnostic,
    };
    let Some(conflict) = Conflict::of(text) else { return Err(diagnostic) };
    let mut whole: Option<T> = None;
    for side in conflict.sides()? {
        let (content, _) = read(&conflict.text_of(side))?;
        match &mut whole {
            Some(whole) => add(whole, content),
            None => whole = Some(content),
        }
    }
    let message = "conflict markers of a merge: the references of each side count";
    let warning = Diagnostic::of_line(conflict.line, message);
    whole.map(|whole| (whole, Some(warning))).ok_or(diagnostic)
}

/// The text of bytes.
///
/// # Errors
///
/// If they are not UTF-8, or if there are none: a crash leaves such a file behind.
pub fn text_of(bytes: &[u8]) -> Result<&str, Diagnostic> {
    if bytes.is_empty() {
        return Err(Diagnostic::of_file("the file is empty, as a crash leaves it"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        Diagnostic::of_line(line, not_unicode(bytes))
    })
}

/// Why bytes are not UTF-8.
fn not_unicode(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the text is UTF-16, not UTF-8",
        [0x1f, 0x8b, ..] => "the file is compressed",
        _ => "the text is not UTF-8",
    }
}

/// A side of a merge conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    Base,
    Theirs,
}

/// A part of a text with conflict markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A line that all sides have.
    Common,
    Of(Side),
    Marker,
}

/// A text with the conflict markers that git and others write.
struct Conflict<'t> {
    text: &'t str,
    /// The line of the first marker, counted from one.
    line: usize,
}

impl<'t> Conflict<'t> {
    /// `None` if no line is a marker that begins a conflict.
    fn of(text: &'t str) -> Option<Self> {
        let line = text.lines().position(|line| is_marker(line, b'<'))?;
        Some(Self { text, line: line + 1 })
    }

    /// The sides of the conflict.
    ///
    /// # Errors
    ///
    /// The first marker that is out of order, or that is not followed by the next one.
    fn sides(&self) -> Result<Vec<Side>, Diagnostic> {
        let mut sides = vec![Side::Ours, Side::Theirs];
        let mut last = Part::Common;
        for (index, (_, part)) in self.parts().enumerate() {
            let Ok(part) = part else {
                let message = "a conflict marker without the one before it".to_owned();
                return Err(Diagnostic::of_line(index + 1, message));
            };
            if part == Part::Of(Side::Base) && sides.len() == 2 {
                sides.insert(1, Side::Base);
            }
            last = part;
        }
        let is_open = matches!(last, Part::Of(_))
            || last == Part::Marker
                && !self.text.lines().last().is_some_and(|l| is_marker(l, b'>'));
        match is_open {
            true => {
                let message = "the conflict that begins here has no end".to_owned();
                Err(Diagnostic::of_line(self.line, message))
            }
            false => Ok(sides),
        }
    }

    /// Each line with its part; an error for a marker that is out of order.
    fn parts(&self) -> impl Iterator<Item = (&'t str, Result<Part, ()>)> {
        let mut side: Option<Side> = None;
        self.text.split_inclusive('\n').map(move |line| {
            let found = line.trim_end();
            let next = match side {
                None if is_marker(found, b'<') => Some(Some(Side::Ours)),
                Some(Side::Ours) if is_marker(found, b'|') => Some(Some(Side::Base)),
                Some(Side::Ours | Side::Base) if is_marker(found, b'=') => Some(Some(Side::Theirs)),
                Some(Side::Theirs) if is_marker(found, b'>') => Some(None),
                _ => None,
            };
            if let Some(next) = next {
                side = next;
                return (line, Ok(Part::Marker));
            }
            let is_stray = [b'<', b'>'].into_iter().any(|mark| is_marker(found, mark));
            let part = side.map_or(Part::Common, Part::Of);
            (line, if is_stray { Err(()) } else { Ok(part) })
        })
    }

    /// The text of a side. Lines of other sides are empty, so that positions are kept.
    fn text_of(&self, side: Side) -> String {
        let mut text = String::with_capacity(self.text.len());
        for (line, part) in self.parts() {
            let is_meant =
                matches!(part, Ok(part) if part == Part::Common || part == Part::Of(side));
            text.push_str(if is_meant { line } else { "\n" });
        }
        text
    }
}

/// Whether a line is a conflict marker: seven times the same character, then nothing or a space and
/// a label.
fn is_marker(line: &str, mark: u8) -> bool {
    let bytes = line.as_bytes();
    let is_mark = bytes.len() >= 7 && bytes[..7].iter().all(|byte| *byte == mark);
    is_mark && matches!(bytes.get(7), None | Some(b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(text: &str) -> Result<Vec<String>, Diagnostic> {
        let conflict = Conflict::of(text).unwrap();
        let sides = conflict.sides()?;
        Ok(sides.into_iter().map(|side| conflict.text_of(side).replace('\n', "|")).collect())
    }

    #[test]
    fn each_side_has_its_lines_and_those_of_all() {
        let text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\nd\n";
        assert_eq!(sides(text).unwrap(), ["a||b||||d|", "a||||c||d|"]);
        let text = "<<<<<<< HEAD\r\nb\n||||||| base\nx\n=======\nc\n>>>>>>> other";
        assert_eq!(sides(text).unwrap(), ["|b||||||", "|||x||||", "|||||c||"]);
    }

    #[test]
    fn markers_out_of_order_have_a_place() {
        for (text, line) in [
            ("<<<<<<< a\nb\n", 1),
            ("<<<<<<< a\nb\n=======\n", 1),
            ("<<<<<<< a\n<<<<<<< b\n=======\n>>>>>>> c\n", 2),
            ("<<<<<<< a\n=======\n>>>>>>> c\n>>>>>>> c\n", 4),
        ] {
            assert_eq!(sides(text).unwrap_err().line, Some(line), "{text}");
        }
    }

    #[test]
    fn a_file_that_ends_in_a_comment_is_cut() {
        let read = |text: &str| super::read(text.as_bytes(), |_| Ok(((), None)), |(), ()| ());
        assert_eq!(read("# This file is machine-gen").unwrap_err().column, Some(27));
        assert!(read("# This file is machine-generated\n").is_ok());
        assert!(read("a = 1 # whole").is_ok());
    }

    #[test]
    fn what_is_no_text_is_said() {
        let reason = |bytes: &[u8]| text_of(bytes).unwrap_err().to_string();
        assert_eq!(reason(b""), "the file is empty, as a crash leaves it");
        assert_eq!(reason(b"a\n\xff"), "2: the text is not UTF-8");
        assert_eq!(reason(b"\xff\xfe[\0"), "1: the text is UTF-16, not UTF-8");
        assert_eq!(reason(b"\x1f\x8b\x08"), "1: the file is compressed");
    }
}
