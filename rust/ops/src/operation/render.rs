//! Replies as text for people.

use scratchrs_core::FrontEnd;
use scratchrs_core::{Error, Result};
use scratchrs_text::{self as text, Context};
use serde::de::DeserializeOwned;

use super::now;

/// See [`scratchrs_text`]. The kind of the encoded reply is the name of its Julia type.
///
/// # Errors
///
/// If the kind is unknown, or the reply invalid.
pub fn render(
    kind: &str,
    reply: &[u8],
    width: u64,
    has_colour: bool,
    is_verbose: bool,
    home: Option<&str>,
) -> Result<String> {
    let context = Context {
        width: usize::try_from(width).ok().filter(|width| *width > 0),
        home,
        now: now(),
        front_end: FrontEnd::Julia,
    };
    let text = match kind {
        "Report" => text::gc::report(&decoded(reply)?, is_verbose, &context),
        "Status" => text::gc::status(&decoded(reply)?, is_verbose, &context),
        "Explained" => text::gc::explained(&decoded(reply)?, &context),
        "StoreStatus" => text::store::status(&decoded(reply)?, is_verbose, &context),
        "Verification" => {
            let found = decoded(reply)?;
            let total = text::artifact::verification_total(&found);
            text::artifact::verification(&found).sentence(total)
        }
        "StoreVerification" => {
            let found = decoded(reply)?;
            let total = text::store::verified_total(&found);
            text::store::verified(&found).sentence(total)
        }
        _ => return Err(Error::InvalidInput(format!("unknown kind of reply: {kind}"))),
    };
    let text = text.to_string();
    Ok(if has_colour { text } else { text::plain(&text) })
}

fn decoded<T: DeserializeOwned>(reply: &[u8]) -> Result<T> {
    let invalid = |error| Error::InvalidInput(format!("invalid reply: {error}"));
    rmp_serde::from_slice(reply).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use scratchrs_core::gc::{Category, Consequence, Entry, Note, Share, Status};
    use scratchrs_fs::Size;
    use scratchrs_model::diagnostic::Diagnostic;

    use super::*;

    #[test]
    fn a_reply_is_rendered_as_it_was() {
        let size = Size { bytes: 2048, shared: 0, files: 0 };
        let entry = Entry {
            kind: Category::Artifact,
            label: "iris".to_owned(),
            package: None,
            path: "/depot/artifacts/1".to_owned(),
            size,
            last_used: Some(now()),
            manifests: 0,
            artifact_files: 1,
            projects: 0,
            names: 0,
            is_held: false,
            is_orphan: false,
            until: None,
        };
        let diagnostic = Diagnostic::of_line(3, "invalid");
        let note =
            Note { path: "/file".to_owned(), diagnostic, consequence: Consequence::Unreadable };
        let share = Share { kind: Category::Artifact, count: 1, size, reclaimable: size };
        let status = Status {
            depots: vec!["/depot".to_owned()],
            shares: vec![share],
            entries: vec![entry],
            notes: vec![note],
            size,
            saved: 0,
        };
        let reply = crate::encode(&status);
        let decoded: Status = decoded(&reply).unwrap();
        assert_eq!((&decoded.entries, &decoded.notes), (&status.entries, &status.notes));
        let text = render("Status", &reply, 80, false, false, None).unwrap();
        assert!(text.starts_with("/depot   2.0 KiB on disk   2.0 KiB reclaimable\n"), "{text}");
        assert!(text.contains("iris     artifact  2.0 KiB  today      1 artifact file"), "{text}");
        assert!(render("Status", b"\xc1", 80, false, false, None).is_err());
        assert!(render("Nothing", &reply, 80, false, false, None).is_err());
    }
}
