//! Comments and empty lines above headers.

use toml_edit::{Decor, RawString};

pub(super) fn prefix(decor: &Decor) -> String {
    decor.prefix().and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// Takes from the header that was next what a header in front of it has above it.
pub(super) fn make_way(next: &mut Decor, is_first: bool) -> String {
    let above = prefix(next);
    if !is_first {
        return "\n".to_owned();
    }
    let (head, own) = (detached(&above), attached(&above));
    next.set_prefix(format!("\n{own}"));
    head.to_owned()
}

/// Puts comments above a header, instead of the empty lines that it has there.
pub(super) fn put_above(decor: &mut Decor, comments: &str) {
    let above = prefix(decor);
    decor.set_prefix(format!("{comments}{}", without_blank_start(&above)));
}

pub(super) fn without_blank_start(text: &str) -> &str {
    text.trim_start_matches(['\r', '\n'])
}

/// What stands above a header and belongs to it: the lines behind the last empty one.
pub(super) fn attached(above: &str) -> &str {
    &above[detached(above).len()..]
}

/// What stands above a header and does not belong to it.
pub(super) fn detached(above: &str) -> &str {
    let mut end = 0;
    let mut at = 0;
    for line in above.split_inclusive('\n') {
        at += line.len();
        if line.trim().is_empty() && line.ends_with('\n') {
            end = at;
        }
    }
    &above[..end]
}

pub(super) fn has_comment(above: &str) -> bool {
    above.contains('#')
}
