//! Unpacking: an archive from anywhere becomes a tree, and its hash is that of the stream.
//!
//! One thread reads and decompresses, one follows the headers, some hash and write files. Memory
//! holds a few pieces of each, and the tree as a value; it does not grow with the size of files.
//!
//! # What is refused
//!
//! An archive is not trusted, and nothing outside of the tree is touched, whatever is in it:
//!
//! - Paths that are absolute, have a component `..`, or go through a symbolic link of the archive.
//! - Hard links to anything but a file that came before and is still there. They become copies, so
//!   that changing the mode of one file, or removing it, does nothing to another.
//! - Devices, FIFOs, sparse files, and what tar does not know.
//! - More contents than there is free space, told by the headers, before they are written.
//! - What is malformed, in the compression or in the archive; see the modules below.
//!
//! Of modes, only whether the owner may execute a file counts. Owners and times do not. An entry of
//! a path that was there before takes its place, as in Tar.jl.
//!
//! The text of a symbolic link is data: it may be absolute, lead out of the tree, to nothing or in a
//! circle. No link is ever followed: paths are followed in the tree as a value, and links are made
//! when everything else is there. So there is no link that a path could go through while files are
//! written, even where the file system takes two names for one: then the second meets something in
//! its place, and that is refused.
//!
//! # Compatibility
//!
//! What Pkg unpacks by Tar.jl gives the same tree here, with the same modes. `docs/formats.md` lists
//! each rule that is stricter than Tar.jl's, with the reason.
//!
//! # Crash
//!
//! The tree grows in its place: who wants all or nothing unpacks aside and renames.

mod copied;
mod field;
mod links;
mod member;
mod peek;
mod pool;
mod stream;
mod tree;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;

use scratchrs_fs as effect;
use scratchrs_fs::{Access, Progress};

use crate::error::{BadArchive, Error, shown};
use crate::platform;
use crate::record::{TreeHashes, TreeRecord};
use links::Follower;
use member::{Member, MemberKind};
use pool::{Counter, Data, Job, State};
use stream::Stream;
use tree::{Node, NodeId, ROOT, Tree};

/// Files up to this size are handed to a thread whole.
const SMALL: u64 = 256 * 1024;

/// How many threads hash and write, at most: more only wait for the one that decompresses.
const WRITERS_AT_MOST: usize = 8;

/// The longest path that is written to, in bytes: that of Linux, which has the longest but for
/// Windows, where nobody needs more.
const PATH_AT_MOST: usize = 4095;

/// How many files and directories may be copied for links, which may lead to directories with
/// more links.
const COPIES_AT_MOST: u64 = 1_000_000;

fn too_many_copies() -> Error {
    BadArchive::whole("the copies that stand for its links are too many").into()
}

/// How to unpack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnpackOptions {
    /// What becomes of symbolic links.
    pub links: Links,
    /// Files are created so that nobody may write to them, which is how Pkg leaves an artifact.
    /// Otherwise they have the modes that Tar.jl gives them, as far as the umask goes.
    pub read_only: bool,
    /// How much the contents of the archive may be together, in bytes; no limit by default, but
    /// that of the free space.
    pub bytes_at_most: Option<u64>,
}

/// What becomes of the symbolic links of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// They are made.
    #[default]
    Made,
    /// A copy of what they lead to stands in their place, where they could not be made. Those that
    /// lead out of the tree, to nothing, or into themselves are left out, as by Tar.jl: nothing
    /// outside of the tree is read.
    Copied,
}

impl Links {
    /// What BINARYPROVIDER_COPYDEREF says about them, read as Pkg reads it, among environment
    /// `variables`.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut variables = variables.into_iter();
        let value = variables.find(|(name, _)| *name == "BINARYPROVIDER_COPYDEREF");
        match value.map(|(_, value)| value.to_lowercase()).as_deref() {
            Some("true" | "t" | "yes" | "y" | "1") => Self::Copied,
            _ => Self::Made,
        }
    }
}

/// What was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// What the archive consists of. Where links were copied, it still has links.
    pub record: TreeRecord,
    /// The hashes of the tree, from the bytes of the archive: right on every file system, whatever
    /// that makes of modes and links.
    pub hashes: TreeHashes,
    /// How many members the archive has.
    pub members: u64,
    /// The size of all files together, in bytes.
    pub bytes: u64,
}

/// Unpacks the archive `input`, a tar archive that may be compressed (by gzip, xz, Zstandard or
/// bzip2, told by its bytes), into the empty directory `into`.
///
/// `progress` advances by the bytes that are taken from `input`.
///
/// # Errors
///
/// The archive is malformed or holds what is refused, see above; it cannot be read; the file system
/// refuses something; or nobody wants the result any more. `into` then holds a part of the tree,
/// and nothing else was touched: it is the caller's to remove.
pub fn unpack(
    input: impl Read + Send,
    into: &Path,
    options: &UnpackOptions,
    progress: &Progress,
) -> Result<Unpacked, Error> {
    read(input, Some(into), options, progress)
}

/// Looks through an archive as [`unpack`] does, and writes nothing.
///
/// # Errors
///
/// As [`unpack`], but for the file system.
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
    let state = State::default();
    let counter = state.open();
    thread::scope(|scope| {
        // What can't be started is dropped, and with it the ends that others would wait for.
        let start = || thread::Builder::new().name("scratchrs-unpack".to_owned());
        let failed =
            || effect::Error::on("start a thread to unpack into", into.unwrap_or(".".as_ref()));
        start().spawn_scoped(scope, || source.run()).map_err(failed())?;
        let writers = thread::available_parallelism().map_or(1, usize::from).min(WRITERS_AT_MOST);
        let writers = (0..writers)
            .map(|_| start().spawn_scoped(scope, || state.work()).map_err(failed()))
            .collect::<Result<Vec<_>, _>>();
        let mut unpacking = Unpacking::new(into, options, counter);
        let result = match &writers {
            Ok(_) => unpacking.follow(stream, progress),
            Err(_) => Ok(()),
        };
        let Unpacking { mut tree, members, counter, .. } = unpacking;
        if let Err(error) = result {
            // What waits need not be written any more.
            state.fail(error);
        }
        drop(counter);
        for writer in writers? {
            let hashes = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (contents, hash) in hashes {
                tree.set_blob(contents, hash);
            }
        }
        state.check().map_err(|error| refuse_clash(into, error))?;
        let record = tree.record();
        Ok(Unpacked { hashes: record.hashes(), bytes: record.bytes(), record, members })
    })
}

/// Says of an error that something was in the place of a new entry what it means: nothing else
/// writes there.
fn refuse_clash(into: Option<&Path>, error: Error) -> Error {
    match (&error, into) {
        (Error::Io(occupied), Some(into)) if occupied.is_occupied() => {
            let path = occupied.path().strip_prefix(into).unwrap_or(occupied.path());
            let problem = "the file system takes its name for that of another entry";
            BadArchive::entry(platform::bytes(path.as_os_str()), problem).into()
        }
        _ => error,
    }
}

/// An archive of which a part is unpacked.
struct Unpacking<'a> {
    /// Where to; `None` if nothing is written.
    into: Option<&'a Path>,
    options: &'a UnpackOptions,
    counter: Counter<'a>,
    tree: Tree,
    /// Hard links that are no files yet, and the files that they are to be copies of.
    pending: Vec<(NodeId, NodeId)>,
    members: u64,
    /// What the files seen so far take, in bytes.
    bytes: u64,
    /// What they may take.
    room: u64,
}

/// Where a member goes.
struct Place {
    parent: NodeId,
    name: Vec<u8>,
    /// What is there already.
    node: Option<NodeId>,
    on_disk: PathBuf,
}

impl<'a> Unpacking<'a> {
    fn new(into: Option<&'a Path>, options: &'a UnpackOptions, counter: Counter<'a>) -> Self {
        let free = into.and_then(effect::free_space).unwrap_or(u64::MAX);
        let room = free.min(options.bytes_at_most.unwrap_or(u64::MAX));
        let (tree, pending) = (Tree::new(), Vec::new());
        Self { into, options, counter, tree, pending, members: 0, bytes: 0, room }
    }

    fn follow(&mut self, mut stream: Stream, progress: &Progress) -> Result<(), Error> {
        if stream.available()?.is_empty() {
            return Err(BadArchive::whole("there is nothing in it").into());
        }
        while let Some(member) = member::next(&mut stream, progress)? {
            self.members += 1;
            self.add(&member, &mut stream)?;
        }
        self.settle()?;
        match (self.into, self.options.links) {
            (None, _) => Ok(()),
            (Some(into), Links::Made) => self.make_links(into, progress),
            (Some(into), Links::Copied) => self.copy_links(into, progress),
        }
    }

    fn add(&mut self, member: &Member, stream: &mut Stream) -> Result<(), Error> {
        let Member { path, kind } = member;
        let wrong = |problem: String| BadArchive::entry(path, problem);
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
                    let problem = format!("it is a hard link to `{target}`, no file before it");
                    return Err(wrong(problem).into());
                };
                self.add_hard_link(&place, original, *executable)
            }
            MemberKind::File { size, executable } => {
                self.add_file(&place, *size, *executable, stream)
            }
        }
    }

    /// Where the member of this path goes; `None` for the root. Directories on the way that are
    /// not there yet are made.
    fn place(&mut self, path: &[u8]) -> Result<Option<Place>, Error> {
        let mut on_disk = self.into.map(Path::to_owned).unwrap_or_default();
        if path.len() + on_disk.as_os_str().len() > PATH_AT_MOST && self.into.is_some() {
            let problem =
                format!("its path is {} bytes long, too long for this system", path.len());
            return Err(BadArchive::entry(path, problem).into());
        }
        let mut parent = ROOT;
        let mut components = links::components(path).peekable();
        while let Some(name) = components.next() {
            match platform::to_name(name) {
                Ok(name) => on_disk.push(name),
                Err(problem) => return Err(BadArchive::entry(path, problem).into()),
            }
            let node = self.tree.child(parent, name);
            if components.peek().is_none() {
                return Ok(Some(Place { parent, name: name.to_owned(), node, on_disk }));
            }
            if node.is_some_and(|id| self.is_symlink(id)) {
                let problem = "its path goes through a symbolic link of the archive";
                return Err(BadArchive::entry(path, problem).into());
            }
            let place = Place { parent, name: name.to_owned(), node, on_disk };
            parent = self.put(&place, Node::Directory)?;
            on_disk = place.on_disk;
        }
        Ok(None)
    }

    /// Puts an entry into the tree, in the place of what was there. On disk, that is removed, and a
    /// directory is made.
    ///
    /// Of a symbolic link nothing is on disk yet. What a file system that takes two names for one
    /// has there is something else, and stays: then the new entry is refused.
    fn put(&mut self, place: &Place, node: Node) -> Result<NodeId, Error> {
        let Place { parent, name, node: there, on_disk } = place;
        let id = match *there {
            Some(id) if node == Node::Directory && self.tree.node(id) == Node::Directory => {
                return Ok(id);
            }
            Some(id) => {
                self.settle()?;
                if self.into.is_some() && !self.is_symlink(id) {
                    effect::remove(on_disk)?;
                }
                self.bytes -= self.tree.replace(id, node);
                id
            }
            None => self.tree.insert(*parent, name, node),
        };
        if node == Node::Directory && self.into.is_some() {
            effect::make_directory(on_disk)?;
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
        self.take_room(size)?;
        let access = Access { executable, read_only: self.options.read_only };
        let path = self.into.map(|_| (place.on_disk.clone(), access));
        if size <= SMALL {
            let mut data = Vec::with_capacity(size as usize);
            stream.take(size, |piece| {
                data.extend_from_slice(piece);
                Ok(())
            })?;
            self.counter.hand_in(Job { contents, size, path, data: Data::Whole(data) });
        } else {
            let pieces = self.counter.hand_in_pieces(contents, size, path);
            stream.take(size, |piece| {
                // Nobody takes it if the file can't be written: that is told below.
                pieces.send(piece.to_vec()).or_else(|_| self.counter.check())
            })?;
        }
        member::skip_padding(stream, size)?;
        self.counter.check()
    }

    /// Counts what a file takes.
    fn take_room(&mut self, size: u64) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(size);
        let Self { bytes, room, .. } = *self;
        if bytes > room { Err(Error::TooLarge { bytes, room }) } else { Ok(()) }
    }

    /// The file at a path of the archive, if it stays when something is put at `place`.
    fn find_file(&self, path: &[u8], place: &Place) -> Option<NodeId> {
        let id = links::components(path)
            .try_fold(ROOT, |directory, name| self.tree.child(directory, name))?;
        let is_file = matches!(self.tree.node(id), Node::File { .. });
        let goes = place.node.is_some_and(|there| there != id && self.tree.is_in(id, there));
        (is_file && !goes).then_some(id)
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
            // A link to itself changes nothing but the mode.
            self.tree.replace(original, node);
            self.settle()?;
            return match self.into {
                Some(_) => Ok(effect::set_executable(&place.on_disk, executable)?),
                None => Ok(()),
            };
        }
        let link = self.put(place, node)?;
        self.take_room(self.tree.size(contents))?;
        self.pending.push((link, original));
        Ok(())
    }

    /// Waits until all files are written, and then makes hard links of which there is no file yet.
    fn settle(&mut self) -> Result<(), Error> {
        self.counter.wait()?;
        let pending = std::mem::take(&mut self.pending);
        let Some(into) = self.into else { return Ok(()) };
        for (link, original) in pending {
            if let Node::File { executable, .. } = self.tree.node(link) {
                let access = Access { executable, read_only: self.options.read_only };
                let [original, link] = [original, link].map(|id| self.on_disk(into, id));
                effect::copy_file(&original, &link, access)?;
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
                // Only Windows has links to directories that are not like those to files.
                let to_directory = cfg!(windows) && follower.leads_to_directory(link)?;
                let target = platform::to_path_lossy(self.tree.text(target));
                effect::make_link(target.as_os_str(), &self.on_disk(into, link), to_directory)?;
            }
        }
        Ok(())
    }

    /// Puts copies in the places of links.
    fn copy_links(&mut self, into: &Path, progress: &Progress) -> Result<(), Error> {
        let mut copied = 0_u64;
        for (link, source) in links::copies(&self.tree)? {
            let mut pending = vec![(self.on_disk(into, source), self.on_disk(into, link))];
            while let Some((from, to)) = pending.pop() {
                progress.check()?;
                copied += 1;
                if copied > COPIES_AT_MOST {
                    return Err(too_many_copies());
                }
                let inspect = |error| effect::Error::on("inspect", &from)(error);
                let metadata = std::fs::symlink_metadata(&from).map_err(inspect)?;
                if metadata.is_dir() {
                    effect::make_directory(&to)?;
                    for entry in std::fs::read_dir(&from).map_err(inspect)? {
                        let name = entry.map_err(inspect)?.file_name();
                        pending.push((from.join(&name), to.join(&name)));
                    }
                } else {
                    self.take_room(metadata.len())?;
                    let executable = platform::is_executable(&metadata);
                    let access = Access { executable, read_only: self.options.read_only };
                    effect::copy_file(&from, &to, access)?;
                }
            }
        }
        Ok(())
    }
}
