//! Fuzzing with a time budget: inputs are generated from numbered seeds, so that each can be
//! reproduced.

use std::time::{Duration, Instant};

/// How long a fuzzer runs: `SCRATCHRS_FUZZ_SECONDS`, else one second.
#[expect(clippy::disallowed_methods, reason = "set by the user of the test")]
fn seconds() -> u64 {
    let text = std::env::var("SCRATCHRS_FUZZ_SECONDS").ok();
    text.map_or(1, |text| text.parse().expect("SCRATCHRS_FUZZ_SECONDS: expected a whole number"))
}

/// Calls `try_one` with the random numbers of consecutive seeds until the time is up, and reports
/// the number of seeds. They begin at zero, or at `SCRATCHRS_FUZZ_SEED`; at least `at_least` are
/// tried.
///
/// # Panics
///
/// `try_one` panics. The output names the seed that reproduces it.
#[expect(clippy::disallowed_methods, reason = "set by the user of the test")]
pub fn fuzz(what: &str, at_least: u64, mut try_one: impl FnMut(&mut Random)) {
    let first = std::env::var("SCRATCHRS_FUZZ_SEED").ok();
    let first = first.map_or(0, |text| text.parse().expect("SCRATCHRS_FUZZ_SEED: a whole number"));
    let (begin, length) = (Instant::now(), Duration::from_secs(seconds()));
    let mut seed = first;
    while seed - first < at_least || begin.elapsed() < length {
        let report_seed = ReportSeed { what, seed };
        try_one(&mut Random::new(seed));
        std::mem::forget(report_seed);
        seed += 1;
    }
    crate::report(&format!("fuzzed {what}: {} inputs, no finding", seed - first));
}

/// Reports the seed if the thread panics before it is forgotten.
struct ReportSeed<'a> {
    what: &'a str,
    seed: u64,
}

impl Drop for ReportSeed<'_> {
    fn drop(&mut self) {
        let Self { what, seed } = self;
        crate::report(&format!("fuzzing {what}: a finding with SCRATCHRS_FUZZ_SEED={seed}"));
    }
}

/// Pseudo-random numbers (SplitMix64), the same for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero to before `end`, or zero if that is zero.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// One of these items.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }

    /// True once in `times` times, on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.number() as u8).collect()
    }
}
