//! The namespace of a scratch space.

use std::path::Path;

use scratchrs_model::layout::GLOBAL;
use scratchrs_model::project::{Identity, identity};
use scratchrs_text::human::visible;
use uuid::Uuid;

use crate::failure::{Code, Failure, Result};
use crate::project;
use crate::session::{Session, unicode};

/// The options that choose a namespace.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The UUID of the owning package
    #[arg(long, value_parser = parse_uuid)]
    uuid: Option<Uuid>,

    /// The project of the owning package: a project file, its directory, `@.` (the nearest one in this
    /// directory or above) or `@name` (an environment of the depot)
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

/// The owner of a space, and the project that uses it.
pub(crate) struct Namespace {
    /// The owning package; nil for global spaces.
    pub(crate) owner: Uuid,
    /// Its name, if it is known.
    pub(crate) package: Option<String>,
    /// The absolute path of a project file.
    pub(crate) project: Option<String>,
}

impl Options {
    /// The namespace of `--uuid`, else of `--project`, else of JULIA_PROJECT, else the global one.
    ///
    /// The project that uses a space is that of `--project`, else of JULIA_PROJECT, even if `--uuid`
    /// chooses the namespace.
    pub(crate) fn resolve(&self, session: &mut Session) -> Result<Namespace> {
        let project = match &self.project {
            Some(project) => Some(given(session, project)?),
            None => inherited(session)?,
        };
        let identity = match (&self.uuid, &project) {
            (None, Some(file)) => read(file)?,
            _ => Identity { uuid: self.uuid, name: None },
        };
        let package = identity.uuid.and(identity.name);
        Ok(Namespace { owner: identity.uuid.unwrap_or(GLOBAL), package, project })
    }

    /// The package of the options, regardless of the environment.
    pub(crate) fn package(&self, session: &Session) -> Result<Option<Uuid>> {
        let (None, Some(project)) = (self.uuid, &self.project) else {
            return Ok(self.uuid);
        };
        let file = given(session, project)?;
        let uuid = read(&file)?.uuid.ok_or_else(|| {
            Failure::invalid(format!(
                "the project `{file}` has no UUID, and so no scratch spaces of its own"
            ))
            .about(&file)
            .hint(format!("`--uuid {GLOBAL}` selects the global spaces"))
        })?;
        Ok(Some(uuid))
    }
}

impl Namespace {
    /// The error that the space `key` at `path` does not exist.
    pub(crate) fn has_no(&self, key: &str, path: &str) -> Failure {
        let owner = match (&self.package, self.owner) {
            (_, GLOBAL) => "in the global namespace".to_owned(),
            (Some(name), _) => format!("of `{}`", visible(name)),
            (None, uuid) => format!("of package {uuid}"),
        };
        let message = format!("scratch space `{key}` {owner} does not exist: `{path}`");
        Failure::new(Code::NotFound, message).about(path)
    }
}

/// The project file of `--project`.
fn given(session: &Session, project: &str) -> Result<String> {
    if project.is_empty() {
        return Err(Failure::invalid("`--project` is empty"));
    }
    project::find(session, project)?.ok_or_else(|| {
        Failure::invalid(format!("no project file at `{project}`"))
            .about(project)
            .hint("pass a `Project.toml`, or a directory with one")
    })
}

/// The project file of JULIA_PROJECT. If it is missing, there is no project, as in Julia.
fn inherited(session: &mut Session) -> Result<Option<String>> {
    let Some(project) = session.environment.project.clone() else {
        return Ok(None);
    };
    let project = unicode("JULIA_PROJECT", &project)?;
    let file = project::find(session, project)?;
    if file.is_none() {
        session.output.note(format!("JULIA_PROJECT is `{project}`, which has no project file"));
    }
    Ok(file)
}

/// The name and UUID in a project file.
fn read(file: &str) -> Result<Identity> {
    let missing =
        || Failure::new(Code::Io, format!("can't read `{file}`: it is missing")).about(file);
    let found = scratchrs_fs::read_up_to(Path::new(file), u64::MAX);
    let (bytes, _) = found.map_err(scratchrs_core::Error::from)?.ok_or_else(missing)?;
    Ok(identity(&String::from_utf8_lossy(&bytes)))
}

/// Parses a UUID in the form that Julia reads.
pub(crate) fn parse_uuid(text: &str) -> std::result::Result<Uuid, String> {
    let uuid = (text.len() == GLOBAL.hyphenated().to_string().len()).then(|| text.parse().ok());
    uuid.flatten()
        .ok_or_else(|| "expected a UUID such as 7876af07-990d-54b4-ab0e-23690620f79a".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_one_form() {
        assert!(parse_uuid("7876af07-990d-54b4-ab0e-23690620f79a").is_ok());
        assert!(parse_uuid("7876AF07-990D-54B4-AB0E-23690620F79A").is_ok());
        for text in [
            "",
            "7876af07",
            "7876af07990d54b4ab0e23690620f79a",
            "{7876af07-990d-54b4-ab0e-23690620f79a}",
            "7876af07-990d-54b4-ab0e-23690620f79g",
        ] {
            assert!(parse_uuid(text).is_err(), "{text:?}");
        }
    }
}
