//! Contents at their addresses, and trees that consist of them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use scratchrs_archive::{content_record, content_record_hash, entry_path};
use scratchrs_fs::{self as fs, FileKind, IfExists, LinkMode, Linker, Progress};
use scratchrs_model::hash::Sha256;
use scratchrs_model::store::record::{Entry, Kind, Record};

use super::Store;
use crate::error::{Error, Result};

/// Makes absolute links into the tree relative, in the tree and in its record, so that they stay
/// valid when the tree is moved.
///
/// # Errors
///
/// If a link leads out of the tree, to a missing file or in a cycle.
pub(super) fn settle_links(root: &Path, record: &mut Record) -> Result<()> {
    for Entry { path, kind } in &mut record.entries {
        let Kind::Link(text) = kind else { continue };
        let place = on_disk(root, path)?;
        let refuse = |why: &str| {
            let text = PathBuf::from(String::from_utf8_lossy(text).into_owned());
            Error::InvalidInput(format!(
                "the symbolic link `{}` -> `{}` {why}",
                place.display(),
                text.display()
            ))
        };
        let found = fs::canonical_below(root, &place);
        let found = found.map_err(|error| match error.io_error().kind() {
            std::io::ErrorKind::NotFound => refuse("leads to a missing file"),
            _ => refuse(&format!("cannot be resolved: {}", error.io_error())),
        })?;
        let Some(inside) = found else {
            return Err(refuse("leads out of the directory that is to be stored"));
        };
        if inside.components().any(|name| name.as_os_str() == ".git") {
            return Err(refuse("leads into `.git`, which is not stored"));
        }
        let Some(written) = entry_path(text) else {
            return Err(refuse("has a text that is not Unicode"));
        };
        let parent = Path::new(OsStr::new("")).join(entry_path(path).unwrap_or_default());
        let depth = parent.components().count().saturating_sub(1);
        if written.is_absolute() {
            let mut relative: PathBuf = std::iter::repeat_n("..", depth).collect();
            relative.push(&inside);
            if relative.as_os_str().is_empty() {
                relative.push(".");
            }
            let leads_to_directory = fs::is_dir(&place);
            fs::remove(&place)?;
            fs::symlink(relative.as_os_str(), &place, leads_to_directory)?;
            *text = relative.as_os_str().as_encoded_bytes().to_owned();
        } else if leaves(&written, depth) {
            return Err(refuse("leads out of the directory that is to be stored, and back"));
        }
    }
    Ok(())
}

/// Whether a relative path leads above the root from a directory at this depth.
fn leaves(path: &Path, depth: usize) -> bool {
    let mut depth = depth as i64;
    path.components().any(|component| {
        match component {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
        depth < 0
    })
}

/// The path of an entry of a tree in `root`.
pub(super) fn on_disk(root: &Path, path: &[u8]) -> Result<PathBuf> {
    match entry_path(path) {
        Some(path) => Ok(root.join(path)),
        None => Err(Error::InvalidInput(format!(
            "`{}` in `{}` is not a valid file name on this system",
            String::from_utf8_lossy(path),
            root.display()
        ))),
    }
}

/// Moves the file `source` to the address of its content, unless that exists. Returns the path of a
/// file with this content and executable bit.
///
/// If the existing file has the other executable bit, a second one is created in `variants`,
/// because files that are hard or symbolic links share their permissions. A `source` with other
/// hard links is copied, because writing to these would change the store.
pub(super) fn put_content(
    store: &Store,
    source: &Path,
    hash: Sha256,
    is_executable: bool,
) -> Result<PathBuf> {
    let layout = store.layout();
    for place in [layout.artifact(hash), layout.variant(hash)] {
        let place = PathBuf::from(place);
        loop {
            match fs::symlink_metadata(&place)? {
                Some(found) if found.is_executable == is_executable => return Ok(place),
                Some(_) => break,
                None => {
                    let has_other_names =
                        fs::symlink_metadata(source)?.is_some_and(|found| found.has_other_names);
                    if move_content(source, has_other_names, &place)? {
                        return Ok(place);
                    }
                }
            }
        }
    }
    // Both exist and have the same bit, so one was changed. The content is the same.
    Ok(PathBuf::from(layout.artifact(hash)))
}

/// Moves the file `source`, or a copy if it has other hard links, to `place`. Returns `false` if
/// `place` exists.
pub(super) fn move_content(source: &Path, has_other_names: bool, place: &Path) -> Result<bool> {
    let alone = if has_other_names { copy_aside(source)? } else { source.to_owned() };
    fs::make_read_only(&alone)?;
    into_place(&alone, place)
}

fn copy_aside(source: &Path) -> Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let copy = source.with_file_name(format!(".scratchrs-copy-{count}"));
    Linker::new(Some(LinkMode::Copy)).link(source, &copy)?;
    Ok(copy)
}

/// Moves a complete content or tree to its address. Returns `false` if the address exists. Creates
/// the parent directory again if a collection has deleted it meanwhile.
pub(super) fn into_place(built: &Path, place: &Path) -> Result<bool> {
    Ok(fs::with_parent_dir(place, || fs::place(built, place, IfExists::Keep))?)
}

/// Builds a tree at the missing path `at` from its record and the store, with several threads. With
/// `source`, the files of that directory are first moved to their addresses; without, their
/// contents must exist.
///
/// Returns the mode in which its files are linked. If the file system refused a mode for some
/// files, it is the mode of the last file.
pub(super) fn build(
    store: &Store,
    record: &Record,
    source: Option<&Path>,
    at: &Path,
    link: Option<LinkMode>,
    progress: &Progress,
) -> Result<LinkMode> {
    let linker = Linker::new(link);
    make_directories(record, at)?;
    progress.begin_counting("Linking");
    progress.expect(record.entries.len() as u64);
    let made = fs::parallel_map(&record.entries, |entry| -> Result<()> {
        progress.check()?;
        let target = on_disk(at, &entry.path)?;
        match &entry.kind {
            Kind::Directory | Kind::EmptyTree => {}
            Kind::Link(text) => {
                let leads_to_directory = source.is_some_and(|source| {
                    on_disk(source, &entry.path).is_ok_and(|link| fs::is_dir(&link))
                });
                let text = entry_path(text).unwrap_or_default();
                fs::symlink(text.as_os_str(), &target, leads_to_directory)?;
            }
            Kind::File { hash, is_executable, .. } => {
                let original = match source {
                    Some(source) => {
                        put_content(store, &on_disk(source, &entry.path)?, *hash, *is_executable)?
                    }
                    None => content(store, *hash, *is_executable)?,
                };
                link_content(&linker, &original, &target)?;
            }
        }
        progress.advance(1);
        Ok(())
    });
    made.into_iter().collect::<Result<()>>()?;
    Ok(linker.mode())
}

fn make_directories(record: &Record, at: &Path) -> Result<()> {
    let mut directories = BTreeSet::new();
    for Entry { path, kind } in &record.entries {
        let is_directory = matches!(kind, Kind::Directory | Kind::EmptyTree);
        let slash = path.iter().rposition(|byte| *byte == b'/');
        directories.insert(if is_directory { &path[..] } else { &path[..slash.unwrap_or(0)] });
    }
    fs::create_dir_all(at)?;
    for directory in directories {
        fs::create_dir_all(&on_disk(at, directory)?)?;
    }
    Ok(())
}

/// The path of a content with this executable bit, or with the other one if that is missing.
fn content(store: &Store, hash: Sha256, is_executable: bool) -> Result<PathBuf> {
    let main = PathBuf::from(store.layout().artifact(hash));
    let variant = PathBuf::from(store.layout().variant(hash));
    let has_bit = |path: &Path| -> Result<Option<bool>> {
        Ok(fs::symlink_metadata(path)?.map(|found| found.is_executable == is_executable))
    };
    if has_bit(&main)? == Some(false) && has_bit(&variant)? == Some(true) {
        return Ok(variant);
    }
    Ok(main)
}

/// Links a file of a tree to its content. A content with the maximum number of hard links is
/// replaced with a copy first.
fn link_content(linker: &Linker, original: &Path, target: &Path) -> Result<()> {
    match linker.link(original, target) {
        Err(error) if error.is_link_limit() => {
            Linker::new(Some(LinkMode::Copy)).link(original, target)?;
            let other = copy_aside(target)?;
            fs::place(&other, original, IfExists::Replace)?;
            fs::remove(target)?;
            linker.link(original, target)?;
            Ok(())
        }
        result => result.map(drop).map_err(Error::from),
    }
}

/// The record of the tree `hash`, if it exists and is valid.
pub(super) fn read_record(store: &Store, hash: Sha256) -> Result<Option<Record>> {
    let bytes = fs::read(Path::new(&store.layout().record(hash)))?;
    let record = Record::read(&bytes).filter(|record| content_record_hash(record) == hash);
    Ok(record)
}

/// The record of the tree `hash`, or one that is derived from the tree. For a damaged tree, it has
/// the remaining entries.
pub(super) fn record_of(store: &Store, hash: Sha256, progress: &Progress) -> Result<Record> {
    match read_record(store, hash)? {
        Some(record) => Ok(record),
        None => record_from_tree(store, hash, progress),
    }
}

fn record_from_tree(store: &Store, hash: Sha256, progress: &Progress) -> Result<Record> {
    let tree = PathBuf::from(store.path(hash));
    let mut record = content_record(&tree, progress)?;
    for Entry { kind, .. } in &mut record.entries {
        let Kind::Link(text) = kind else { continue };
        let Some(hash) = address(text) else { continue };
        let content = Path::new(&store.layout().artifact(hash)).to_owned();
        if let Some(found) = fs::symlink_metadata(&content)? {
            *kind = Kind::File { hash, size: found.size, is_executable: found.is_executable };
            record.link = LinkMode::Symlink.to_string();
        }
    }
    Ok(record)
}

/// The hash in the absolute text of a link, if it is an address of this store or of a store at
/// another path.
pub(super) fn address(text: &[u8]) -> Option<Sha256> {
    let path = entry_path(text).filter(|path| path.is_absolute())?;
    path.file_name()?.to_str()?.parse().ok()
}

/// Writes the record of a tree. A damaged one is replaced.
pub(super) fn write_record(
    store: &Store,
    hash: Sha256,
    record: &Record,
    work: &Path,
) -> Result<()> {
    let place = PathBuf::from(store.layout().record(hash));
    let new = work.join("record");
    fs::replace(&new, record.to_text())?;
    if !into_place(&new, &place)? {
        fs::place(&new, &place, IfExists::Replace)?;
    }
    Ok(())
}

/// The hashes and kinds of all contents and trees of a store.
pub(super) fn addresses(store: &Store) -> Result<Vec<(Sha256, FileKind)>> {
    let artifacts = PathBuf::from(store.layout().artifacts());
    let mut found = Vec::new();
    for group in fs::read_dir(&artifacts)? {
        if group.kind != FileKind::Directory {
            continue;
        }
        for entry in fs::read_dir(&artifacts.join(&group.name))? {
            let hash = entry.name.to_str().and_then(|name| name.parse::<Sha256>().ok());
            found.extend(hash.map(|hash| (hash, entry.kind)));
        }
    }
    found.sort_unstable_by_key(|(hash, _)| *hash);
    Ok(found)
}
