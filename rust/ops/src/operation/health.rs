//! The verification and the usage of artifacts.

use scratchrs_archive::Change;
use scratchrs_core::Result;
use scratchrs_core::artifact::{self, CorruptArtifact, FileChange, UnreadableArtifact};
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
) -> Result<document::Table> {
    let found = artifact::verify_all(&stack(depots, directory)?, progress)?;
    Ok(document::Table(table([
        ("sound", Value::Integer(found.sound as i64)),
        ("rotten", list(found.corrupt, rot)),
        ("unreadable", list(found.unreadable, unreadable)),
    ])))
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
) -> Result<document::Table> {
    let session = Session::read(&session, depots.first())?;
    let host = Host::given(platform(&tags)?.into_host());
    let mut stack = stack(depots, directory)?;
    stack.read_overrides()?;
    let repairs = artifact::repair(&stack, &files, &host, session.options(), progress)?;
    let path = |it: artifact::InstalledArtifact| Value::String(it.path);
    Ok(document::Table(table([
        ("sound", Value::Integer(repairs.sound as i64)),
        ("repaired", list(repairs.repaired, path)),
        ("installed", list(repairs.installed, path)),
        (
            "failed",
            list(repairs.failed, |failed| {
                Value::Table(table([
                    ("hash", Value::String(failed.hash.to_string())),
                    ("reason", Value::String(failed.error.to_string())),
                ]))
            }),
        ),
        (
            "left_out",
            list(repairs.left_out, |left_out| {
                Value::Table(table([
                    ("name", Value::String(left_out.name)),
                    ("reason", Value::String(left_out.error.to_string())),
                ]))
            }),
        ),
        ("unknown", list(repairs.unknown, rot)),
        ("unreadable", list(repairs.unreadable, unreadable)),
    ])))
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

fn rot(CorruptArtifact { hash, path, actual, differences }: CorruptArtifact) -> Value {
    let mut fields = table([
        ("hash", Value::String(hash.to_string())),
        ("path", Value::String(path)),
        ("actual", Value::String(actual.to_string())),
    ]);
    if let Some(differences) = differences {
        let differences = list(differences, |difference| {
            let FileChange { path, change: what } = difference;
            Value::Table(table([
                ("path", Value::String(path)),
                ("change", Value::String(change(what).to_owned())),
            ]))
        });
        fields.insert("differences".to_owned(), differences);
    }
    Value::Table(fields)
}

/// What has become of a file, in a word.
pub(super) fn change(change: Change) -> &'static str {
    match change {
        Change::Missing => "missing",
        Change::Changed => "changed",
        Change::ModeChanged => "mode_changed",
        Change::Extra => "extra",
    }
}

fn unreadable(UnreadableArtifact { hash, path, reason }: UnreadableArtifact) -> Value {
    Value::Table(table([
        ("hash", Value::String(hash.to_string())),
        ("path", Value::String(path)),
        ("reason", Value::String(reason)),
    ]))
}
