//! Contents at their addresses, and trees made of them.

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

/// Makes the links of a tree such that they lead to something in the tree wherever it is moved to:
/// an absolute one that does is made relative, in the tree and in its record.
///
/// # Errors
///
/// If a link leads out of the tree, to nothing, or in a circle.
pub(super) fn settle_links(root: &Path, record: &mut Record) -> Result<()> {
    let real = fs::canonicalize(root)?;
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
        let found = fs::canonicalize(&place).map_err(|error| match error.io_error().kind() {
            std::io::ErrorKind::NotFound => refuse("leads to nothing"),
            _ => refuse(&format!("leads nowhere: {}", error.io_error())),
        })?;
        let Ok(inside) = found.strip_prefix(&real) else {
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
            relative.push(inside);
            if relative.as_os_str().is_empty() {
                relative.push(".");
            }
            fs::remove(&place)?;
            fs::symlink(relative.as_os_str(), &place, fs::is_dir(&found))?;
            *text = relative.as_os_str().as_encoded_bytes().to_owned();
        } else if leaves(&written, depth) {
            return Err(refuse("leads out of the directory that is to be stored, and back"));
        }
    }
    Ok(())
}

/// Whether a relative path goes above the root from a directory at this depth.
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

/// Where an entry of a tree lies below `root`.
pub(super) fn on_disk(root: &Path, path: &[u8]) -> Result<PathBuf> {
    match entry_path(path) {
        Some(path) => Ok(root.join(path)),
        None => Err(Error::InvalidInput(format!(
            "`{}` in `{}` is no name of a file here",
            String::from_utf8_lossy(path),
            root.display()
        ))),
    }
}

/// Moves the file `source` to the address of its content, unless there is one already, and returns
/// where a file with this content and executable bit is.
///
/// A content that is there with the other bit gets a second file, in `variants`: what shares it by
/// hard or symbolic links shares its permissions. A `source` that has other names is copied: those
/// who know it by them must not be able to write to the store.
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
    // Both exist and have the same bit: one was changed. It is the content all the same.
    Ok(PathBuf::from(layout.artifact(hash)))
}

/// Moves the file `source` to `place`, or a copy of it if it has other names. Whether it came there,
/// rather than another file just before.
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

/// Moves what was built to its address, unless something is there; whether it did.
///
/// The directory that it belongs to may go in between, when a collection finds it empty.
pub(super) fn into_place(built: &Path, place: &Path) -> Result<bool> {
    Ok(fs::with_parent_dir(place, || fs::place(built, place, IfExists::Keep))?)
}

/// Builds a tree at `at`, where nothing is, from its record and the store. With `source`, the files
/// of that directory go to their addresses first; else their contents have to be there.
///
/// Returns the mode in which its files are linked: that of the last one, if the file system could
/// not do better from some file on. Files are linked by several threads.
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

/// Where a content with this executable bit is; one with the other is better than none.
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

/// Links a file of a tree to its content. A content that has as many names as it can have becomes
/// another file, for those to come.
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

/// The record of the tree `hash`, if there is one and it is whole.
pub(super) fn read_record(store: &Store, hash: Sha256) -> Result<Option<Record>> {
    let bytes = fs::read(Path::new(&store.layout().record(hash)))?;
    let record = Record::read(&bytes).filter(|record| content_record_hash(record) == hash);
    Ok(record)
}

/// The record of the tree `hash`; without one, it is read from the tree. A tree that is damaged has
/// a record of what is left.
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

/// The hash that the absolute text of a link leads to, if it leads to an address of a store: this
/// one, or one that was somewhere else then.
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

/// What is at the addresses of a store.
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
