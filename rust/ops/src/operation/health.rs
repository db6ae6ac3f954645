//! The verification and the usage of artifacts.

use scratchrs_core::Result;
use scratchrs_core::artifact::{self, Repairs, Verification};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::Host;
use toml::{Table, Value};

use super::artifact::{parsed, platform, stack};
use super::document;
use super::install::Session;

/// See [`artifact::verify_all`].
///
/// # Errors
///
/// As there.
pub fn verify_artifacts(
    depots: Vec<&str>,
    directory: &str,
    progress: &Progress,
) -> Result<Verification> {
    artifact::verify_all(&stack(depots, directory)?, progress)
}

/// See [`artifact::repair`]. What overrides say counts, as for the program.
///
/// # Errors
///
/// As there.
pub fn repair_artifacts(
    depots: Vec<&str>,
    directory: &str,
    files: Vec<&str>,
    tags: Vec<&str>,
    session: Vec<&str>,
    progress: &Progress,
) -> Result<Repairs> {
    let session = Session::read(&session, depots.first())?;
    let host = Host::given(platform(&tags)?.into_host());
    let mut stack = stack(depots, directory)?;
    stack.read_overrides()?;
    artifact::repair(&stack, &files, &host, session.options(), progress)
}

/// See [`artifact::known_files`] and [`artifact::usage`].
///
/// # Errors
///
/// As there.
pub fn artifact_usage(depots: Vec<&str>, hash: &str, more: Vec<&str>) -> Result<document::Table> {
    let known = artifact::known_files(&stack(depots, "")?, more)?;
    let uses = artifact::usage(&known, parsed(hash)?);
    let uses = list(uses, |one| {
        let last_used = one.last_used.map(|time| time.to_string()).unwrap_or_default();
        Value::Table(table([
            ("path", Value::String(one.path)),
            ("names", list(one.names, Value::String)),
            ("last_used", Value::String(last_used)),
        ]))
    });
    Ok(document::Table(table([("uses", uses)])))
}

fn table<const N: usize>(fields: [(&str, Value); N]) -> Table {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn list<T>(things: impl IntoIterator<Item = T>, told: impl Fn(T) -> Value) -> Value {
    Value::Array(things.into_iter().map(told).collect())
}
