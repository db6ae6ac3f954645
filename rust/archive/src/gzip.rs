//! Parallel gzip whose output does not depend on the number of threads.
//!
//! The input is cut into blocks of a fixed length. Each is compressed separately, with the end of
//! the previous one as its dictionary, and ends at a whole byte, so that the blocks can be
//! concatenated. The result is one gzip member, as with pigz. Its header has no file name, time or
//! system.

use std::ops::Range;

use flate2::{Compress, Compression, Crc, FlushCompress};

/// The compression level; fixed, as the output depends on it.
const LEVEL: Compression = Compression::new(6);

/// The size of a block in bytes; fixed, as the output depends on it.
pub(crate) const BLOCK: u64 = 256 * 1024;

/// The window of deflate in bytes.
const WINDOW: u64 = 32 * 1024;

/// Deflate, no flags, no time, no level; 255 means an unknown system.
pub(crate) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A compressed block, with its checksum for the trailer.
pub(crate) struct Block {
    pub(crate) deflated: Vec<u8>,
    crc: Crc,
}

/// The range of an input of `length` bytes that is needed to compress a block, and how many bytes
/// at its start are the dictionary.
pub(crate) fn block_range(block: u64, length: u64) -> (Range<u64>, usize) {
    let start = block * BLOCK;
    let dictionary = start.min(WINDOW);
    (start - dictionary..length.min(start + BLOCK), dictionary as usize)
}

/// Compresses the bytes after the dictionary in `input`; the last block ends the stream.
///
/// Each block gets a new compressor: the output must depend on the input alone, not on the blocks
/// that a thread compressed before. `Compress::reset` does not guarantee that. In zlib-rs 0.6.8 it
/// leaves the old contents of the window readable. `set_dictionary` then hashes the last three
/// bytes of the dictionary together with a stale one after them, which cuts the chain of the
/// strings with that hash, so that other matches are found. Creating a compressor takes a
/// thousandth of the time of compressing the block.
pub(crate) fn deflate(input: &[u8], dictionary: usize, is_last: bool) -> Block {
    let mut compress = Compress::new(LEVEL, false);
    let (dictionary, input) = input.split_at(dictionary);
    if !dictionary.is_empty() {
        compress.set_dictionary(dictionary).expect("BUG: the dictionary is set before the input");
    }
    // Incompressible input grows by five bytes for each 64 KiB, or 32 with some levels.
    let mut deflated = Vec::with_capacity(input.len() + input.len() / 1024 + 64);
    let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    loop {
        let taken = compress.total_in() as usize;
        compress
            .compress_vec(&input[taken..], &mut deflated, flush)
            .expect("BUG: compressing to memory does not fail");
        // Unused capacity means that everything is written.
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

    /// Adds the next block.
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
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{binary_like, noise, records};

    fn compressed(input: &[u8], block: u64) -> Block {
        let length = input.len() as u64;
        let (range, dictionary) = block_range(block, length);
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
    fn a_block_uses_the_previous_one_as_dictionary() {
        let half = noise(16 * 1024);
        let repeated = half.repeat(40);
        assert!(gzip(&repeated).len() < 2 * half.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

        /// A block gives the same bytes, whatever this thread or others compressed before.
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
            // Each on a new thread.
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

        /// For any byte of an earlier block that could be left after the dictionary.
        #[test]
        fn a_previous_block_has_no_effect(seed: u64, is_table: bool) {
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
