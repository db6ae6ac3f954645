//! The bytes of an archive: read and decompressed by a thread of its own, taken piece by piece.
//!
//! How they are compressed is told by their first bytes, not by a name: gzip, xz, Zstandard, bzip2,
//! or not at all. All of these may consist of several parts, one after the other, as their own
//! programs accept: members of gzip, streams of xz (with zeros in between, a multiple of four) and
//! bzip2, frames of Zstandard (with skippable frames before, between and after them). What is no
//! part, and not only zeros (with which a tape is filled up), is refused. Where the parts end does
//! not matter: they are told by [`Peekable::peek`].
//!
//! Memory: a few pieces of 128 KiB, and what the format needs, of which a hostile archive may demand
//! no more than [`WINDOW_AT_MOST`].

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use scratchrs_fs::Progress;
use tar::Header;

use crate::error::{BadArchive, Error};
use crate::header::BLOCK_SIZE;
use crate::source::BUFFER_SIZE;
use crate::unpack::field;
use crate::unpack::peek::Peekable;

/// How far back xz and Zstandard may look, in bytes; `xz -9` looks 64 MiB back, `zstd --long` 128.
const WINDOW_AT_MOST: u32 = 1 << WINDOW_LOG_AT_MOST;
const WINDOW_LOG_AT_MOST: u32 = 27;

/// How many pieces are decompressed ahead.
const PIECES_AHEAD: usize = 16;

/// What reads and decompresses: to be run on a thread of its own.
pub(super) struct Source<'a, R> {
    input: Input<'a, R>,
    pieces: SyncSender<Piece>,
}

/// The decompressed bytes, as they come.
pub(super) struct Stream {
    pieces: Receiver<Piece>,
    piece: Vec<u8>,
    /// How much of the piece is taken already.
    taken: usize,
    ended: bool,
}

/// A piece of the decompressed bytes; an empty one is the end.
type Piece = Result<Vec<u8>, Error>;

/// The two ends of the decompression of `input`.
pub(super) fn decompress<R: Read>(input: R, progress: &Progress) -> (Source<'_, R>, Stream) {
    let (sender, receiver) = mpsc::sync_channel(PIECES_AHEAD);
    let input = Input { inner: input, progress, failure: Arc::default() };
    let stream = Stream { pieces: receiver, piece: Vec::new(), taken: 0, ended: false };
    (Source { input, pieces: sender }, stream)
}

impl<R: Read> Source<'_, R> {
    /// Decompresses until the end, the first error, or until nobody takes what comes.
    pub(super) fn run(self) {
        let Self { input, pieces } = self;
        let failure = Arc::clone(&input.failure);
        if let Err(failed) = pump(input, &pieces) {
            // What the decompressor says about an error of its input is not worth knowing.
            let own = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            let _ = pieces.send(Err(own.unwrap_or(failed)));
        }
    }
}

/// The compressed bytes, with what went wrong with them kept aside: decompressors pass it on with
/// more or less of what it was.
struct Input<'a, R> {
    inner: R,
    progress: &'a Progress,
    failure: Arc<Mutex<Option<Error>>>,
}

impl<R: Read> Read for Input<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failure = loop {
            if let Err(cancelled) = self.progress.check() {
                break cancelled.into();
            }
            match self.inner.read(buffer) {
                Ok(count) => {
                    self.progress.advance(count as u64);
                    return Ok(count);
                }
                // Not every decompressor knows that this is no failure.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Error::ReadArchive(error),
            }
        };
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        Err(io::Error::other("the input failed"))
    }
}

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const XZ_MAGIC: &[u8] = b"\xfd7zXZ\0";
const ZSTANDARD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
const BZIP2_MAGIC: &[u8] = b"BZh";

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Gzip,
    Xz,
    Zstandard,
    Bzip2,
    None,
}

impl Format {
    /// What begins with these bytes. A block that is the header of a tar archive is one, whatever
    /// the first name in it looks like.
    fn of(start: &[u8]) -> Option<Self> {
        let block = start.first_chunk::<BLOCK_SIZE>();
        if block.is_some_and(|block| {
            is_zero(block) || field::has_checksum(Header::from_byte_slice(block))
        }) {
            return Some(Self::None);
        }
        if is_skippable(start) {
            return Some(Self::Zstandard);
        }
        let starts = [
            (GZIP_MAGIC, Self::Gzip),
            (XZ_MAGIC, Self::Xz),
            (ZSTANDARD_MAGIC, Self::Zstandard),
            (BZIP2_MAGIC, Self::Bzip2),
        ];
        starts.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, format)| format)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstandard => "Zstandard",
            Self::Bzip2 => "bzip2",
            Self::None => "tar",
        })
    }
}

fn pump<R: Read>(input: Input<'_, R>, pieces: &SyncSender<Piece>) -> Result<(), Error> {
    let mut outlet = Outlet::new(pieces);
    let mut input = Peekable::with_capacity(BUFFER_SIZE, input);
    let start = input.peek(BLOCK_SIZE).map_err(Error::ReadArchive)?;
    if start.is_empty() {
        return Err(BadArchive::whole("it is empty").into());
    }
    let Some(format) = Format::of(start) else {
        let problem = "it is no tar archive, and not compressed by gzip, xz, Zstandard or bzip2";
        return Err(BadArchive::whole(problem).into());
    };
    let damaged = |error: io::Error| Error::Archive(damaged(format, &error));
    match format {
        Format::None => outlet.pass_on(&mut input, damaged)?,
        Format::Gzip => {
            while input.peek(1).map_err(damaged)? == &GZIP_MAGIC[..1] {
                outlet.pass_on(&mut flate2::bufread::GzDecoder::new(&mut input), damaged)?;
            }
        }
        Format::Xz => pump_xz(&mut input, &mut outlet)?,
        Format::Zstandard => pump_zstandard(&mut input, &mut outlet)?,
        Format::Bzip2 => {
            while input.peek(BZIP2_MAGIC.len()).map_err(damaged)? == BZIP2_MAGIC {
                outlet.pass_on(&mut bzip2::bufread::BzDecoder::new(&mut input), damaged)?;
            }
        }
    }
    only_zeros_are_left(&mut input, format)?;
    outlet.finish()
}

/// Decompresses the streams of an xz file. Between them, there may be zeros, a multiple of four.
fn pump_xz<R: Read>(input: &mut Peekable<R>, outlet: &mut Outlet<'_>) -> Result<(), Error> {
    let damaged = |error: io::Error| Error::Archive(damaged(Format::Xz, &error));
    let window_in_kib = WINDOW_AT_MOST / 1024 + 1024;
    while input.peek(XZ_MAGIC.len()).map_err(damaged)? == XZ_MAGIC {
        let mut xz = lzma_rust2::XzReader::new_mem_limit(&mut *input, false, window_in_kib);
        outlet.pass_on(&mut xz, damaged)?;
        while input.peek(4).map_err(damaged)? == [0; 4] {
            input.consume(4);
        }
    }
    Ok(())
}

/// Decompresses the frames of a Zstandard file, and passes over those that may be skipped.
fn pump_zstandard<R: Read>(input: &mut Peekable<R>, outlet: &mut Outlet<'_>) -> Result<(), Error> {
    let damaged = |error: io::Error| Error::Archive(damaged(Format::Zstandard, &error));
    let mut context = zstd::zstd_safe::DCtx::create();
    let window = zstd::zstd_safe::DParameter::WindowLogMax(WINDOW_LOG_AT_MOST);
    context
        .set_parameter(window)
        .map_err(|code| damaged(io::Error::other(zstd::zstd_safe::get_error_name(code))))?;
    loop {
        let start = input.peek(8).map_err(damaged)?;
        if start.starts_with(ZSTANDARD_MAGIC) {
            let mut frame = zstd::Decoder::with_context(&mut *input, &mut context).single_frame();
            outlet.pass_on(&mut frame, damaged)?;
        } else if is_skippable(start) {
            let Some(&size) = start.last_chunk().filter(|_| start.len() == 8) else {
                return Err(damaged(io::ErrorKind::UnexpectedEof.into()));
            };
            skip(input, 8 + u64::from(u32::from_le_bytes(size))).map_err(damaged)?;
        } else {
            return Ok(());
        }
    }
}

/// Whether a frame begins with these bytes that holds something for other programs.
fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Passes over `length` bytes.
fn skip(input: &mut impl BufRead, mut length: u64) -> io::Result<()> {
    while length > 0 {
        let available = input.fill_buf()?.len() as u64;
        if available == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = available.min(length);
        input.consume(count as usize);
        length -= count;
    }
    Ok(())
}

fn only_zeros_are_left(input: &mut impl BufRead, format: Format) -> Result<(), Error> {
    loop {
        let rest = input.fill_buf().map_err(|error| damaged(format, &error))?;
        if rest.is_empty() {
            return Ok(());
        }
        if !is_zero(rest) {
            let problem =
                format!("something follows on its {format} data that does not belong there");
            return Err(BadArchive::whole(problem).with_hint(TRUNCATED_HINT).into());
        }
        let length = rest.len();
        input.consume(length);
    }
}

const TRUNCATED_HINT: &str = "download or copy it again";

fn damaged(format: Format, error: &io::Error) -> BadArchive {
    let problem = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("its {format} data end too early"),
        io::ErrorKind::OutOfMemory => {
            format!("to decompress it takes more memory than {} MiB", WINDOW_AT_MOST >> 20)
        }
        _ => format!("its {format} data are damaged: {error}"),
    };
    BadArchive::whole(problem).with_hint(TRUNCATED_HINT)
}

/// The decompressed bytes on their way: in pieces of one size, wherever the parts of the input end.
struct Outlet<'a> {
    pieces: &'a SyncSender<Piece>,
    piece: Vec<u8>,
    filled: usize,
}

impl<'a> Outlet<'a> {
    fn new(pieces: &'a SyncSender<Piece>) -> Self {
        Self { pieces, piece: vec![0; BUFFER_SIZE], filled: 0 }
    }

    /// Passes on everything that `reader` gives.
    ///
    /// # Errors
    ///
    /// Reading fails, for the reason that `failed` makes of it; or the pieces are not wanted any
    /// more.
    fn pass_on(
        &mut self,
        reader: &mut impl Read,
        failed: impl Fn(io::Error) -> Error,
    ) -> Result<(), Error> {
        loop {
            match reader.read(&mut self.piece[self.filled..]).map_err(&failed)? {
                0 => return Ok(()),
                count => self.filled += count,
            }
            if self.filled == self.piece.len() {
                self.send(vec![0; BUFFER_SIZE])?;
            }
        }
    }

    /// Sends what is filled of the piece, and goes on with the next one.
    fn send(&mut self, next: Vec<u8>) -> Result<(), Error> {
        let mut piece = std::mem::replace(&mut self.piece, next);
        piece.truncate(self.filled);
        self.filled = 0;
        self.pieces.send(Ok(piece)).map_err(|_| Error::Cancelled)
    }

    /// Sends the rest, and that nothing follows.
    fn finish(mut self) -> Result<(), Error> {
        if self.filled > 0 {
            self.send(Vec::new())?;
        }
        self.send(Vec::new())
    }
}

/// Whether there is nothing but zeros.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    // The compiler makes wide instructions of whole chunks.
    let mut chunks = bytes.chunks_exact(64);
    chunks.all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
        && bytes[bytes.len() / 64 * 64..].iter().all(|byte| *byte == 0)
}

impl Stream {
    /// What comes next, as much of it as is there; empty at the end.
    ///
    /// # Errors
    ///
    /// The archive cannot be read or decompressed any further.
    pub(super) fn available(&mut self) -> Result<&[u8], Error> {
        while self.taken == self.piece.len() && !self.ended {
            let lost = || io::Error::other("BUG: the decompression has stopped");
            self.piece = self.pieces.recv().map_err(|_| Error::ReadArchive(lost()))??;
            self.taken = 0;
            self.ended = self.piece.is_empty();
        }
        Ok(&self.piece[self.taken..])
    }

    /// Takes some of what is available.
    pub(super) fn consume(&mut self, count: usize) {
        self.taken += count;
    }

    /// Takes `length` bytes and passes them to `sink`, piece by piece.
    ///
    /// # Errors
    ///
    /// There are fewer; or the error of `sink`, or of the archive.
    pub(super) fn take(
        &mut self,
        mut length: u64,
        mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while length > 0 {
            let available = self.available()?;
            if available.is_empty() {
                return Err(truncated().into());
            }
            let count = available.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            sink(&available[..count])?;
            self.consume(count);
            length -= count as u64;
        }
        Ok(())
    }

    /// Takes a block; `None` if nothing is left.
    ///
    /// # Errors
    ///
    /// There is less than a block.
    pub(super) fn block(&mut self) -> Result<Option<[u8; BLOCK_SIZE]>, Error> {
        if self.available()?.is_empty() {
            return Ok(None);
        }
        let mut block = [0; BLOCK_SIZE];
        let mut filled = 0;
        self.take(BLOCK_SIZE as u64, |piece| {
            block[filled..filled + piece.len()].copy_from_slice(piece);
            filled += piece.len();
            Ok(())
        })?;
        Ok(Some(block))
    }
}

/// That the archive ends in the middle of something.
pub(super) fn truncated() -> BadArchive {
    BadArchive::whole("it ends too early").with_hint(TRUNCATED_HINT)
}
