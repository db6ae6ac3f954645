//! Binding and unbinding names, as edits of a file's text.
//!
//! New entries have the form and the place that Pkg gives them (`TOML.print(…; sorted = true)`);
//! the rest of the file does not change. So a file that only Pkg and ScratchRS write has the bytes
//! that Pkg alone would have written, and a file with comments keeps them and its order.
//!
//! A comment directly above a header belongs to the entry: it is kept when the name is bound again,
//! and removed when it is unbound. A comment followed by an empty line belongs to the file.

mod addition;
mod decor;
mod fields;
mod file;
mod inline;

use std::borrow::Cow;

use super::{Binding, Bindings, Download, Elements};
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::platform::Platform;

use addition::Addition;
use file::File;

/// How to bind a name.
#[derive(Clone, Copy, Debug, Default)]
pub struct BindOptions<'a> {
    /// The platform, or `None` for all platforms.
    pub platform: Option<&'a Platform>,
    /// The sources. `None` leaves the section out.
    pub downloads: Option<&'a [Download]>,
    /// Whether the artifact is installed on first use only.
    pub lazy: bool,
    /// Whether an existing binding is replaced.
    pub force: bool,
}

/// Why a file is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not TOML.
    #[error("{0}")]
    Malformed(Diagnostic),
    /// The name is bound already.
    #[error("`{name}` is bound already{}", .platform.iter().map(|it| format!(" for {it}")).collect::<String>())]
    Bound {
        /// The name.
        name: String,
        /// The requested platform; `None` for every platform.
        platform: Option<String>,
    },
    /// The name is bound for some platforms, and should be bound for all.
    #[error("`{0}` is bound already, by platform")]
    BoundByPlatform(String),
    /// The name is bound for all platforms, and should be unbound for one.
    #[error("`{0}` is bound for every platform")]
    BoundEverywhere(String),
}

/// The text of a file with `name` bound to the artifact `hash`.
///
/// A name is bound either for all platforms or for one or several: with `force`, a binding of the
/// other kind is replaced completely. Two platforms are the same if they have the same tags.
///
/// # Errors
///
/// If the text is not TOML, or, without `force`, if the name is bound already.
pub fn bind(
    text: &str,
    name: &str,
    hash: TreeHash,
    options: BindOptions<'_>,
) -> Result<String, Refusal> {
    let mut bindings = Bindings::read(text).map_err(Refusal::Malformed)?;
    let binding = bindings.names.remove(name);
    drop(bindings);
    let (text, line_ends) = LineEnds::of(text);
    let file = File::of(&text)?;
    let bound = || Refusal::Bound { name: name.to_owned(), platform: None };
    let addition = Addition { hash, options };
    let changed = match (binding, options.platform) {
        (None, _) => file.add(name, &addition),
        (Some(binding), _) if binding.is_empty() => file.replace(name, &addition)?,
        (Some(Binding::ByPlatform(_)), None) if !options.force => {
            return Err(Refusal::BoundByPlatform(name.to_owned()));
        }
        (Some(Binding::ByPlatform(entries)), Some(platform)) => {
            let same: Vec<usize> = indices_of(platform, &entries).collect();
            if !same.is_empty() && !options.force {
                let platform = Some(platform.to_string());
                return Err(Refusal::Bound { name: name.to_owned(), platform });
            }
            file.with_element(name, &same, entries.len(), &addition)?
        }
        (Some(_), _) if !options.force => return Err(bound()),
        (Some(_), _) => file.replace(name, &addition)?,
    };
    Ok(line_ends.restore(changed))
}

/// The text of a file without the binding of `name`, or without its binding for a given platform.
/// `None` if the name is not bound.
///
/// # Errors
///
/// If the text is not TOML; or if a platform is given but the name is bound for all platforms.
pub fn unbind(
    text: &str,
    name: &str,
    platform: Option<&Platform>,
) -> Result<Option<String>, Refusal> {
    let mut bindings = Bindings::read(text).map_err(Refusal::Malformed)?;
    let Some(binding) = bindings.names.remove(name) else { return Ok(None) };
    drop(bindings);
    let (text, line_ends) = LineEnds::of(text);
    let file = File::of(&text)?;
    let changed = match (platform, binding) {
        (None, _) => file.remove(name),
        (Some(_), Binding::Everywhere(_) | Binding::Invalid(_)) => {
            return Err(Refusal::BoundEverywhere(name.to_owned()));
        }
        (Some(platform), Binding::ByPlatform(entries)) => {
            let same: Vec<usize> = indices_of(platform, &entries).collect();
            match same.len() {
                0 => return Ok(None),
                // Pkg leaves an empty array, which binds nothing.
                all if all == entries.len() => file.remove(name),
                _ => file.with_elements(name, &same, None),
            }
        }
    };
    Ok(Some(line_ends.restore(changed)))
}

/// The line ends of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Unix,
    Windows,
}

impl LineEnds {
    /// The text with line ends as on Unix, if all of them are as on Windows.
    fn of(text: &str) -> (Cow<'_, str>, Self) {
        let newlines = text.matches('\n').count();
        match newlines > 0 && newlines == text.matches("\r\n").count() {
            true => (Cow::Owned(text.replace("\r\n", "\n")), Self::Windows),
            false => (Cow::Borrowed(text), Self::Unix),
        }
    }

    fn restore(self, text: String) -> String {
        if self == Self::Windows { text.replace('\n', "\r\n") } else { text }
    }
}

/// The elements for a platform.
fn indices_of<'a>(
    platform: &'a Platform,
    elements: &'a Elements,
) -> impl Iterator<Item = usize> + 'a {
    let is_same =
        |at: &usize| elements[*at].0.as_ref().is_ok_and(|other| other.has_tags_of(platform));
    (0..elements.len()).filter(is_same)
}

impl Binding {
    /// Whether it is an empty array, as Pkg leaves one when it unbinds the last platform of a name.
    fn is_empty(&self) -> bool {
        matches!(self, Self::ByPlatform(entries) if entries.is_empty())
    }
}

#[cfg(test)]
mod tests;
