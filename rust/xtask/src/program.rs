//! Running other programs, with errors that name the command.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Runs a program with the output and input of this one.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("could not start `{}`", shown(&command)))?;
    ensure!(status.success(), "`{}` failed with {status}", shown(&command));
    Ok(())
}

/// The output of a program. If it fails, the error has its stderr.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start `{}`", shown(&command)))?;
    ensure!(
        output.status.success(),
        "`{}` failed with {}: {}",
        shown(&command),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8(output.stdout)
        .with_context(|| format!("the output of `{}` is not Unicode", shown(&command)))
}

/// The command as shell text, with its environment variables.
pub(crate) fn shown(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(key, value)| {
        value.map(|value| format!("{}={}", key.to_string_lossy(), quoted(value)))
    });
    let words =
        std::iter::once(command.get_program()).chain(command.get_args()).map(quoted_to_string);
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted_to_string(word: &OsStr) -> String {
    quoted(word).into_owned()
}

/// A word of a shell command, quoted if necessary.
fn quoted(word: &OsStr) -> Cow<'_, str> {
    let word = word.to_string_lossy();
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | ',' | '@');
    if !word.is_empty() && word.chars().all(is_plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', r"'\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("julia");
        command.args(["-e", "print('a')", ""]).env("DEPOT", "/d:").env_remove("GONE");
        assert_eq!(shown(&command), r"DEPOT=/d: julia -e 'print('\''a'\'')' ''");
    }
}
