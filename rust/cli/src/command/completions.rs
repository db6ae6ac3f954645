//! `scratchrs completions`: shell completion scripts.

use clap::CommandFactory;
use clap_complete::Shell;
use scratchrs_text::Text;
use serde::Serialize;

use crate::arguments;
use crate::failure::Result;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs completions bash >> ~/.bash_completion
  scratchrs completions zsh > ~/.zfunc/_scratchrs    with ~/.zfunc in fpath
  scratchrs completions fish > ~/.config/fish/completions/scratchrs.fish

With --json: {\"shell\", \"script\", \"notes\": [\"…\"]}";

/// Generate a shell completion script
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

#[derive(Serialize)]
struct Answer<'a> {
    shell: String,
    script: &'a str,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let mut script = Vec::new();
        let mut command = arguments::Arguments::command();
        clap_complete::generate(self.shell, &mut command, "scratchrs", &mut script);
        let script = String::from_utf8_lossy(&script);
        let shell = self.shell.to_string();
        let answer = Answer { shell, script: &script };
        session.print(&answer, |_| Text::line(script.trim_end_matches('\n')))
    }
}
