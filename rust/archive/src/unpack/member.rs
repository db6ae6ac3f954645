//! The members of a tar archive: parsing and checking their headers.
//!
//! The `tar` crate provides the layout of a header. Its iteration is not used: it takes the size of
//! a file from the header although a pax record overrides it (so it misreads archives by Python
//! with files of 8 GiB and more), reads long names and pax records of any length into memory, and
//! splits pax records into lines although a name may contain a line feed.
//!
//! # Compatibility
//!
//! Headers that Tar.jl refuses are refused here too, except for harmless deviations such as an
//! unknown version. These are refused although Tar.jl accepts them: sparse files as pax records, of
//! which it would unpack garbage; a path, link or size for all following members; excessively long
//! paths and pax records; and nonzero bytes after the end of the archive. `docs/formats.md` gives
//! the reasons.

use scratchrs_fs::Progress;
use tar::{EntryType, Header};

use crate::error::{Error, InvalidArchive};
use crate::header;
use crate::unpack::field;
use crate::unpack::stream::{Stream, is_zero, truncated};

/// The longest path or link target, in bytes: enough for 30,000 directories with short names.
const MAX_TEXT: u64 = 64 * 1024;

/// The longest pax header, in bytes: enough for both, and for records of other programs.
const MAX_PAX: u64 = 1024 * 1024;

/// A member of an archive. Its paths are unchanged, but checked.
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
    /// Another name for an earlier member.
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
/// It is malformed, or describes an entry that is refused.
pub(super) fn next(stream: &mut Stream, progress: &Progress) -> Result<Option<Member>, Error> {
    let mut extended = Extended::default();
    let mut begun = false;
    loop {
        progress.check()?;
        let block = stream.block()?.filter(|block| !is_zero(block));
        let Some(block) = block else {
            expect_only_zeros(stream)?;
            return if begun { Err(truncated().into()) } else { Ok(None) };
        };
        let header = Header::from_byte_slice(&block);
        if !field::has_checksum(header) {
            let problem = "a header is damaged: its checksum is wrong";
            return Err(InvalidArchive::whole(problem).into());
        }
        begun = true;
        let size = size_field(header)?;
        match header.entry_type() {
            EntryType::XHeader => extended.add_pax(&read_text(stream, size, MAX_PAX)?)?,
            EntryType::XGlobalHeader => refuse_global(&read_text(stream, size, MAX_PAX)?)?,
            EntryType::GNULongName => {
                extended.path = Some(without_end(read_text(stream, size, MAX_TEXT)?));
            }
            EntryType::GNULongLink => {
                extended.link = Some(without_end(read_text(stream, size, MAX_TEXT)?));
            }
            entry_type => return extended.member(header, entry_type, size).map(Some),
        }
    }
}

/// The values of extended headers, which apply to the next member.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// Unparsed: only the last one counts, and must be a number.
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
        let wrong = |problem: &str| Error::Archive(InvalidArchive::entry(&path, problem));
        if self.is_sparse || entry_type == EntryType::GNUSparse {
            let hint = "make the archive without `--sparse`";
            let problem = "it is a sparse file, which Julia's Pkg can't unpack either";
            return Err(InvalidArchive::entry(&path, problem).with_hint(hint).into());
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

fn pax_size(text: &[u8]) -> Result<u64, InvalidArchive> {
    let digits = std::str::from_utf8(text).ok().map(str::trim);
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| InvalidArchive::whole("a pax header has an invalid size"))
}

/// The problem of a member, without regard to other members.
fn check(path: &[u8], target: &[u8], size: u64, kind: EntryType) -> Option<&'static str> {
    let is_known = matches!(
        kind,
        EntryType::Regular | EntryType::Directory | EntryType::Symlink | EntryType::Link
    );
    if !is_known {
        return None; // Its type is refused.
    }
    let is_hard_link = kind == EntryType::Link;
    let is_link = is_hard_link || kind == EntryType::Symlink;
    let is_file = kind == EntryType::Regular;
    let is_directory = kind == EntryType::Directory;
    let problems = [
        (path.is_empty(), "its path is empty"),
        (path.contains(&0), "its path contains a zero byte"),
        (path.starts_with(b"/"), "its path is absolute"),
        (leads_up(path), "its path has a component `..`"),
        (path.len() as u64 > MAX_TEXT, "its path is longer than 64 KiB"),
        (!is_directory && path.ends_with(b"/"), "its path ends in `/`, but it is not a directory"),
        (!is_directory && last_is_dot(path), "its path ends in `.`, but it is not a directory"),
        (is_link && target.is_empty(), "it is a link without a target"),
        (is_link && target.contains(&0), "the target of the link contains a zero byte"),
        (is_link && target.len() as u64 > MAX_TEXT, "the target of the link is longer than 64 KiB"),
        (!is_link && !target.is_empty(), "it is not a link, but has a target"),
        (!is_file && size > 0, "it is not a file, but has contents"),
        (size > i64::MAX as u64, "its size is out of range"),
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

/// Whether the owner may execute the file. Other bits of the mode, such as setuid, are ignored, as
/// by Tar.jl.
fn is_executable(header: &Header) -> Result<bool, Error> {
    match field::mode(header) {
        Some(mode) => Ok(mode & 0o100 != 0),
        None => Err(InvalidArchive::entry(&field::path(header), "its mode is not a number").into()),
    }
}

fn size_field(header: &Header) -> Result<u64, Error> {
    field::size(header).ok_or_else(|| {
        InvalidArchive::entry(&field::path(header), "its size is not a number, or out of range")
            .into()
    })
}

/// Reads the contents of an extended header.
fn read_text(stream: &mut Stream, size: u64, limit: u64) -> Result<Vec<u8>, Error> {
    if size > limit {
        let problem = format!("a header is {size} bytes long; the limit is {limit}");
        return Err(InvalidArchive::whole(problem).into());
    }
    let mut text = Vec::new();
    stream.take(size, |piece| {
        text.extend_from_slice(piece);
        Ok(())
    })?;
    skip_padding(stream, size)?;
    Ok(text)
}

/// Skips the padding after contents of `size` bytes.
pub(super) fn skip_padding(stream: &mut Stream, size: u64) -> Result<(), Error> {
    stream.take(header::padding(size).len() as u64, |_| Ok(()))
}

/// A GNU long name up to its terminating zero byte.
fn without_end(mut text: Vec<u8>) -> Vec<u8> {
    if let Some(end) = text.iter().position(|byte| *byte == 0) {
        text.truncate(end);
    }
    text
}

/// Refuses a pax header for all following members that sets their path, target or size.
fn refuse_global(records: &[u8]) -> Result<(), Error> {
    for record in pax_records(records) {
        let (key, _) = record?;
        if matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse.") {
            let problem = format!("a header gives all members the same `{}`", key.escape_ascii());
            return Err(InvalidArchive::whole(problem).into());
        }
    }
    Ok(())
}

type PaxRecord<'a> = (&'a [u8], &'a [u8]);

/// The keys and values of a pax header, whose records are `"<length> <key>=<value>\n"`.
fn pax_records(mut rest: &[u8]) -> impl Iterator<Item = Result<PaxRecord<'_>, InvalidArchive>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = pax_record(&mut rest);
        if record.is_none() {
            rest = b"";
        }
        Some(record.ok_or_else(|| InvalidArchive::whole("a pax header is malformed")))
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

fn expect_only_zeros(stream: &mut Stream) -> Result<(), Error> {
    loop {
        let rest = stream.available()?;
        if rest.is_empty() {
            return Ok(());
        }
        if !is_zero(rest) {
            let problem = "there are unexpected bytes after its end";
            return Err(InvalidArchive::whole(problem).into());
        }
        let length = rest.len();
        stream.consume(length);
    }
}
