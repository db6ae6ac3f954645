//! `scratchrs completions`: what makes a shell complete our arguments.

use clap::CommandFactory;
use clap_complete::Shell;
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

/// Print the script that completes the arguments of scratchrs in a shell
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
        if session.output.is_json() {
            let shell = self.shell.to_string();
            return session.output.json(&Answer { shell, script: &script });
        }
        session.output.result(&script)
    }
}
