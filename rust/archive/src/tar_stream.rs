//! The tar stream of a tree, with random access.
//!
//! The offset of each entry in the stream follows from the sizes in the listing. So several threads
//! can produce different parts at once, each reading the files that it needs.

use std::ops::Range;

use scratchrs_fs::Progress;

use crate::error::Error;
use crate::header::{self, Kind as Record};
use crate::listing::{Kind, Listed, Listing};
use crate::platform;
use crate::source::{self, SourceFile};

/// The tar stream of a listed tree.
pub(crate) struct TarStream {
    listing: Listing,
    /// The offsets of the records of all entries, and the end of the stream.
    offsets: Vec<u64>,
    /// The targets of links, sorted by the indices of their entries.
    targets: Vec<(usize, Vec<u8>)>,
}

impl TarStream {
    /// Computes the offsets. Reads the links, but not the files.
    ///
    /// # Errors
    ///
    /// A link cannot be read, or the work is cancelled.
    pub(crate) fn new(listing: Listing, progress: &Progress) -> Result<Self, Error> {
        let mut stream = Self { offsets: vec![0], targets: Vec::new(), listing };
        for index in 0..stream.listing.len() {
            let Listed { path, kind } = stream.listing.get(index);
            if kind == Kind::Symlink {
                progress.check()?;
                let target = source::read_link(&stream.listing.on_disk(path)?)?;
                stream.targets.push((index, platform::bytes(&target).to_vec()));
            }
            let contents = match stream.listing.get(index).kind {
                Kind::File { size, .. } => size + header::padding(size).len() as u64,
                Kind::Symlink | Kind::Directory | Kind::EmptyTree => 0,
            };
            let before = stream.offsets[index];
            stream.offsets.push(before + stream.record(index).len() as u64 + contents);
        }
        if stream.listing.len() == 0 {
            stream.offsets.push(stream.record(0).len() as u64);
        }
        Ok(stream)
    }

    /// The length of the stream in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.offsets[self.offsets.len() - 1]
    }

    /// The record of an entry. A tree without entries has one record, for the root.
    fn record(&self, index: usize) -> Vec<u8> {
        if self.listing.len() == 0 {
            return header::record(b".", Record::Directory);
        }
        let Listed { path, kind } = self.listing.get(index);
        match kind {
            Kind::File { size, executable } => {
                header::record(path, Record::File { size, executable })
            }
            Kind::Directory | Kind::EmptyTree => header::record(path, Record::Directory),
            Kind::Symlink => header::record(path, Record::Symlink { target: self.target(index) }),
        }
    }

    fn target(&self, index: usize) -> &[u8] {
        match self.targets.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(at) => &self.targets[at].1,
            Err(_) => b"",
        }
    }

    /// Appends a part of the stream to `out`.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or has changed since it was listed; or the work is cancelled.
    pub(crate) fn read(
        &self,
        range: Range<u64>,
        out: &mut Vec<u8>,
        progress: &Progress,
    ) -> Result<(), Error> {
        // The last entry that begins at or before the range.
        let mut index = self.offsets.partition_point(|offset| *offset <= range.start) - 1;
        let mut at = range.start;
        while at < range.end {
            progress.check()?;
            let begin = self.offsets[index];
            let end = self.offsets[index + 1].min(range.end);
            let wanted = at - begin..end - begin;
            self.read_entry(index, wanted, out)?;
            at = end;
            index += 1;
        }
        Ok(())
    }

    /// Appends a part of an entry's record, contents and padding to `out`.
    fn read_entry(&self, index: usize, wanted: Range<u64>, out: &mut Vec<u8>) -> Result<(), Error> {
        let record = self.record(index);
        let length = record.len() as u64;
        if wanted.start < length {
            let end = wanted.end.min(length);
            out.extend_from_slice(&record[wanted.start as usize..end as usize]);
        }
        let Some(Kind::File { size, executable }) =
            (self.listing.len() > 0).then(|| self.listing.get(index).kind)
        else {
            return Ok(());
        };
        let in_contents = |offset: u64| {
            offset.saturating_sub(length).min(size + header::padding(size).len() as u64)
        };
        let (start, end) = (in_contents(wanted.start), in_contents(wanted.end));
        let contents = start.min(size)..end.min(size);
        // An empty file is opened with its record, so that an unreadable one is an error.
        if !contents.is_empty() || size == 0 && wanted.start < length {
            let path = self.listing.on_disk(self.listing.get(index).path)?;
            SourceFile::open_listed(&path, size, executable)?.read_part(contents, out)?;
        }
        let padding = end.max(size) - start.max(size);
        out.resize(out.len() + padding as usize, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Tree;
    use crate::listing::Purpose;

    #[test]
    fn parts_equal_those_of_the_whole_stream() {
        let tree = Tree::new()
            .file("a", [1; 700])
            .file("b", [2; 512])
            .file("c", "")
            .link("d", "u".repeat(150))
            .file("e/f", "f");
        let progress = Progress::default();
        let listing = Listing::new(tree.path(), Purpose::Archive, &progress).unwrap();
        let stream = TarStream::new(listing, &progress).unwrap();
        let read = |range| {
            let mut out = Vec::new();
            stream.read(range, &mut out, &progress).unwrap();
            out
        };
        let whole = read(0..stream.len());
        assert_eq!(whole.len() as u64, stream.len());
        for length in [1, 3, 511, 512, 513, 1000] {
            for start in (0..stream.len() - length).step_by(97) {
                let range = start as usize..(start + length) as usize;
                assert!(read(start..start + length) == whole[range], "{start} {length}");
            }
        }
    }
}
