//! Windows against an oracle: random timelines go through the two halves of an aggregating operator, and what leaves each epoch
//! must be what a naive evaluator says.
//!
//! A timeline is a job (kind of window, emission, lateness, clock, key, partitions) and its epochs: rows out of order, late,
//! twice, without a time, or none at all. The module lists the rows of each result, so a row that is lost, counted twice or
//! merged out of order shows. `PELTON_TIMELINES` says how many timelines of each kind (the suite: a few hundred, `make soak`:
//! 100,000 in all), `PELTON_SEED` with which to begin; a failure prints both.

mod changes;
mod engine;
mod inverse;
mod live;
mod oracle;
mod order;
mod permutations;
mod skew;
mod snapshot;
mod stages;
mod timeline;

use std::{
    env,
    panic::{self, AssertUnwindSafe},
};

use timeline::{Kind, Timeline};

const TIMELINES_DEFAULT: u64 = 300;
const SEED_DEFAULT: u64 = 1;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

/// Runs timelines of one kind; the first that fails ends it.
fn agree(test: &str, kind: Kind) {
    each(test, |seed| Timeline::random(kind, seed), compare);
}

/// Runs timelines against what `compare` says of each; the first that fails ends it.
fn each(test: &str, timeline: impl Fn(u64) -> Timeline, compare: impl Fn(&Timeline) -> Result<Seen, String>) {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    let mut seen = Seen::default();
    for seed in first..first + timelines {
        let timeline = timeline(seed);
        let run = panic::catch_unwind(AssertUnwindSafe(|| compare(&timeline)));
        match run {
            Ok(Ok(more)) => seen.add(&more),
            Ok(Err(difference)) => panic!("{difference}\n{timeline:#?}\n{}", again(test, seed)),
            Err(cause) => {
                eprintln!("{timeline:#?}\n{}", again(test, seed));
                panic::resume_unwind(cause);
            }
        }
    }
    println!("{timelines} timelines, {} results, {} late rows, {} rejected", seen.results, seen.late, seen.rejected);
    assert!(timelines < 100 || seen.results > timelines, "timelines without results test nothing");
}

fn again(test: &str, seed: u64) -> String {
    format!("again: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test windows {test}")
}

#[derive(Default)]
struct Seen {
    results: u64,
    late: u64,
    rejected: u64,
}

impl Seen {
    fn add(&mut self, more: &Self) {
        self.results += more.results;
        self.late += more.late;
        self.rejected += more.rejected;
    }
}

fn compare(timeline: &Timeline) -> Result<Seen, String> {
    let expected = oracle::evaluate(timeline);
    let got = engine::run(timeline);
    let mut seen = Seen::default();
    for (epoch, (mut expected, mut got)) in expected.into_iter().zip(got).enumerate() {
        for outcome in [&mut expected, &mut got] {
            outcome.results.sort();
            outcome.late.sort_unstable();
            outcome.rejected.sort_unstable();
        }
        if expected != got {
            return Err(format!("epoch {epoch}: expected {expected:#?}\ngot {got:#?}"));
        }
        seen.results += expected.results.len() as u64;
        seen.late += expected.late.len() as u64;
        seen.rejected += expected.rejected.len() as u64;
    }
    Ok(seen)
}

/// What left the operator in one epoch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    results: Vec<Fold>,
    /// Ids of rows.
    late: Vec<i64>,
    rejected: Vec<i64>,
}

/// One result: the rows of a key in a window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fold {
    key: Vec<String>,
    /// Start and end, where windows have them.
    bounds: Option<(i64, i64)>,
    /// Ids of the rows, in the order in which they were merged where that is defined.
    rows: Vec<i64>,
    /// As the second module of the operator counted them.
    count: i64,
}

#[test]
fn tumbling_windows_agree_with_the_oracle() {
    agree("tumbling", Kind::Tumbling);
}

#[test]
fn sliding_windows_agree_with_the_oracle() {
    agree("sliding", Kind::Sliding);
}

#[test]
fn aggregates_without_windows_agree_with_the_oracle() {
    agree("without_windows", Kind::Global);
}

#[test]
fn session_windows_agree_with_the_oracle() {
    agree("session", Kind::Session);
}

#[test]
fn count_windows_agree_with_the_oracle() {
    agree("count", Kind::Count);
}
