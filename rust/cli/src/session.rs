//! The environment, the chosen depot and the output of a command.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path};

use scratchrs_core::{FrontEnd, IfMissing, Place, check_depot};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::depots::{bundled_depots, depot_stack};
use scratchrs_model::layout::absolute;

use scratchrs_text::{Context, Text};
use serde::Serialize;

use crate::environment::Environment;
use crate::failure::{Code, Failure, Result};
use crate::output::Output;

/// The environment, the chosen depot and the output of a command.
pub(crate) struct Session {
    pub(crate) environment: Environment,
    /// Those that were passed.
    depots: Vec<String>,
    pub(crate) output: Output,
}

impl Session {
    /// Where text is displayed.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            width: self.environment.columns,
            home: self.environment.home.as_deref(),
            now: self.environment.now,
            front_end: FrontEnd::Shell,
        }
    }

    pub(crate) fn new(environment: Environment, depots: Vec<String>, output: Output) -> Self {
        Self { environment, depots, output }
    }

    /// Prints a result: `value` as JSON, or as `text` for people.
    pub(crate) fn print(
        &mut self,
        value: &impl Serialize,
        text: impl FnOnce(&Context<'_>) -> Text,
    ) -> Result<()> {
        if self.output.is_json() {
            return self.output.json(value);
        }
        let text = text(&self.context());
        self.output.text(text)
    }

    /// Prints a text beside a result, unless that is JSON.
    pub(crate) fn print_text(&mut self, text: Text) -> Result<()> {
        if self.output.is_json() { Ok(()) } else { self.output.text(text) }
    }

    /// As [`Session::print_text`], one sentence.
    pub(crate) fn print_sentence(&mut self, sentence: String) -> Result<()> {
        self.print_text(Text::default().sentence(sentence))
    }

    /// The depot stack, at least one depot. The first one is written to, and created if it is missing.
    pub(crate) fn depots(&self) -> Result<Vec<DepotPath>> {
        let depots = self.chosen_depots()?;
        depots.iter().try_for_each(|depot| check_depot(depot, IfMissing::Accept))?;
        Ok(depots)
    }

    /// As [`Session::depots`], for commands that create nothing: the first depot exists.
    pub(crate) fn existing_depots(&self) -> Result<Vec<DepotPath>> {
        let depots = self.depots()?;
        check_depot(&depots[0], IfMissing::Refuse)?;
        Ok(depots)
    }

    /// The first depot, which exists.
    pub(crate) fn existing_depot(&self) -> Result<DepotPath> {
        Ok(self.existing_depots()?.swap_remove(0))
    }

    fn chosen_depots(&self) -> Result<Vec<DepotPath>> {
        if self.depots.iter().any(String::is_empty) {
            return Err(Failure::invalid("`--depot` is empty"));
        }
        if !self.depots.is_empty() {
            return Ok(self.depots.iter().map(DepotPath::new).collect());
        }
        let Environment { depot_path, home, .. } = &self.environment;
        let bundled = self.bundled_depots()?;
        let depots = depots(depot_path.as_ref(), home.as_deref(), &bundled)?;
        Ok(depots.into_iter().map(DepotPath::new).collect())
    }

    /// The depots of the Julia in JULIA_BINDIR.
    fn bundled_depots(&self) -> Result<Vec<String>> {
        match &self.environment.bindir {
            None => Ok(Vec::new()),
            Some(bindir) => {
                let bindir = unicode("JULIA_BINDIR", bindir)?;
                Ok(bundled_depots(&self.absolute(bindir)?))
            }
        }
    }

    /// The absolute path of an argument.
    pub(crate) fn absolute(&self, path: &str) -> Result<String> {
        let current = || {
            self.environment.current_directory.clone().ok_or_else(|| {
                let message = format!("can't find `{path}`: no current directory");
                Failure::new(Code::Io, message)
            })
        };
        Ok(absolute(path, current)?.into_owned())
    }

    /// The first depot.
    pub(crate) fn depot(&self) -> Result<DepotPath> {
        Ok(self.depots()?.swap_remove(0))
    }
}

/// The place of scratch spaces in a depot.
pub(crate) fn place(depot: &DepotPath) -> Place<'_> {
    Place { depot, directory: None }
}

/// The value of an environment variable as text.
pub(crate) fn unicode<'a>(name: &str, value: &'a OsStr) -> Result<&'a str> {
    value.to_str().ok_or_else(|| {
        Failure::invalid(format!("{name} is not UTF-8: `{}`", value.to_string_lossy()))
    })
}

fn depots(value: Option<&OsString>, home: Option<&str>, bundled: &[String]) -> Result<Vec<String>> {
    let value = value.map(|value| unicode("JULIA_DEPOT_PATH", value)).transpose()?;
    // Without a home directory, `~` is not replaced: it may not be needed.
    let depots = depot_stack(value, home.unwrap_or("~"), bundled)
        .map_err(|error| Failure::invalid(error.to_string()))?;
    let Some(first) = depots.first() else {
        return Err(Failure::invalid("no depot: JULIA_DEPOT_PATH is empty")
            .hint("unset JULIA_DEPOT_PATH to use ~/.julia, or pass a depot: `--depot /path`"));
    };
    let is_below_unknown_home = Path::new(first).components().next()
        == Some(Component::Normal(OsStr::new("~")))
        && home.is_none();
    if is_below_unknown_home {
        return Err(Failure::invalid(format!("can't find the depot `{first}`: no home directory"))
            .hint("set HOME, or pass a depot: `--depot /path`"));
    }
    Ok(depots)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn first(value: Option<&str>, home: Option<&str>) -> Result<String> {
        let value = value.map(OsString::from);
        depots(value.as_ref(), home, &[]).map(|mut depots| depots.swap_remove(0))
    }

    #[test]
    fn the_home_directory_is_needed_only_for_depots_in_it() {
        assert_eq!(first(None, Some("/home/ada")).unwrap(), "/home/ada/.julia");
        assert_eq!(first(Some("/depot:"), None).unwrap(), "/depot");
        for value in [None, Some(":/depot"), Some("~/depot"), Some("~")] {
            let message = first(value, None).unwrap_err().message;
            assert!(message.ends_with("no home directory"), "{value:?}: {message}");
        }
    }

    #[test]
    fn a_depot_path_must_be_utf8() {
        let value = OsString::from_vec(b"/\xff".to_vec());
        let message = depots(Some(&value), None, &[]).unwrap_err().message;
        assert_eq!(message, "JULIA_DEPOT_PATH is not UTF-8: `/\u{fffd}`");
    }
}
