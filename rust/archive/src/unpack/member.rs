//! The members of a tar archive, one after the other: headers read, and checked each by itself.
//!
//! Where the fields of a header are is known to the `tar` crate. All else is done here, for that
//! crate's own iteration takes the size of a file from the header where a pax record should have
//! the word (so it loses its way behind files of 8 GiB and more that Python wrote), or else reads
//! long names and pax records into memory, however long they are; and it reads pax records by
//! lines, though a name may hold a line feed.
//!
//! # Compatibility
//!
//! What Tar.jl refuses in a header is refused here, but for what can do no harm, such as a version
//! that it does not know. Besides, these are refused, which Tar.jl passes over: sparse files as pax
//! records, of which it would unpack garbage; a path, link or size for all members to come; paths
//! and pax records of absurd lengths; and anything but zeros after the end of the archive.
//! `docs/formats.md` gives the reasons.

use scratchrs_fs::Progress;
use tar::{EntryType, Header};

use crate::error::{BadArchive, Error};
use crate::header;
use crate::unpack::field;
use crate::unpack::stream::{Stream, is_zero, truncated};

/// The longest path or link, in bytes: that of 30,000 directories with short names.
const TEXT_AT_MOST: u64 = 64 * 1024;

/// The longest pax header: room for both, and for what others put there.
const PAX_AT_MOST: u64 = 1024 * 1024;

/// A member of an archive. Paths are as they stand there, but free of what no path may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) path: Vec<u8>,
    pub(super) kind: MemberKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MemberKind {
    /// The contents follow in the stream, and then [`header::padding`].
    File {
        size: u64,
        executable: bool,
    },
    Directory,
    Symlink {
        target: Vec<u8>,
    },
    /// Another name for a member that came before.
    HardLink {
        target: Vec<u8>,
        executable: bool,
    },
}

/// Reads the next member's header, with all the headers that belong to it; `None` at the end of
/// the archive.
///
/// # Errors
///
/// It is malformed, or what it describes may not be in any tree.
pub(super) fn next(stream: &mut Stream, progress: &Progress) -> Result<Option<Member>, Error> {
    let mut extended = Extended::default();
    let mut begun = false;
    loop {
        progress.check()?;
        let block = stream.block()?.filter(|block| !is_zero(block));
        let Some(block) = block else {
            only_zeros_are_left(stream)?;
            return if begun { Err(truncated().into()) } else { Ok(None) };
        };
        let header = Header::from_byte_slice(&block);
        if !field::has_checksum(header) {
            let problem = "a header is damaged: its checksum is wrong";
            return Err(BadArchive::whole(problem).into());
        }
        begun = true;
        let size = size_field(header)?;
        match header.entry_type() {
            EntryType::XHeader => extended.add_pax(&take_text(stream, size, PAX_AT_MOST)?)?,
            EntryType::XGlobalHeader => refuse_global(&take_text(stream, size, PAX_AT_MOST)?)?,
            EntryType::GNULongName => {
                extended.path = Some(without_end(take_text(stream, size, TEXT_AT_MOST)?));
            }
            EntryType::GNULongLink => {
                extended.link = Some(without_end(take_text(stream, size, TEXT_AT_MOST)?));
            }
            entry_type => return extended.member(header, entry_type, size).map(Some),
        }
    }
}

/// A member that is complete but for what the headers before it say.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// As it stands there: only the last one counts, and has to be a number.
    size: Option<Vec<u8>>,
    is_sparse: bool,
}

impl Extended {
    fn add_pax(&mut self, records: &[u8]) -> Result<(), Error> {
        for record in pax_records(records) {
            let (key, value) = record?;
            match key {
                b"path" => self.path = Some(value.to_owned()),
                b"linkpath" => self.link = Some(value.to_owned()),
                b"size" => self.size = Some(value.to_owned()),
                _ => self.is_sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }

    fn member(self, header: &Header, entry_type: EntryType, size: u64) -> Result<Member, Error> {
        let path = self.path.unwrap_or_else(|| field::path(header));
        let target = self.link.unwrap_or_else(|| field::link(header).to_owned());
        let size = match self.size {
            Some(text) => pax_size(&text)?,
            None => size,
        };
        let wrong = |problem: &str| Error::Archive(BadArchive::entry(&path, problem));
        if self.is_sparse || entry_type == EntryType::GNUSparse {
            let hint = "make the archive without `--sparse`";
            let problem = "it is a sparse file, which Julia's Pkg can't unpack either";
            return Err(BadArchive::entry(&path, problem).with_hint(hint).into());
        }
        if let Some(problem) = check(&path, &target, size, entry_type) {
            return Err(wrong(problem));
        }
        let kind = match entry_type {
            EntryType::Regular => MemberKind::File { size, executable: is_executable(header)? },
            EntryType::Directory => MemberKind::Directory,
            EntryType::Symlink => MemberKind::Symlink { target },
            EntryType::Link => MemberKind::HardLink { target, executable: is_executable(header)? },
            other => return Err(wrong(&unsupported(other))),
        };
        Ok(Member { path, kind })
    }
}

fn pax_size(text: &[u8]) -> Result<u64, BadArchive> {
    let digits = std::str::from_utf8(text).ok().map(str::trim);
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| BadArchive::whole("a pax header has a size that is no number"))
}

/// What is wrong with a member, looked at by itself.
fn check(path: &[u8], target: &[u8], size: u64, kind: EntryType) -> Option<&'static str> {
    let is_known = matches!(
        kind,
        EntryType::Regular | EntryType::Directory | EntryType::Symlink | EntryType::Link
    );
    if !is_known {
        return None; // It is refused for its type.
    }
    let is_hard_link = kind == EntryType::Link;
    let is_link = is_hard_link || kind == EntryType::Symlink;
    let is_file = kind == EntryType::Regular;
    let is_directory = kind == EntryType::Directory;
    let problems = [
        (path.is_empty(), "its path is empty"),
        (path.contains(&0), "its path holds a zero byte"),
        (path.starts_with(b"/"), "its path is absolute"),
        (leads_up(path), "its path has a component `..`"),
        (path.len() as u64 > TEXT_AT_MOST, "its path is longer than 64 KiB"),
        (!is_directory && path.ends_with(b"/"), "its path ends in `/`, and it is no directory"),
        (!is_directory && last_is_dot(path), "its path ends in `.`, and it is no directory"),
        (is_link && target.is_empty(), "it is a link to nothing"),
        (is_link && target.contains(&0), "what it links to holds a zero byte"),
        (is_link && target.len() as u64 > TEXT_AT_MOST, "it links to more than 64 KiB of path"),
        (!is_link && !target.is_empty(), "it is no link, and says what it links to"),
        (!is_file && size > 0, "it is no file, and has contents"),
        (size > i64::MAX as u64, "its size is absurd"),
        (is_hard_link && target.starts_with(b"/"), "it is a hard link to an absolute path"),
        (is_hard_link && leads_up(target), "it is a hard link to a path with a component `..`"),
    ];
    problems.into_iter().find(|(is_wrong, _)| *is_wrong).map(|(_, problem)| problem)
}

fn leads_up(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|component| component == b"..")
}

fn last_is_dot(path: &[u8]) -> bool {
    path == b"." || path.ends_with(b"/.")
}

fn unsupported(entry_type: EntryType) -> String {
    match entry_type {
        EntryType::Char => "it is a character device".to_owned(),
        EntryType::Block => "it is a block device".to_owned(),
        EntryType::Fifo => "it is a FIFO".to_owned(),
        other => format!("it is of an unknown type, `{}`", other.as_byte().escape_ascii()),
    }
}

/// Whether the owner may execute the file. Nothing else in a mode counts: bits like setuid are
/// passed over, as by Tar.jl.
fn is_executable(header: &Header) -> Result<bool, Error> {
    match field::mode(header) {
        Some(mode) => Ok(mode & 0o100 != 0),
        None => Err(BadArchive::entry(&field::path(header), "its mode is no number").into()),
    }
}

fn size_field(header: &Header) -> Result<u64, Error> {
    field::size(header).ok_or_else(|| {
        BadArchive::entry(&field::path(header), "its size is no number, or absurd").into()
    })
}

/// Takes the contents of a header that belongs to a member.
fn take_text(stream: &mut Stream, size: u64, at_most: u64) -> Result<Vec<u8>, Error> {
    if size > at_most {
        let problem = format!("a header is {size} bytes long, where {at_most} are allowed");
        return Err(BadArchive::whole(problem).into());
    }
    let mut text = Vec::new();
    stream.take(size, |piece| {
        text.extend_from_slice(piece);
        Ok(())
    })?;
    skip_padding(stream, size)?;
    Ok(text)
}

/// Takes what fills up contents of `size` bytes to whole blocks.
pub(super) fn skip_padding(stream: &mut Stream, size: u64) -> Result<(), Error> {
    stream.take(header::padding(size).len() as u64, |_| Ok(()))
}

/// A GNU long name up to the zero byte that ends it.
fn without_end(mut text: Vec<u8>) -> Vec<u8> {
    if let Some(end) = text.iter().position(|byte| *byte == 0) {
        text.truncate(end);
    }
    text
}

/// A pax header for all members to come may say who made the archive, but not where they go.
fn refuse_global(records: &[u8]) -> Result<(), Error> {
    for record in pax_records(records) {
        let (key, _) = record?;
        if matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse.") {
            let problem = format!("a header gives all members the same `{}`", key.escape_ascii());
            return Err(BadArchive::whole(problem).into());
        }
    }
    Ok(())
}

type PaxRecord<'a> = (&'a [u8], &'a [u8]);

/// The keys and values of a pax header, whose records are `"<length> <key>=<value>\n"`.
fn pax_records(mut rest: &[u8]) -> impl Iterator<Item = Result<PaxRecord<'_>, BadArchive>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = pax_record(&mut rest);
        if record.is_none() {
            rest = b"";
        }
        Some(record.ok_or_else(|| BadArchive::whole("a pax header is malformed")))
    })
}

fn pax_record<'a>(rest: &mut &'a [u8]) -> Option<PaxRecord<'a>> {
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let digits = &rest[..space];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (record, after) = rest.split_at_checked(length)?;
    let (key_and_value, end) = record.get(space + 1..)?.split_last().map(|(end, kv)| (kv, *end))?;
    let equals = key_and_value.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&key_and_value[..equals], &key_and_value[equals + 1..]);
    *rest = after;
    (end == b'\n').then_some((key, value))
}

fn only_zeros_are_left(stream: &mut Stream) -> Result<(), Error> {
    loop {
        let rest = stream.available()?;
        if rest.is_empty() {
            return Ok(());
        }
        if !is_zero(rest) {
            let problem = "something follows on its end that does not belong there";
            return Err(BadArchive::whole(problem).into());
        }
        let length = rest.len();
        stream.consume(length);
    }
}
