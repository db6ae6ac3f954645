//! gzip by several threads, with bytes that do not depend on how many there are.
//!
//! The input is cut into blocks of a fixed length. Each is compressed by itself, with the end of the
//! one before as its dictionary, so that little is lost; and each ends at a whole byte, so that they
//! can be put together. The result is one gzip member, as pigz makes it. Its header names no file,
//! no time and no system.

use std::ops::Range;

use flate2::{Compress, Compression, Crc, FlushCompress};

/// What it compresses with; fixed, as it decides about the bytes.
const LEVEL: Compression = Compression::new(6);

/// How much is compressed at a time; fixed, as it decides about the bytes.
pub(crate) const BLOCK: u64 = 256 * 1024;

/// How far back deflate looks.
const WINDOW: u64 = 32 * 1024;

/// Deflate, no flags, no time, nothing about level; 255 means a system that is unknown.
pub(crate) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A compressed block, with what the end of the file has to say about it.
pub(crate) struct Block {
    pub(crate) deflated: Vec<u8>,
    crc: Crc,
}

/// Compresses blocks, one at a time.
pub(crate) struct Deflater(Compress);

/// Which part of an input of `length` bytes has to be known to compress the block of this number:
/// the block itself, after so many bytes of dictionary.
pub(crate) fn needed(block: u64, length: u64) -> (Range<u64>, usize) {
    let start = block * BLOCK;
    let dictionary = start.min(WINDOW);
    (start - dictionary..length.min(start + BLOCK), dictionary as usize)
}

impl Deflater {
    pub(crate) fn new() -> Self {
        Self(Compress::new(LEVEL, false))
    }

    /// Compresses what follows the dictionary in `input`; the last block ends the stream.
    pub(crate) fn block(&mut self, input: &[u8], dictionary: usize, is_last: bool) -> Block {
        let Self(compress) = self;
        let (dictionary, input) = input.split_at(dictionary);
        compress.reset();
        if !dictionary.is_empty() {
            compress.set_dictionary(dictionary).expect("BUG: no dictionary before the input");
        }
        // What can't be compressed takes five bytes more for each 64 KiB, or 32 with some levels.
        let mut deflated = Vec::with_capacity(input.len() + input.len() / 1024 + 64);
        let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Sync };
        loop {
            let taken = compress.total_in() as usize;
            compress
                .compress_vec(&input[taken..], &mut deflated, flush)
                .expect("BUG: a stream that is not begun can't be damaged");
            // With room left, everything is written.
            if deflated.len() < deflated.capacity() {
                break;
            }
            deflated.reserve(1024);
        }
        let mut crc = Crc::new();
        crc.update(input);
        Block { deflated, crc }
    }
}

/// The end of a gzip file.
#[derive(Default)]
pub(crate) struct Trailer(Crc);

impl Trailer {
    pub(crate) fn new() -> Self {
        Self(Crc::new())
    }

    /// Adds a block behind those before.
    pub(crate) fn add(&mut self, block: &Block) {
        self.0.combine(&block.crc);
    }

    pub(crate) fn bytes(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.0.sum().to_le_bytes());
        bytes[4..].copy_from_slice(&self.0.amount().to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn gzip(input: &[u8]) -> Vec<u8> {
        let mut gzip = HEADER.to_vec();
        let mut trailer = Trailer::new();
        let mut deflater = Deflater::new();
        let length = input.len() as u64;
        let blocks = length.div_ceil(BLOCK);
        for block in 0..blocks {
            let (range, dictionary) = needed(block, length);
            let input = &input[range.start as usize..range.end as usize];
            let block = deflater.block(input, dictionary, block + 1 == blocks);
            gzip.extend_from_slice(&block.deflated);
            trailer.add(&block);
        }
        gzip.extend_from_slice(&trailer.bytes());
        gzip
    }

    /// Bytes that can't be compressed.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn blocks_make_one_member() {
        let block = BLOCK as usize;
        for length in [512, block - 1, block, block + 1, 3 * block + 7] {
            for input in [vec![0; length], noise(length)] {
                let gzip = gzip(&input);
                let mut decoder = GzDecoder::new(&gzip[..]);
                let mut output = Vec::new();
                decoder.read_to_end(&mut output).unwrap();
                assert!(output == input, "{length}");
                assert!(decoder.into_inner().is_empty());
            }
        }
    }

    #[test]
    fn a_block_makes_use_of_the_one_before() {
        let half = noise(16 * 1024);
        let repeated = half.repeat(40);
        assert!(gzip(&repeated).len() < 2 * half.len());
    }
}
