//! `scratchrs verify`: verify everything that has a hash.

use scratchrs_core::artifact::{self, Verification};
use scratchrs_core::store::{self, Store, Verified};
use scratchrs_text::{self as text, Text};
use serde::Serialize;

use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::selection;
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
Examples:
  scratchrs verify
  scratchrs verify --json | jq -r '.artifacts.corrupt[].path'

With --json: {\"artifacts\": as of `scratchrs artifact verify`, \"store\": as of `scratchrs store verify`, \
\"notes\": [\"…\"]}.";

/// Verify the artifacts of the depots and the content of the store against their hashes
///
/// Exits with 1 if an item is corrupt or unreadable. `scratchrs artifact verify` and `scratchrs store verify` verify a
/// part.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {}

#[derive(Serialize)]
struct Answer {
    artifacts: Verification,
    store: Verified,
}

impl Arguments {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let stack = selection::existing_stack(session)?;
        let own = Store::of(place(&session.depot()?))?;
        let answer = with_progress(session, |progress| {
            let artifacts = artifact::verify_all(&stack, progress)?;
            Ok::<_, scratchrs_core::Error>(Answer {
                artifacts,
                store: store::verify(&own, progress)?,
            })
        })?;
        session.print(&answer, |_| {
            let mut text = text::artifact::verification(&answer.artifacts);
            text.lines.extend(text::store::verified(&answer.store).lines);
            text
        })?;
        let Answer { artifacts, store } = &answer;
        let totals =
            [text::artifact::verification_total(artifacts), text::store::verified_total(store)];
        if !artifacts.corrupt.is_empty() || !store.corrupt.is_empty() {
            return Err(Failure::new(Code::Integrity, totals.join("; "))
                .hint("`scratchrs artifact repair` installs corrupt artifacts again"));
        }
        if !artifacts.unreadable.is_empty() {
            return Err(Failure::new(Code::Io, totals.join("; ")));
        }
        session.print_text(totals.into_iter().fold(Text::default(), Text::sentence))
    }
}
