//! `scratchrs jll audit`: whether what was built serves on other machines.

use std::path::Path;

use scratchrs_jll::audit::{Audit, Expectation, audit};
use scratchrs_model::platform::Platform;
use scratchrs_text::Text;
use scratchrs_text::human::{count, plural};

use super::{Content, as_notes, as_text, failure, parse_valid_platform, total};
use crate::failure::{Code, Failure, Result};
use crate::machine::this_machine;
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs jll audit build/linux
  scratchrs jll audit build/mac --platform aarch64-apple-darwin --product library:libfoo
  scratchrs jll audit build/linux --json | jq '.errors[].message'

The checks: products are there; binaries are for the platform; libraries have a soname, and a file of that name; run \
paths are relative, and no file names the directory itself; no newer glibc is needed; every library that is needed is \
the system's, Julia's, in the folder, or of a dependency; links stay in the folder.

With --json: {\"binaries\", \"errors\": [{\"platform\", \"path\", \"check\", \"message\", \"hint\"}], \
\"warnings\": [as in \"errors\"], \"notes\": [\"…\"]}. \"check\" is \"product\", \"architecture\", \"soname\", \
\"run_path\", \"build_path\", \"glibc\", \"dependency\", \"link\" or \"licence\".";

/// Check whether the binaries in a folder serve on other machines
///
/// Nothing is changed. Exits with 1 if the audit finds an error.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The folder, laid out as `make install` does it
    #[arg(value_name = "DIR")]
    folder: String,

    /// The platform that it was built for [default: this machine]
    #[arg(long, value_name = "TRIPLET", value_parser = parse_valid_platform)]
    platform: Option<Platform>,

    #[command(flatten)]
    content: Content,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let platform = match &self.platform {
            Some(platform) => platform.clone(),
            None => this_machine()?,
        };
        let expectation = Expectation {
            platform: Some(&platform),
            products: &self.content.products,
            dependencies: &self.content.dependencies,
            depots: &session.depots().unwrap_or_default(),
            glibc: self.content.glibc,
        };
        let folder = session.absolute(&self.folder)?;
        let found =
            with_progress(session, |progress| audit(Path::new(&folder), &expectation, progress));
        let found = found.map_err(failure)?;
        session.print(&found, |_| text(&found))?;
        if found.errors.is_empty() {
            Ok(())
        } else {
            Err(Failure::new(Code::Format, total(&found.errors)))
        }
    }
}

fn text(audit: &Audit) -> Text {
    let text = Text { lines: as_text(&audit.errors), ..Text::default() };
    let text = Text { notes: as_notes(&audit.warnings), ..text };
    let binaries = audit.binaries as u64;
    if !audit.errors.is_empty() {
        return text;
    }
    let verb = plural(binaries, "serves", "serve");
    text.sentence(format!("{} {verb} on other machines", count(binaries, "binary file")))
}
