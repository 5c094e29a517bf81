//! Seeds of tests that draw their cases: which are tried, and what a failure prints.
//!
//! Used by the tests of this crate, and by the unit tests of `pelton`, which include this file. `PELTON_SEED=7` tries one seed,
//! `PELTON_SEED=1000..9000` others than usual.

use std::{env, ops::Range, thread};

/// Tries `case` with each seed of `usual`, or of `PELTON_SEED`. The first that fails ends the test, and says how to do it again: `again` is
/// what `cargo test --release` needs to run this test alone.
pub fn each(again: &str, usual: Range<u64>, mut case: impl FnMut(u64)) {
    for seed in chosen().unwrap_or(usual) {
        let _told_at_the_end = Trial { again, seed };
        case(seed);
    }
}

/// `$PELTON_SEED`: one seed, or a range of them.
fn chosen() -> Option<Range<u64>> {
    env::var("PELTON_SEED").ok().map(|text| parsed(&text).unwrap_or_else(|| panic!("PELTON_SEED={text} is not a seed")))
}

fn parsed(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((first, end)) => Some(first.parse().ok()?..end.parse().ok()?),
        None => text.parse().ok().map(|seed| seed..seed + 1),
    }
}

/// A seed that is tried.
struct Trial<'a> {
    again: &'a str,
    seed: u64,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("again: PELTON_SEED={} cargo test --release {}", self.seed, self.again);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::*;

    #[test]
    fn a_seed_is_a_number_or_a_range() {
        assert_eq!((parsed("7"), parsed("1000..9000")), (Some(7..8), Some(1_000..9_000)));
        assert!(["", "x", "1..", "..2", "-1", "1...2"].iter().all(|text| parsed(text).is_none()));
    }

    #[test]
    fn the_first_seed_that_fails_ends_the_test() {
        let mut tried = Vec::new();
        let usual = chosen().unwrap_or(0..9);
        let (first, end) = (usual.start, usual.end);
        let ended = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            each("-p pelton-tests --lib seeds (a failure that is meant to be)", 0..9, |seed| {
                tried.push(seed);
                assert!(seed < first + 2, "a third one");
            });
        }));
        assert_eq!(ended.is_err(), end - first > 2);
        assert_eq!(tried, (first..end.min(first + 3)).collect::<Vec<_>>());
    }
}
