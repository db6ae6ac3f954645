//! What every command works with.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path};

use scratchrs_core::Place;
use scratchrs_model::depots::{bundled_depots, depot_stack};
use scratchrs_model::layout::absolute;

use crate::environment::Environment;
use crate::failure::{Code, Failure, Result};
use crate::output::Output;
use scratchrs_text::{FrontEnd, Reader};

/// The world, the depot that the user chose, and where to say what.
pub(crate) struct Session {
    pub(crate) environment: Environment,
    depot: Option<String>,
    pub(crate) output: Output,
}

impl Session {
    /// For whom text is.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            width: self.environment.columns,
            home: self.environment.home.as_deref(),
            now: self.environment.now,
            front_end: FrontEnd::Shell,
        }
    }

    pub(crate) fn new(environment: Environment, depot: Option<String>, output: Output) -> Self {
        Self { environment, depot, output }
    }

    /// The depots in which things are looked for; the first one is written to.
    ///
    /// There is at least one.
    pub(crate) fn depots(&self) -> Result<Vec<String>> {
        match &self.depot {
            Some(depot) if depot.is_empty() => Err(Failure::invalid("`--depot` is empty")),
            Some(depot) => Ok(vec![depot.clone()]),
            None => {
                let Environment { depot_path, home, .. } = &self.environment;
                depots(depot_path.as_ref(), home.as_deref(), &self.bundled_depots()?)
            }
        }
    }

    /// The depots that come with the Julia that JULIA_BINDIR names; none if it names none.
    fn bundled_depots(&self) -> Result<Vec<String>> {
        match &self.environment.bindir {
            None => Ok(Vec::new()),
            Some(bindir) => {
                let bindir = unicode("JULIA_BINDIR", bindir)?;
                Ok(bundled_depots(&self.absolute(bindir)?))
            }
        }
    }

    /// A path of the user's, from the root of the file system.
    pub(crate) fn absolute(&self, path: &str) -> Result<String> {
        let current = || {
            self.environment.current_directory.clone().ok_or_else(|| {
                let message = format!("can't find `{path}`: there is no current directory");
                Failure::new(Code::Io, message)
            })
        };
        Ok(absolute(path, current)?.into_owned())
    }

    /// The depot that is read and written to.
    pub(crate) fn depot(&self) -> Result<String> {
        Ok(self.depots()?.swap_remove(0))
    }
}

/// Where the scratch spaces of a depot are.
pub(crate) fn place(depot: &str) -> Place<'_> {
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
    // Without a home, `~` stays what it is: it may not be needed.
    let depots = depot_stack(value, home.unwrap_or("~"), bundled)
        .map_err(|error| Failure::invalid(error.to_string()))?;
    let Some(first) = depots.first() else {
        return Err(Failure::invalid("there is no depot: JULIA_DEPOT_PATH is set to nothing")
            .hint("unset JULIA_DEPOT_PATH to use ~/.julia, or name a depot: `--depot /path`"));
    };
    let is_below_unknown_home = Path::new(first).components().next()
        == Some(Component::Normal(OsStr::new("~")))
        && home.is_none();
    if is_below_unknown_home {
        return Err(Failure::invalid(format!("can't find the depot `{first}`: no home directory"))
            .hint("set HOME, or name a depot: `--depot /path`"));
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
    fn a_home_is_needed_only_below_it() {
        assert_eq!(first(None, Some("/home/ada")).unwrap(), "/home/ada/.julia");
        assert_eq!(first(Some("/depot:"), None).unwrap(), "/depot");
        for value in [None, Some(":/depot"), Some("~/depot"), Some("~")] {
            let message = first(value, None).unwrap_err().message;
            assert!(message.ends_with("no home directory"), "{value:?}: {message}");
        }
    }

    #[test]
    fn what_is_no_text_is_no_depot() {
        let value = OsString::from_vec(b"/\xff".to_vec());
        let message = depots(Some(&value), None, &[]).unwrap_err().message;
        assert_eq!(message, "JULIA_DEPOT_PATH is not UTF-8: `/\u{fffd}`");
    }
}
