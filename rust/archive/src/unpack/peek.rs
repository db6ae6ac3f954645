//! A buffered reader that can be asked for the next few bytes, wherever its buffer ends.

use std::io::{self, BufRead, Read};

/// A buffered reader of which at least [`PEEK_AT_MOST`] bytes can be seen before they are taken.
///
/// `BufRead::fill_buf` may return any number of bytes, one for instance, while more follow. So it
/// can't tell whether a magic number comes next; [`Peekable::peek`] can.
pub(super) struct Peekable<R> {
    inner: R,
    buffer: Box<[u8]>,
    /// Where the bytes begin that are read and not taken, and where they end.
    start: usize,
    end: usize,
}

/// The most that can be seen ahead.
pub(super) const PEEK_AT_MOST: usize = 512;

impl<R: Read> Peekable<R> {
    /// Reads `inner` in pieces of `capacity` bytes, or of [`PEEK_AT_MOST`] if that is more.
    pub(super) fn with_capacity(capacity: usize, inner: R) -> Self {
        let buffer = vec![0; capacity.max(PEEK_AT_MOST)].into_boxed_slice();
        Self { inner, buffer, start: 0, end: 0 }
    }

    /// The next `count` bytes; fewer only where the input ends.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(PEEK_AT_MOST);
        if self.buffer.len() - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < count && self.read_more()? {}
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// Reads behind what is there already; `false` at the end of the input.
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

impl<R: Read> Read for Peekable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Peekable<R> {
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

    /// Gives as many bytes at a time as it is told.
    struct Dripping<'a>(&'a [u8], std::iter::Cycle<std::vec::IntoIter<usize>>);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.next().unwrap().min(buffer.len());
            self.0.read(&mut buffer[..count])
        }
    }

    proptest! {
        #[test]
        fn what_is_seen_is_what_comes(
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
            sizes in prop::collection::vec(1..700_usize, 1..5),
            steps in prop::collection::vec((0..600_usize, 1..600_usize), 1..200),
        ) {
            let dripping = Dripping(&bytes, sizes.into_iter().cycle());
            let mut peekable = Peekable::with_capacity(600, dripping);
            let mut rest = &bytes[..];
            for (seen, taken) in steps {
                let expected = &rest[..rest.len().min(seen).min(PEEK_AT_MOST)];
                prop_assert_eq!(peekable.peek(seen).unwrap(), expected);
                let mut buffer = vec![0; taken];
                let count = peekable.read(&mut buffer).unwrap();
                prop_assert_eq!(count == 0, rest.is_empty());
                prop_assert_eq!(&buffer[..count], &rest[..count]);
                rest = &rest[count..];
            }
        }
    }
}
