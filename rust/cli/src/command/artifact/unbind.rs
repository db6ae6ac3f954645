//! `scratchrs artifact unbind`: remove a binding.

use scratchrs_core::artifact;
use scratchrs_model::platform::Platform;
use scratchrs_text::Text;
use scratchrs_text::human::visible;
use serde::Serialize;

use crate::failure::{Code, Failure, Result};
use crate::selection::{self, FileOption};
use crate::session::Session;
use crate::waiting::with_lock_timeout;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact unbind iris
  scratchrs artifact unbind tool --platform x86_64-linux-gnu    … only for one platform

With --json: {\"file\", \"name\", \"platform\", \"notes\": [\"…\"]}";

/// Remove a binding from an Artifacts.toml file
///
/// The artifact itself stays, until a collection deletes it. Exits with 3 if the name is not bound.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The name
    name: String,

    #[command(flatten)]
    file: FileOption,

    /// The platform of the binding to remove [default: all platforms]
    #[arg(long, value_name = "TRIPLET", value_parser = selection::parse_platform)]
    platform: Option<Platform>,
}

#[derive(Serialize)]
struct Answer<'a> {
    file: &'a str,
    name: &'a str,
    platform: Option<String>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let file = self.file.existing(session)?;
        let platform = self.platform.as_ref();
        let was_bound = with_lock_timeout(session, |lock_timeout| {
            artifact::unbind(&file, &self.name, platform, lock_timeout)
        })?;
        let on = platform.map(|platform| format!(" on {platform}")).unwrap_or_default();
        let what = format!("`{}`{on} in `{file}`", visible(&self.name));
        if !was_bound {
            let failure = Failure::new(Code::NotFound, format!("{what} is not bound"));
            return Err(failure.about(&file));
        }
        let platform = platform.map(ToString::to_string);
        let answer = Answer { file: &file, name: &self.name, platform };
        session.print(&answer, |_| Text::default().done("Unbound", what))
    }
}
