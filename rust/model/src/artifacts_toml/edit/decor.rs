//! Comments and empty lines above headers.

pub(super) fn without_blank_start(text: &str) -> &str {
    text.trim_start_matches(['\r', '\n'])
}

/// The comments above a header that belong to it: the lines after the last empty one.
pub(super) fn attached(above: &str) -> &str {
    &above[detached(above).len()..]
}

/// The comments and empty lines above a header that do not belong to it.
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
