//! A buffered reader with lookahead.

use std::io::{self, BufRead, Read};

/// A buffered reader with a lookahead of [`MAX_PEEK`] bytes.
///
/// `BufRead::fill_buf` may return a single byte although more follow. So it can't tell whether a
/// magic number comes next; [`PeekReader::peek`] can.
pub(super) struct PeekReader<R> {
    inner: R,
    buffer: Box<[u8]>,
    /// The range of the buffered bytes that are not consumed.
    start: usize,
    end: usize,
}

/// The lookahead in bytes.
pub(super) const MAX_PEEK: usize = 512;

impl<R: Read> PeekReader<R> {
    /// Reads `inner` in pieces of `capacity` bytes, or of [`MAX_PEEK`] if that is more.
    pub(super) fn with_capacity(capacity: usize, inner: R) -> Self {
        let buffer = vec![0; capacity.max(MAX_PEEK)].into_boxed_slice();
        Self { inner, buffer, start: 0, end: 0 }
    }

    /// The next `count` bytes; fewer only at the end of the input.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(MAX_PEEK);
        if self.buffer.len() - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < count && self.read_more()? {}
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// Appends to the buffered bytes; `false` at the end of the input.
    fn read_more(&mut self) -> io::Result<bool> {
        loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Read for PeekReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for PeekReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the given numbers of bytes at a time.
    struct Chunked<'a>(&'a [u8], std::iter::Cycle<std::vec::IntoIter<usize>>);

    impl Read for Chunked<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.next().unwrap().min(buffer.len());
            self.0.read(&mut buffer[..count])
        }
    }

    proptest! {
        #[test]
        fn peeked_bytes_are_the_next_bytes(
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
            sizes in prop::collection::vec(1..700_usize, 1..5),
            steps in prop::collection::vec((0..600_usize, 1..600_usize), 1..200),
        ) {
            let chunked = Chunked(&bytes, sizes.into_iter().cycle());
            let mut reader = PeekReader::with_capacity(600, chunked);
            let mut rest = &bytes[..];
            for (seen, taken) in steps {
                let expected = &rest[..rest.len().min(seen).min(MAX_PEEK)];
                prop_assert_eq!(reader.peek(seen).unwrap(), expected);
                let mut buffer = vec![0; taken];
                let count = reader.read(&mut buffer).unwrap();
                prop_assert_eq!(count == 0, rest.is_empty());
                prop_assert_eq!(&buffer[..count], &rest[..count]);
                rest = &rest[count..];
            }
        }
    }
}
