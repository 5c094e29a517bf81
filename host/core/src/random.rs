//! Random numbers for the property tests of this crate, from a seed that a failing test prints.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014). Only for tests.

/// A stream of random numbers. Prints how to replay it when its test panics.
pub struct Random {
    test: &'static str,
    seed: u64,
    state: u64,
}

impl Random {
    /// The stream of a test: from `PELTON_SEED` where it is set, otherwise always the same.
    pub fn for_test(test: &'static str) -> Self {
        let seed = std::env::var("PELTON_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_260_101);
        Self { test, seed, state: seed }
    }

    pub fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// From `low` on and below `high`.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        let span = high.wrapping_sub(low) as u64;
        low.wrapping_add((self.word() % span) as i64)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.word().is_multiple_of(times)
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again: PELTON_SEED={} cargo test --release -p pelton-core {}", self.seed, self.test);
        }
    }
}
