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

/// Which part of an input of `length` bytes has to be known to compress the block of this number:
/// the block itself, after so many bytes of dictionary.
pub(crate) fn needed(block: u64, length: u64) -> (Range<u64>, usize) {
    let start = block * BLOCK;
    let dictionary = start.min(WINDOW);
    (start - dictionary..length.min(start + BLOCK), dictionary as usize)
}

/// Compresses what follows the dictionary in `input`; the last block ends the stream.
///
/// Each block gets a compressor of its own: the bytes have to depend on the input alone, and not on
/// the blocks that a thread compressed before. `Compress::reset` does not promise that. In zlib-rs
/// 0.6.8 it leaves the old contents of the window readable. `set_dictionary` then hashes the last
/// three bytes of the dictionary together with a stale one behind them, which cuts the chain of the
/// strings with that hash, so that other matches are found. A new compressor costs a thousandth of
/// what compressing the block takes.
pub(crate) fn deflate(input: &[u8], dictionary: usize, is_last: bool) -> Block {
    let mut compress = Compress::new(LEVEL, false);
    let (dictionary, input) = input.split_at(dictionary);
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
#[cfg(unix)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{binary_like, noise, records};

    fn compressed(input: &[u8], block: u64) -> Block {
        let length = input.len() as u64;
        let (range, dictionary) = needed(block, length);
        let input = &input[range.start as usize..range.end as usize];
        deflate(input, dictionary, block + 1 == length.div_ceil(BLOCK))
    }

    fn gzip(input: &[u8]) -> Vec<u8> {
        let mut gzip = HEADER.to_vec();
        let mut trailer = Trailer::new();
        for block in 0..(input.len() as u64).div_ceil(BLOCK) {
            let block = compressed(input, block);
            gzip.extend_from_slice(&block.deflated);
            trailer.add(&block);
        }
        gzip.extend_from_slice(&trailer.bytes());
        gzip
    }

    #[test]
    fn blocks_make_one_member() {
        let block = BLOCK as usize;
        for length in [512, block - 1, block, block + 1, 3 * block + 7] {
            for input in [vec![0; length], noise(length), binary_like(length, 1)] {
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

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever was compressed before, by this thread or by others, in whatever order: a block
        /// gives the same bytes.
        #[test]
        fn the_order_of_blocks_does_not_matter(
            seed: u64,
            length in (4 * BLOCK as usize)..(10 * BLOCK as usize),
            kinds in prop::collection::vec(any::<bool>(), 10),
            orders in prop::collection::vec(Just((0..10_u64).collect::<Vec<_>>()).prop_shuffle(), 1..5),
        ) {
            let kind = |is_table| if is_table { records } else { binary_like };
            let mut input: Vec<_> =
                kinds.into_iter().flat_map(|is_table| kind(is_table)(BLOCK as usize, seed)).collect();
            input.truncate(length);
            let (input, blocks) = (&input, (length as u64).div_ceil(BLOCK));
            // Each on a thread on which nothing was compressed before.
            let alone: Vec<_> = (0..blocks)
                .map(|block| on_a_thread(|| compressed(input, block).deflated))
                .collect();
            let all_orders = std::thread::scope(|scope| {
                let run = |order: Vec<u64>| {
                    let order = order.into_iter().filter(|block| *block < blocks);
                    order.map(|block| (block, compressed(input, block).deflated)).collect::<Vec<_>>()
                };
                let running: Vec<_> =
                    orders.into_iter().map(|order| scope.spawn(move || run(order))).collect();
                running.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            for (block, deflated) in all_orders {
                prop_assert!(deflated == alone[block as usize], "block {block} of {blocks}");
            }
        }

        /// A byte of an earlier block that is still behind the dictionary, whichever it is.
        #[test]
        fn nothing_is_left_of_the_block_before(seed: u64, is_table: bool) {
            let input = if is_table { records(40_000, seed) } else { binary_like(40_000, seed) };
            let deflated = || deflate(&input, WINDOW as usize, false).deflated;
            let alone = on_a_thread(deflated);
            for byte in 0..=255 {
                deflate(&[byte; 100_000], 0, false);
                prop_assert!(deflated() == alone, "after a block of {byte}");
            }
        }
    }

    fn on_a_thread<T: Send>(run: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(run).join().unwrap())
    }
}
