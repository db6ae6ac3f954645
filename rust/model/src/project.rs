//! The identity of a project.

use uuid::Uuid;

use crate::toml_events::{self, Event, Place, Receiver, Scalar, Step};

/// The names of a project file, the preferred one first.
pub const FILE_NAMES: [&str; 2] = ["JuliaProject.toml", "Project.toml"];

/// The identity in a `Project.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The package's name.
    pub name: Option<String>,
    /// The package's UUID. `None` for a project that is not a package.
    pub uuid: Option<Uuid>,
}

/// Reads the identity from the text of a project file.
///
/// Only the part before the first table counts. If it is not TOML, because the file is being
/// edited, its valid lines count. Scratch.jl instead uses the first `uuid = "…"` anywhere in the
/// text, so also that of a dependency.
pub fn identity(text: &str) -> Identity {
    let head = text.find("\n[").map_or(text, |end| &text[..=end]);
    let mut fields = Fields::default();
    if toml_events::read(head, &mut fields).is_err() {
        fields = Fields::default();
        toml_events::salvage(head.as_bytes(), &mut fields);
    }
    fields.0
}

/// The first of the fields of a project, before its first table.
#[derive(Default)]
struct Fields(Identity);

impl<'t> Receiver<'t> for Fields {
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step {
        let Event::Scalar(Scalar::Text(text)) = event else { return Ok(()) };
        if place.path.len() == 1 && place.arrays == 0 {
            match place.path.key(0) {
                "name" => drop(self.0.name.get_or_insert_with(|| text.into_owned())),
                "uuid" => self.0.uuid = self.0.uuid.or(text.parse().ok()),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "93485645-17f1-6f3b-45bc-419db53815ea";

    #[test]
    fn the_uuid_of_a_dependency_is_not_the_projects() {
        let text = format!("[deps]\nuuid = \"{UUID}\"\n");
        assert_eq!(identity(&text).uuid, None);
    }

    #[test]
    fn a_package_has_name_and_uuid() {
        let text = format!("name = \"Mine\"\nuuid = \"{UUID}\"\n[deps]\n");
        let found = identity(&text);
        assert_eq!(found.name.as_deref(), Some("Mine"));
        assert_eq!(found.uuid.map(|uuid| uuid.to_string()).as_deref(), Some(UUID));
    }

    #[test]
    fn a_file_under_edit_keeps_its_identity() {
        let text = format!("name = \"Mine\nuuid = \"{UUID}\"\n[deps\nuuid = \"{}\"\n", Uuid::nil());
        assert_eq!(identity(&text).uuid.map(|uuid| uuid.to_string()).as_deref(), Some(UUID));
        assert_eq!(identity(&text).name, None);
    }

    #[test]
    fn what_is_no_uuid_is_none() {
        assert_eq!(identity("uuid = 3\nname = \"x\"").uuid, None);
        assert_eq!(identity("uuid = \"zzz\"").uuid, None);
        assert_eq!(identity(""), Identity::default());
    }
}
