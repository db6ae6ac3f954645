//! What a project file says of itself.

use uuid::Uuid;

/// The names of a project file, the one that is preferred first.
pub const FILE_NAMES: [&str; 2] = ["JuliaProject.toml", "Project.toml"];

/// The identity that a `Project.toml` gives its package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The package's name.
    pub name: Option<String>,
    /// The package's UUID. A project that is no package has none.
    pub uuid: Option<Uuid>,
}

/// Reads the identity from the text of a project file.
///
/// Only what stands before the first table counts. If that is not valid TOML, say because
/// somebody is editing the file, the lines that are valid on their own do. Scratch.jl instead
/// takes the first text that looks like a `uuid = "…"` from anywhere, so also that of a
/// dependency.
pub fn identity(text: &str) -> Identity {
    let head = text.find("\n[").map_or(text, |end| &text[..=end]);
    if let Ok(table) = head.parse::<toml::Table>() {
        return identity_of(&table);
    }
    let lines = text.lines().take_while(|line| !line.trim_start().starts_with('['));
    lines.filter_map(|line| line.parse().ok()).fold(Identity::default(), |identity, line| {
        let found = identity_of(&line);
        Identity { name: identity.name.or(found.name), uuid: identity.uuid.or(found.uuid) }
    })
}

fn identity_of(table: &toml::Table) -> Identity {
    let text = |key| table.get(key).and_then(toml::Value::as_str);
    Identity {
        name: text("name").map(str::to_owned),
        uuid: text("uuid").and_then(|uuid| uuid.parse().ok()),
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
