//! The question before something is deleted.

use std::io;

use crate::failure::{Code, Failure, Result};
use crate::session::Session;

/// The option that answers it.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Delete without asking
    #[arg(long, short)]
    yes: bool,
}

impl Options {
    /// Asks `question` (`Delete …`), unless `--yes` was given.
    ///
    /// # Errors
    ///
    /// If the answer is not yes, or there is no terminal.
    pub(crate) fn confirm(&self, session: &mut Session, question: &str) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !session.environment.is_interactive {
            return Err(Failure::invalid(format!("can't ask without a terminal: {question}?"))
                .hint("pass `--yes` to delete without asking"));
        }
        session.output.ask(&format!("{question}? [y/N]"));
        let mut answer = String::new();
        match io::stdin().read_line(&mut answer) {
            Ok(_) if is_yes(&answer) => Ok(()),
            Ok(_) => Err(Failure::new(Code::Declined, "Nothing was deleted")),
            Err(error) => {
                Err(Failure::new(Code::Io, format!("can't read from standard input: {error}")))
            }
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for answer in ["y\n", "Y\r\n", " yes\n", "YES"] {
            assert!(is_yes(answer), "{answer:?}");
        }
        for answer in ["", "\n", "n\n", "yy\n", "ye\n"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }
}
