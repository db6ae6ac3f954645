//! Damages files.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

/// A source of numbers that look random (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below another one, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// The files of the corpus in some directories.
pub(crate) fn corpus(directories: &[&str]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files = Vec::new();
    for directory in directories {
        let mut paths: Vec<_> = fs::read_dir(root.join(directory))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        files.extend(paths.into_iter().map(|path| fs::read(path).unwrap()));
    }
    files
}

/// What TOML is made of, and what it is damaged with.
const PIECES: &[&[u8]] = &[
    b"[",
    b"]",
    b"[[",
    b"]]",
    b"{",
    b"}",
    b"=",
    b" = ",
    b",",
    b".",
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"\t",
    b"#",
    b"\"",
    b"'",
    b"\"\"\"",
    b"'''",
    b"\\",
    b"\\u00e9",
    b"\\U0001F600",
    b"\xef\xbb\xbf",
    b"\0",
    b"\0\0\0\0",
    b"\xff",
    b"\xff\xfe",
    b"\x1f\x8b",
    b"1",
    b"-1",
    b"1.5",
    b"inf",
    b"true",
    b"2024-01-02",
    b"2024-01-02T03:04:05Z",
    b"a = 1\n",
    b"[t]\n",
    b"[[t]]\n",
    b"deps",
    b"[deps]\n",
    b"[[deps]]\n",
    b"[[deps.Example]]\n",
    b"uuid = ",
    b"uuid = \"7876af07-990d-54b4-ab0e-23690620f79a\"\n",
    b"git-tree-sha1 = ",
    b"git-tree-sha1",
    b"git-tree-sha1 = \"46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc\"\n",
    b"repo-url = \"u\"\n",
    b"manifest_format = 1\n",
    b"<<<<<<< HEAD\n",
    b"||||||| base\n",
    b"=======\n",
    b">>>>>>> other\n",
    b"parent_projects = [",
    b"time = ",
    b"[[\"/space\"]]\n",
    b"\"git-tree-sha1\"",
    b"deps = [",
    b"deps = [\"Example\"]\n",
    b"\xc3\xa9",
    b"\x7f",
];

/// One of the files, damaged in some places.
pub(crate) fn mutated(files: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = files[random.below(files.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(..at)),
            2 => drop(bytes.drain(at..end)),
            3 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            4 if at < bytes.len() => bytes[at] = random.next() as u8,
            5 => {
                let again = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, again);
            }
            6 => {
                let other = &files[random.below(files.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(200)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            7 => bytes[at..end].fill(0),
            _ => drop(bytes.splice(at..at, random.pick(PIECES).iter().copied())),
        }
    }
    bytes
}

/// Damages files and checks what comes of it, for as long as the environment says.
#[expect(clippy::disallowed_methods, reason = "the environment says how long")]
#[expect(clippy::print_stdout, reason = "how much was tried is what a fuzzer says")]
pub(crate) fn fuzz(files: &[Vec<u8>], mut check: impl FnMut(&[u8], &mut Random)) {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse().ok());
    let seconds = number("SCRATCHRS_FUZZ_SECONDS").unwrap_or(1);
    let seed: u64 = number("SCRATCHRS_FUZZ_SEED").unwrap_or(1);
    files.iter().for_each(|file| check(file, &mut Random::new(seed)));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut inputs = 0_u64;
    while Instant::now() < end {
        for _ in 0..100 {
            let mut random = Random::new(seed.wrapping_add(inputs));
            let bytes = mutated(files, &mut random);
            check(&bytes, &mut random);
            inputs += 1;
        }
    }
    println!("{inputs} inputs from seed {seed} on");
}
