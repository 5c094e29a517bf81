//! Event time through the real binary: unions, files at different speeds, times that nobody believes, late rows, days of a zone.
//!
//! Cases are drawn from seeds. `PELTON_TIMELINES` says how many, `PELTON_SEED` with which to begin; a failure prints both.

mod days;
mod files;
mod late;
mod place;
mod rules;
mod union;

use std::env;

use anyhow::{Context, Result};
use rand::{SeedableRng, rngs::StdRng};

const SEED_DEFAULT: u64 = 1;

/// What the number of threads must not change.
const THREADS: [&str; 3] = ["1", "2", "4"];

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

/// Runs a case for each of `seeds` seeds; the first that fails ends it.
fn each(test: &str, seeds: u64, case: impl Fn(&mut StdRng) -> Result<()>) -> Result<()> {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let seeds = number("PELTON_TIMELINES").unwrap_or(seeds);
    for seed in first..first + seeds {
        case(&mut StdRng::seed_from_u64(seed)).with_context(|| {
            format!(
                "again: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test event_time {test}"
            )
        })?;
    }
    Ok(())
}
