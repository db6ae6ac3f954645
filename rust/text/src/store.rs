//! The store.

use scratchrs_core::Failure;
use scratchrs_core::store::{
    Adopted, Artifact, BoundName, Created, MissingArtifact, NameInFile, Status, Verified,
};

use crate::human::{self, count, plural, visible};
use crate::style::{aside, title};
use crate::table::{Column, table};
use crate::{Context, Note, Text};

const COLUMNS: [Column; 6] = [
    Column::left("name").cut(),
    Column::left("hash").cut(),
    Column::right("size"),
    Column::right("files"),
    Column::left("bound"),
    Column::left("names file").cut(),
];

/// The content of a store: the bound artifacts, or with `is_whole` all.
pub fn status(status: &Status, is_whole: bool, context: &Context<'_>) -> Text {
    let mut rows: Vec<_> =
        status.artifacts.iter().flat_map(|it| bound(it, &status.root, context)).collect();
    if is_whole {
        let unbound = status.artifacts.iter().filter(|it| it.bound_by.is_empty());
        rows.extend(unbound.map(|it| {
            let note = if it.is_in_tree { "in a tree" } else { "unbound" };
            row(it, String::new(), note.to_owned(), String::new())
        }));
    }
    rows.sort();
    let unreadable = status
        .unreadable
        .iter()
        .map(|Failure { path, message }| Note::new(visible(&format!("{path}:{message}"))));
    let missing = status.missing.iter().map(|MissingArtifact { file, name, hash }| {
        let what = format!("\"{name}\" in `{file}` is bound to {hash}, which is not in the store");
        Note::new(visible(&what))
    });
    let lines = if rows.is_empty() { Vec::new() } else { table(&COLUMNS, &rows, context) };
    let notes = unreadable.chain(missing).collect();
    Text { lines, notes, ..Text::default() }.sentence(aside(&total(status)))
}

fn total(status: &Status) -> String {
    format!(
        "{} and {} in `{}`, {}; {} saved by sharing",
        count(status.files, "file"),
        count(status.trees, "tree"),
        status.root,
        human::size(status.bytes),
        human::size(status.saved_bytes)
    )
}

/// A row for each name of an artifact, with the names file relative to the root of the store.
fn bound(
    artifact: &Artifact,
    root: &str,
    context: &Context<'_>,
) -> impl Iterator<Item = [String; 6]> {
    artifact.bound_by.iter().map(move |BoundName { file, name, time }| {
        let name = format!("\"{}\"", visible(name));
        let inside = file.strip_prefix(root).and_then(|file| file.strip_prefix('/'));
        let file = inside.map_or_else(|| context.path(file), visible);
        row(artifact, name, human::age(Some(*time), context.now), file)
    })
}

fn row(artifact: &Artifact, name: String, bound: String, file: String) -> [String; 6] {
    let files = artifact.files.to_string();
    [name, artifact.hash.to_string(), human::size(artifact.bytes), files, bound, file]
}

/// An artifact that was stored.
pub fn created(created: &Created) -> Text {
    let Created { hash, path, is_new, .. } = created;
    super::artifact::stored(&hash.to_string(), path, *is_new, "Stored")
}

/// The corrupt items of a verification, a paragraph each.
pub fn verified(verified: &Verified) -> Text {
    let mut lines = Vec::new();
    for item in &verified.corrupt {
        lines.push(format!("{} {}", title("corrupt"), visible(&item.path)));
        lines.push(format!("  {}", visible(&item.what)));
        lines.extend(
            item.bound_by.iter().map(|NameInFile { file, name }| {
                visible(&format!("  affects \"{name}\" in {file}"))
            }),
        );
    }
    Text { lines, ..Text::default() }
}

/// How many items were verified, and how many of them are corrupt.
pub fn verified_total(verified: &Verified) -> String {
    let all = format!("{} and {}", count(verified.files, "file"), count(verified.trees, "tree"));
    match verified.corrupt.len() as u64 {
        0 => format!("{all} are intact ({} read)", human::size(verified.bytes)),
        number => {
            let items = count(number, "item");
            format!("of {all}, {items} {} corrupt", plural(number, "is", "are"))
        }
    }
}

/// What was imported from another store.
pub fn adopted(adopted: &Adopted) -> Text {
    let skipped = adopted
        .skipped
        .iter()
        .map(|Failure { path, message }| format!("`{path}` is not imported: {message}"));
    let taken = adopted.taken.iter().map(|NameInFile { file, name }| {
        format!("\"{name}\" in `{file}` is already bound to something else, and stays so")
    });
    let notes = skipped.chain(taken).map(|note| Note::new(visible(&note))).collect();
    let artifacts = count(adopted.artifacts, "artifact");
    let names = count(adopted.names, "name");
    Text { notes, ..Text::default() }.done("Adopted", format!("{artifacts} and {names}"))
}

#[cfg(test)]
mod tests {
    use scratchrs_core::FrontEnd;
    use scratchrs_core::store::{ArtifactKind, MissingArtifact};
    use scratchrs_model::hash::Sha256;
    use scratchrs_model::time::DepotTime;

    use super::*;
    use crate::plain;

    fn artifact(digit: u8, bound_by: Vec<BoundName>) -> Artifact {
        Artifact {
            hash: Sha256([digit; 32]),
            path: "/store/artifacts/1".to_owned(),
            kind: ArtifactKind::File,
            files: 1,
            bytes: 2048,
            link: None,
            bound_by,
            is_in_tree: false,
            orphan_since: None,
        }
    }

    #[test]
    fn the_status_has_names_and_problems() {
        let now = DepotTime::from_toml(&"2026-11-21T00:30:00".parse().unwrap()).unwrap();
        let context = Context { width: Some(60), home: None, now, front_end: FrontEnd::Julia };
        let file = "/store/uuid/Artifacts.toml".to_owned();
        let bound = BoundName { file: file.clone(), name: "iris".to_owned(), time: now };
        let missing = MissingArtifact { file, name: "gone".to_owned(), hash: Sha256([3; 32]) };
        let failure = Failure { path: "/store/bad".to_owned(), message: "1:2: invalid".to_owned() };
        let found = Status {
            root: "/store".to_owned(),
            files: 2,
            bytes: 4096,
            artifacts: vec![artifact(0x11, vec![bound]), artifact(0x22, Vec::new())],
            missing: vec![missing],
            unreadable: vec![failure],
            ..Status::default()
        };
        let text = plain(&status(&found, false, &context).to_string());
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "name    hash               size  files  bound  names file",
                "\"iris\"  1111111111111…  2.0 KiB      1  today  uuid/Artifac…",
                "note: /store/bad:1:2: invalid",
                &format!(
                    "note: \"gone\" in `/store/uuid/Artifacts.toml` is bound to {}, which is not in the store",
                    Sha256([3; 32])
                ),
                "2 files and 0 trees in `/store`, 4.0 KiB; 0 bytes saved by sharing",
            ]
        );
        let whole = plain(&status(&found, true, &context).to_string());
        assert!(whole.contains("unbound"), "{whole}");
    }
}
