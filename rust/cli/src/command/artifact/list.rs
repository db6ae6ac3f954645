//! `scratchrs artifact list`: list installed artifacts, or the bindings of a file.

use scratchrs_core::artifact::{self, BindingState, FileBinding, Stack};
use scratchrs_text::human::visible;
use scratchrs_text::{self as text, Note, Text};
use serde::Serialize;

use crate::failure::Result;
use crate::selection::{self, Scope};
use crate::session::Session;
use crate::sorting::{self, Facts, Order};

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact list                      the artifacts in the depots
  scratchrs artifact list --file .             the bindings of the package in this directory
  scratchrs artifact list --file . --all       … for all platforms
  scratchrs artifact list --json | jq '[.artifacts[].bytes] | add'

With --json: {\"artifacts\": [{\"hash\", \"path\", \"bytes\", \"names\": [\"…\"], \"last_used\", \
\"bound_by\": [\"…\"]}], \"bytes\", \"notes\": [\"…\"]}; with --file {\"file\", \"bindings\": \
[{\"name\", \"platform\", \"hash\", \"lazy\", \"state\", \"path\", \"urls\": [\"…\"], \
\"reason\"}], \"notes\": [\"…\"]}, where \"state\" is \"installed\", \"missing\" or \"overridden\"; \
or, with a \"reason\" and neither hash nor path, \"undecided\" if it depends on unknown properties of \
this machine, or \"invalid\".";

/// List the artifacts of the depots, or the bindings of a file
///
/// Without --file, the artifacts of all depots are listed, with the files in the usage logs that bind them.
/// With --file, the bindings of that file are listed, for the platform of this machine.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scope: Scope,

    /// List the bindings for all platforms
    #[arg(long, requires = "file", conflicts_with = "platform")]
    all: bool,

    #[command(flatten)]
    sorting: sorting::Options,
}

#[derive(Serialize)]
struct FileAnswer {
    file: String,
    bindings: Vec<FileBinding>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        if self.scope.file.is_given() {
            let mut stack = selection::stack(session)?;
            self.list_file(session, &mut stack)
        } else {
            let stack = selection::existing_stack(session)?;
            let mut listing = artifact::list(&stack)?;
            self.sorting.apply(Order::Name, &mut listing.artifacts, |artifact| Facts {
                name: artifact.names.first().cloned().unwrap_or_else(|| artifact.hash.to_string()),
                bytes: artifact.bytes,
                last_used: artifact.last_used,
            });
            session.output.notes(&listing.diagnostics);
            session.print(&listing, |context| {
                text::artifact::listing(&listing, &stack.directories(), context)
            })
        }
    }

    fn list_file(&self, session: &mut Session, stack: &mut Stack) -> Result<()> {
        let file = self.scope.file.existing(session)?;
        let bindings = selection::bindings(session, stack, &file)?;
        let host = if self.all { None } else { Some(self.scope.platform.host()?) };
        let bindings = artifact::list_bindings(stack, &file, &bindings, host.as_ref())?;
        // The diagnostics of invalid bindings are noted already.
        for binding in bindings.iter().filter(|it| it.state == BindingState::Undecided) {
            let message = visible(binding.reason.as_deref().unwrap_or_default());
            session.output.note(Note { message, hint: binding.hint.clone() });
        }
        let answer = FileAnswer { file, bindings };
        session.print(&answer, |context| {
            if answer.bindings.is_empty() {
                let on = host.map(|host| format!(" on {}", host.platform())).unwrap_or_default();
                return Text::default().sentence(format!("`{}` binds nothing{on}", answer.file));
            }
            text::artifact::bindings(&answer.bindings, context)
        })
    }
}
