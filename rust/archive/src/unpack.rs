//! Unpacking untrusted archives. The hashes are computed from the stream, not from the written
//! files.
//!
//! One thread reads and decompresses, one parses the headers, several hash and write files. Memory
//! holds a few pieces of each, and the tree as a value; it does not grow with the size of files.
//!
//! # Refused archives
//!
//! No archive can change anything outside of the tree. These are refused:
//!
//! - Paths that are absolute, have a component `..`, or go through a symbolic link of the archive.
//! - Hard links to anything but an earlier file that was not replaced. Hard links become copies, so
//!   that changing the mode of one file, or removing it, does not affect another.
//! - Devices, FIFOs, sparse files, and unknown types.
//! - Contents larger than the free space, according to the headers, before they are written.
//! - Malformed compression or headers; see the modules below.
//!
//! Of modes, only the owner's execute bit counts. Owners and times are ignored. A later entry of
//! the same path replaces the earlier one, as in Tar.jl.
//!
//! The target of a symbolic link is data: it may be absolute, lead out of the tree, to nothing or
//! in a circle. No link is ever followed: paths are resolved in the tree as a value, and links are
//! created last. So no link exists while files are written, even if the file system treats two
//! names as equal: then the second entry finds an existing file, and is refused.
//!
//! # Compatibility
//!
//! Archives that Pkg unpacks with Tar.jl give the same tree here, with the same modes.
//! `docs/formats.md` lists each rule that is stricter than Tar.jl's, with the reason.
//!
//! # Crash
//!
//! The tree is written in place. For an atomic result, unpack into a temporary directory and rename
//! it.

mod field;
mod link_copies;
mod links;
mod member;
mod peek_reader;
mod stream;
mod tree;
mod work_queue;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;

use scratchrs_fs as effect;
use scratchrs_fs::{Access, Progress};

use crate::error::{Error, InvalidArchive, shown};
use crate::record::{TreeHashes, TreeRecord};
use crate::{platform, source};
use links::{CopyBudget, Follower};
use member::{Member, MemberKind};
use stream::Stream;
use tree::{Node, NodeId, ROOT, Tree};
use work_queue::{Data, Job, Shared, WorkQueue};

/// Files up to this size are queued as a whole.
const SMALL_FILE: u64 = 256 * 1024;

/// The largest number of threads that hash and write: more would wait for the decompressing one.
const MAX_WRITERS: usize = 8;

/// The longest path, in bytes: the limit of Linux. Only Windows allows more.
const MAX_PATH: usize = 4095;

/// How to unpack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnpackOptions {
    /// The treatment of symbolic links.
    pub links: Links,
    /// Whether files are created read-only, as by Pkg for artifacts. Otherwise they have the modes
    /// of Tar.jl, reduced by the umask.
    pub read_only: bool,
    /// The largest total size of the contents, in bytes; by default, only the free space limits it.
    pub max_bytes: Option<u64>,
}

/// The treatment of the symbolic links of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// [`Links::Made`] if a trial shows that links can be created, else [`Links::Copied`], as by Tar.jl.
    #[default]
    Tried,
    /// Links are created.
    Made,
    /// Links are replaced by copies of their targets, for file systems without links. Links that
    /// lead out of the tree, to nothing, or to themselves are left out, as by Tar.jl: nothing
    /// outside of the tree is read.
    Copied,
}

impl Links {
    /// From BINARYPROVIDER_COPYDEREF among environment `variables`, as read by Pkg.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut variables = variables.into_iter();
        let value = variables.find(|(name, _)| *name == "BINARYPROVIDER_COPYDEREF");
        match value.map(|(_, value)| value.to_lowercase()).as_deref() {
            Some("true" | "t" | "yes" | "y" | "1") => Self::Copied,
            Some("false" | "f" | "no" | "n" | "0") => Self::Made,
            _ => Self::Tried,
        }
    }

    /// Whether links are copied in a directory.
    fn are_copied(self, directory: &Path) -> bool {
        match self {
            Self::Tried => !effect::makes_symlinks(directory),
            Self::Made => false,
            Self::Copied => true,
        }
    }
}

/// An unpacked archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The record of the archive. It has links even if they were replaced by copies.
    pub record: TreeRecord,
    /// The hashes of the tree, from the bytes of the archive: correct also on file systems without
    /// modes and links.
    pub hashes: TreeHashes,
    /// The number of members.
    pub members: u64,
    /// The total size of all files in bytes.
    pub bytes: u64,
}

/// Unpacks the archive `input`, a tar archive that may be compressed (with gzip, xz, Zstandard or
/// bzip2, detected from its bytes), into the empty directory `into`.
///
/// `progress` advances by the bytes read from `input`.
///
/// # Errors
///
/// The archive is malformed or refused, see the module; it cannot be read; the file system refuses
/// an operation; or the work is cancelled. `into` then holds a part of the tree, which the caller
/// removes; nothing else was changed.
pub fn unpack(
    input: impl Read + Send,
    into: &Path,
    options: &UnpackOptions,
    progress: &Progress,
) -> Result<Unpacked, Error> {
    read(input, Some(into), options, progress)
}

/// Reads and checks an archive as [`unpack`] does, without writing files.
///
/// # Errors
///
/// As [`unpack`], except those of the file system.
pub fn inspect(input: impl Read + Send, progress: &Progress) -> Result<Unpacked, Error> {
    read(input, None, &UnpackOptions::default(), progress)
}

fn read(
    input: impl Read + Send,
    into: Option<&Path>,
    options: &UnpackOptions,
    progress: &Progress,
) -> Result<Unpacked, Error> {
    let (source, stream) = stream::decompress(input, progress);
    let shared = Shared::default();
    let queue = shared.open();
    thread::scope(|scope| {
        // If a thread can't be started, its ends of channels are dropped, so that no other waits.
        let start = || thread::Builder::new().name("scratchrs-unpack".to_owned());
        let failed =
            || effect::Error::on("start a thread to unpack into", into.unwrap_or(".".as_ref()));
        start().spawn_scoped(scope, || source.run()).map_err(failed())?;
        let writers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WRITERS);
        let writers = (0..writers)
            .map(|_| start().spawn_scoped(scope, || shared.work()).map_err(failed()))
            .collect::<Result<Vec<_>, _>>();
        let mut unpacking = Unpacking::new(into, options, queue);
        let result = match &writers {
            Ok(_) => unpacking.read_members(stream, progress),
            Err(_) => Ok(()),
        };
        let Unpacking { mut tree, members, queue, .. } = unpacking;
        if let Err(error) = result {
            // Queued files need not be written.
            shared.fail(error);
        }
        drop(queue);
        for writer in writers? {
            let hashes = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (contents, hash) in hashes {
                tree.set_blob(contents, hash);
            }
        }
        shared.check().map_err(|error| explain_name_clash(into, error))?;
        let record = tree.record();
        Ok(Unpacked { hashes: record.hashes(), bytes: record.bytes(), record, members })
    })
}

/// Explains an error that a new file exists already: no other program writes there, so the file
/// system treats the names of two entries as equal.
fn explain_name_clash(into: Option<&Path>, error: Error) -> Error {
    match (&error, into) {
        (Error::Io(occupied), Some(into)) if occupied.is_occupied() => {
            let path = occupied.path().strip_prefix(into).unwrap_or(occupied.path());
            let problem = "the file system treats its name as equal to that of another entry";
            InvalidArchive::entry(platform::bytes(path.as_os_str()), problem).into()
        }
        _ => error,
    }
}

/// An archive being unpacked.
struct Unpacking<'a> {
    /// The target directory; `None` if no files are written.
    into: Option<&'a Path>,
    options: &'a UnpackOptions,
    queue: WorkQueue<'a>,
    tree: Tree,
    /// Hard links that are not written yet, and the files to copy.
    pending: Vec<(NodeId, NodeId)>,
    members: u64,
    /// The total size of the files so far, in bytes.
    bytes: u64,
    /// The limit of that size.
    available: u64,
}

/// The place of a member in the tree.
struct Place {
    parent: NodeId,
    name: Vec<u8>,
    /// The existing entry.
    node: Option<NodeId>,
    on_disk: PathBuf,
}

impl<'a> Unpacking<'a> {
    fn new(into: Option<&'a Path>, options: &'a UnpackOptions, queue: WorkQueue<'a>) -> Self {
        let free = into.and_then(effect::free_space).unwrap_or(u64::MAX);
        let available = free.min(options.max_bytes.unwrap_or(u64::MAX));
        let (tree, pending) = (Tree::new(), Vec::new());
        Self { into, options, queue, tree, pending, members: 0, bytes: 0, available }
    }

    fn read_members(&mut self, mut stream: Stream, progress: &Progress) -> Result<(), Error> {
        if stream.available()?.is_empty() {
            return Err(InvalidArchive::whole("it contains no data").into());
        }
        while let Some(member) = member::next(&mut stream, progress)? {
            self.members += 1;
            self.add(&member, &mut stream)?;
        }
        self.write_pending()?;
        match self.into {
            None => Ok(()),
            Some(_) if links::all(&self.tree).next().is_none() => Ok(()),
            Some(into) if self.options.links.are_copied(into) => self.copy_links(into, progress),
            Some(into) => self.make_links(into, progress),
        }
    }

    fn add(&mut self, member: &Member, stream: &mut Stream) -> Result<(), Error> {
        let Member { path, kind } = member;
        let wrong = |problem: String| InvalidArchive::entry(path, problem);
        let Some(place) = self.place(path)? else {
            return Ok(()); // The root, which is a directory.
        };
        match kind {
            MemberKind::Directory => self.put(&place, Node::Directory).map(|_| ()),
            MemberKind::Symlink { target } => {
                let node = self.tree.symlink(target);
                self.put(&place, node).map(|_| ())
            }
            MemberKind::HardLink { target, executable } => {
                let Some(original) = self.find_file(target, &place) else {
                    let target = shown(target);
                    let problem =
                        format!("it is a hard link to `{target}`, which is not an earlier file");
                    return Err(wrong(problem).into());
                };
                self.add_hard_link(&place, original, *executable)
            }
            MemberKind::File { size, executable } => {
                self.add_file(&place, *size, *executable, stream)
            }
        }
    }

    /// The place of the member with this path; `None` for the root. Creates missing directories
    /// above it.
    fn place(&mut self, path: &[u8]) -> Result<Option<Place>, Error> {
        let mut on_disk = self.into.map(Path::to_owned).unwrap_or_default();
        if path.len() + on_disk.as_os_str().len() > MAX_PATH && self.into.is_some() {
            let problem =
                format!("its path is {} bytes long, too long for this system", path.len());
            return Err(InvalidArchive::entry(path, problem).into());
        }
        let mut parent = ROOT;
        let mut components = links::components(path).peekable();
        while let Some(name) = components.next() {
            match platform::to_name(name) {
                Ok(name) => on_disk.push(name),
                Err(problem) => return Err(InvalidArchive::entry(path, problem).into()),
            }
            let node = self.tree.child(parent, name);
            if components.peek().is_none() {
                return Ok(Some(Place { parent, name: name.to_owned(), node, on_disk }));
            }
            if node.is_some_and(|id| self.is_symlink(id)) {
                let problem = "its path goes through a symbolic link of the archive";
                return Err(InvalidArchive::entry(path, problem).into());
            }
            let place = Place { parent, name: name.to_owned(), node, on_disk };
            parent = self.put(&place, Node::Directory)?;
            on_disk = place.on_disk;
        }
        Ok(None)
    }

    /// Puts an entry into the tree, and replaces an existing one. On disk, removes the existing
    /// one, and creates a directory.
    ///
    /// A symbolic link is not on disk yet. A file with its name belongs to another entry, on a file
    /// system that treats the two names as equal. It is not removed: the new entry is refused.
    fn put(&mut self, place: &Place, node: Node) -> Result<NodeId, Error> {
        let Place { parent, name, node: existing, on_disk } = place;
        let id = match *existing {
            Some(id) if node == Node::Directory && self.tree.node(id) == Node::Directory => {
                return Ok(id);
            }
            Some(id) => {
                self.write_pending()?;
                if self.into.is_some() && !self.is_symlink(id) {
                    effect::remove(on_disk)?;
                }
                self.bytes -= self.tree.replace(id, node);
                id
            }
            None => self.tree.insert(*parent, name, node),
        };
        if node == Node::Directory && self.into.is_some() {
            effect::create_dir(on_disk)?;
        }
        Ok(id)
    }

    fn is_symlink(&self, id: NodeId) -> bool {
        matches!(self.tree.node(id), Node::Symlink(_))
    }

    fn add_file(
        &mut self,
        place: &Place,
        size: u64,
        executable: bool,
        stream: &mut Stream,
    ) -> Result<(), Error> {
        let contents = self.tree.add_contents(size);
        self.put(place, Node::File { contents, executable })?;
        self.add_size(size)?;
        let access = Access { executable, read_only: self.options.read_only };
        let path = self.into.map(|_| (place.on_disk.clone(), access));
        if size <= SMALL_FILE {
            let mut data = Vec::with_capacity(size as usize);
            stream.take(size, |piece| {
                data.extend_from_slice(piece);
                Ok(())
            })?;
            self.queue.push(Job { contents, size, path, data: Data::Whole(data) });
        } else {
            let pieces = self.queue.push_pieces(contents, size, path);
            stream.take(size, |piece| {
                // Sending fails if the file can't be written; the error is returned below.
                pieces.send(piece.to_vec()).or_else(|_| self.queue.check())
            })?;
        }
        member::skip_padding(stream, size)?;
        self.queue.check()
    }

    /// Adds the size of a file.
    fn add_size(&mut self, size: u64) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(size);
        let Self { bytes, available, .. } = *self;
        if bytes > available { Err(Error::TooLarge { bytes, available }) } else { Ok(()) }
    }

    /// The file at a path of the archive, unless it would be replaced by an entry at `place`.
    fn find_file(&self, path: &[u8], place: &Place) -> Option<NodeId> {
        let id = links::components(path)
            .try_fold(ROOT, |directory, name| self.tree.child(directory, name))?;
        let is_file = matches!(self.tree.node(id), Node::File { .. });
        let is_replaced =
            place.node.is_some_and(|existing| existing != id && self.tree.is_in(id, existing));
        (is_file && !is_replaced).then_some(id)
    }

    fn add_hard_link(
        &mut self,
        place: &Place,
        original: NodeId,
        executable: bool,
    ) -> Result<(), Error> {
        let Node::File { contents, .. } = self.tree.node(original) else { return Ok(()) };
        let node = Node::File { contents, executable };
        if place.node == Some(original) {
            // A link to itself changes only the mode.
            self.tree.replace(original, node);
            self.write_pending()?;
            return match self.into {
                Some(_) => Ok(effect::set_executable(&place.on_disk, executable)?),
                None => Ok(()),
            };
        }
        let link = self.put(place, node)?;
        self.add_size(self.tree.size(contents))?;
        self.pending.push((link, original));
        Ok(())
    }

    /// Waits until all queued files are written, then writes the pending hard links.
    fn write_pending(&mut self) -> Result<(), Error> {
        self.queue.wait()?;
        let pending = std::mem::take(&mut self.pending);
        let Some(into) = self.into else { return Ok(()) };
        for (link, original) in pending {
            if let Node::File { executable, .. } = self.tree.node(link) {
                let access = Access { executable, read_only: self.options.read_only };
                let [original, link] = [original, link].map(|id| self.on_disk(into, id));
                effect::copy_file(&original, &link, access)?;
                platform::keep_mode(&link, access);
            }
        }
        Ok(())
    }

    fn on_disk(&self, into: &Path, id: NodeId) -> PathBuf {
        into.join(platform::to_path_lossy(&self.tree.path(id)))
    }

    fn make_links(&self, into: &Path, progress: &Progress) -> Result<(), Error> {
        let mut follower = Follower::new(&self.tree);
        for link in links::all(&self.tree) {
            progress.check()?;
            if let Node::Symlink(target) = self.tree.node(link) {
                // Only Windows distinguishes links to directories from links to files.
                let to_directory = cfg!(windows) && follower.leads_to_directory(link)?;
                let target = platform::to_path_lossy(self.tree.text(target));
                effect::symlink(target.as_os_str(), &self.on_disk(into, link), to_directory)?;
            }
        }
        Ok(())
    }

    /// Creates copies in place of links.
    fn copy_links(&mut self, into: &Path, progress: &Progress) -> Result<(), Error> {
        let mut budget = CopyBudget::default();
        for (link, source) in links::copies(&self.tree)? {
            let mut pending = vec![(self.on_disk(into, source), self.on_disk(into, link))];
            while let Some((from, to)) = pending.pop() {
                progress.check()?;
                budget.take()?;
                let found = source::inspect(&from)?;
                if found.is_dir() {
                    effect::create_dir(&to)?;
                    let names = effect::read_dir(&from)?.into_iter().map(|entry| entry.name);
                    pending.extend(names.map(|name| (from.join(&name), to.join(&name))));
                } else {
                    self.add_size(found.size)?;
                    let executable = effect::is_executable(&found, || from.clone());
                    let access = Access { executable, read_only: self.options.read_only };
                    effect::copy_file(&from, &to, access)?;
                    platform::keep_mode(&to, access);
                }
            }
        }
        Ok(())
    }
}
