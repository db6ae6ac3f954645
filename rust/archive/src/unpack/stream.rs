//! The decompressed bytes of an archive, produced by a thread of their own.
//!
//! The format is detected from the first bytes, not from a name: gzip, xz, Zstandard, bzip2, or
//! none. As in the formats' own programs, several parts may follow each other: members of gzip,
//! streams of xz (with zeros in between, a multiple of four) and bzip2, frames of Zstandard (with
//! skippable frames before, between and after them). After them, only zeros (the padding of a tape)
//! are accepted. Parts may end anywhere in a buffer: [`PeekReader::peek`] detects the next one.
//!
//! Memory: a few pieces of 128 KiB, and the window of the format, limited to [`MAX_WINDOW`].

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use scratchrs_fs::Progress;
use tar::Header;

use crate::error::{Error, InvalidArchive};
use crate::header::BLOCK_SIZE;
use crate::source::BUFFER_SIZE;
use crate::unpack::field;
use crate::unpack::peek_reader::PeekReader;

/// The largest window of xz and Zstandard, in bytes; `xz -9` uses 64 MiB, `zstd --long` 128.
const MAX_WINDOW: u32 = 1 << MAX_WINDOW_LOG;
const MAX_WINDOW_LOG: u32 = 27;

/// The number of decompressed pieces in the queue.
const QUEUED_PIECES: usize = 16;

/// Reads and decompresses the archive, on a thread of its own.
pub(super) struct Source<'a, R> {
    input: Input<'a, R>,
    pieces: SyncSender<Piece>,
}

/// The decompressed bytes.
pub(super) struct Stream {
    pieces: Receiver<Piece>,
    piece: Vec<u8>,
    /// How many bytes of the piece are consumed.
    consumed: usize,
    ended: bool,
}

/// A piece of the decompressed bytes; an empty one marks the end.
type Piece = Result<Vec<u8>, Error>;

/// The two ends of the decompression of `input`.
pub(super) fn decompress<R: Read>(input: R, progress: &Progress) -> (Source<'_, R>, Stream) {
    let (sender, receiver) = mpsc::sync_channel(QUEUED_PIECES);
    let input = Input { inner: input, progress, failure: Arc::default() };
    let stream = Stream { pieces: receiver, piece: Vec::new(), consumed: 0, ended: false };
    (Source { input, pieces: sender }, stream)
}

impl<R: Read> Source<'_, R> {
    /// Decompresses until the end, the first error, or until the [`Stream`] is dropped.
    pub(super) fn run(self) {
        let Self { input, pieces } = self;
        let failure = Arc::clone(&input.failure);
        if let Err(failed) = decompress_all(input, &pieces) {
            // An error of the input replaces the error that the decompressor made of it.
            let input_failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            let _ = pieces.send(Err(input_failure.unwrap_or(failed)));
        }
    }
}

/// The compressed bytes. Stores an error of the input: decompressors would lose its details.
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
                // Not every decompressor retries this.
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
    /// The format of an archive that begins with these bytes. A valid tar header takes precedence
    /// over the magic numbers, which could be the beginning of a name.
    fn detect(start: &[u8]) -> Option<Self> {
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

fn decompress_all<R: Read>(input: Input<'_, R>, pieces: &SyncSender<Piece>) -> Result<(), Error> {
    let mut output = PieceWriter::new(pieces);
    let mut input = PeekReader::with_capacity(BUFFER_SIZE, input);
    let start = input.peek(BLOCK_SIZE).map_err(Error::ReadArchive)?;
    if start.is_empty() {
        return Err(InvalidArchive::whole("it is empty").into());
    }
    let Some(format) = Format::detect(start) else {
        let problem = "it is not a tar archive, and not compressed by gzip, xz, Zstandard or bzip2";
        return Err(InvalidArchive::whole(problem).into());
    };
    let damaged = |error: io::Error| Error::Archive(damaged(format, &error));
    match format {
        Format::None => output.send_all(&mut input, damaged)?,
        Format::Gzip => {
            while input.peek(1).map_err(damaged)? == &GZIP_MAGIC[..1] {
                output.send_all(&mut flate2::bufread::GzDecoder::new(&mut input), damaged)?;
            }
        }
        Format::Xz => decompress_xz(&mut input, &mut output)?,
        Format::Zstandard => decompress_zstandard(&mut input, &mut output)?,
        Format::Bzip2 => {
            while input.peek(BZIP2_MAGIC.len()).map_err(damaged)? == BZIP2_MAGIC {
                output.send_all(&mut bzip2::bufread::BzDecoder::new(&mut input), damaged)?;
            }
        }
    }
    expect_only_zeros(&mut input, format)?;
    output.finish()
}

/// Decompresses the streams of an xz file, with zeros between them in multiples of four.
fn decompress_xz<R: Read>(
    input: &mut PeekReader<R>,
    output: &mut PieceWriter<'_>,
) -> Result<(), Error> {
    let damaged = |error: io::Error| Error::Archive(damaged(Format::Xz, &error));
    let window_in_kib = MAX_WINDOW / 1024 + 1024;
    while input.peek(XZ_MAGIC.len()).map_err(damaged)? == XZ_MAGIC {
        let mut xz = lzma_rust2::XzReader::new_mem_limit(&mut *input, false, window_in_kib);
        output.send_all(&mut xz, damaged)?;
        while input.peek(4).map_err(damaged)? == [0; 4] {
            input.consume(4);
        }
    }
    Ok(())
}

/// Decompresses the frames of a Zstandard file, except skippable ones.
fn decompress_zstandard<R: Read>(
    input: &mut PeekReader<R>,
    output: &mut PieceWriter<'_>,
) -> Result<(), Error> {
    let damaged = |error: io::Error| Error::Archive(damaged(Format::Zstandard, &error));
    let mut context = zstd::zstd_safe::DCtx::create();
    let window = zstd::zstd_safe::DParameter::WindowLogMax(MAX_WINDOW_LOG);
    context
        .set_parameter(window)
        .map_err(|code| damaged(io::Error::other(zstd::zstd_safe::get_error_name(code))))?;
    loop {
        let start = input.peek(8).map_err(damaged)?;
        if start.starts_with(ZSTANDARD_MAGIC) {
            let mut frame = zstd::Decoder::with_context(&mut *input, &mut context).single_frame();
            output.send_all(&mut frame, damaged)?;
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

/// Whether a skippable frame, with data for other programs, begins with these bytes.
fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Skips `length` bytes.
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

fn expect_only_zeros(input: &mut impl BufRead, format: Format) -> Result<(), Error> {
    loop {
        let rest = input.fill_buf().map_err(|error| damaged(format, &error))?;
        if rest.is_empty() {
            return Ok(());
        }
        if !is_zero(rest) {
            let problem = format!("there are unexpected bytes after its {format} data");
            return Err(InvalidArchive::whole(problem).with_hint(TRUNCATED_HINT).into());
        }
        let length = rest.len();
        input.consume(length);
    }
}

const TRUNCATED_HINT: &str = "download or copy it again";

fn damaged(format: Format, error: &io::Error) -> InvalidArchive {
    let problem = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("its {format} data end too early"),
        io::ErrorKind::OutOfMemory => {
            format!("decompressing it needs more than {} MiB of memory", MAX_WINDOW >> 20)
        }
        _ => format!("its {format} data are damaged: {error}"),
    };
    InvalidArchive::whole(problem).with_hint(TRUNCATED_HINT)
}

/// Sends decompressed bytes in pieces of one size, independent of the parts of the input.
struct PieceWriter<'a> {
    pieces: &'a SyncSender<Piece>,
    piece: Vec<u8>,
    filled: usize,
}

impl<'a> PieceWriter<'a> {
    fn new(pieces: &'a SyncSender<Piece>) -> Self {
        Self { pieces, piece: vec![0; BUFFER_SIZE], filled: 0 }
    }

    /// Sends all bytes of `reader`.
    ///
    /// # Errors
    ///
    /// Reading fails; `failed` converts the error. Or the receiver was dropped.
    fn send_all(
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

    /// Sends the filled part of the piece, and continues with `next`.
    fn send(&mut self, next: Vec<u8>) -> Result<(), Error> {
        let mut piece = std::mem::replace(&mut self.piece, next);
        piece.truncate(self.filled);
        self.filled = 0;
        self.pieces.send(Ok(piece)).map_err(|_| Error::Cancelled)
    }

    /// Sends the rest, and the end.
    fn finish(mut self) -> Result<(), Error> {
        if self.filled > 0 {
            self.send(Vec::new())?;
        }
        self.send(Vec::new())
    }
}

/// Whether all bytes are zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    // Whole chunks are vectorised by the compiler.
    let mut chunks = bytes.chunks_exact(64);
    chunks.all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
        && bytes[bytes.len() / 64 * 64..].iter().all(|byte| *byte == 0)
}

impl Stream {
    /// The next available bytes; empty at the end.
    ///
    /// # Errors
    ///
    /// The archive cannot be read or decompressed.
    pub(super) fn available(&mut self) -> Result<&[u8], Error> {
        while self.consumed == self.piece.len() && !self.ended {
            let stopped = || io::Error::other("BUG: the decompression has stopped");
            self.piece = self.pieces.recv().map_err(|_| Error::ReadArchive(stopped()))??;
            self.consumed = 0;
            self.ended = self.piece.is_empty();
        }
        Ok(&self.piece[self.consumed..])
    }

    /// Consumes some of the available bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.consumed += count;
    }

    /// Passes the next `length` bytes to `sink` in pieces.
    ///
    /// # Errors
    ///
    /// The archive ends earlier or cannot be read; or the error of `sink`.
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

    /// The next block; `None` at the end.
    ///
    /// # Errors
    ///
    /// The archive ends within the block or cannot be read.
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

/// The archive ends too early.
pub(super) fn truncated() -> InvalidArchive {
    InvalidArchive::whole("it ends too early").with_hint(TRUNCATED_HINT)
}
