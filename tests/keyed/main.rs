//! Keyed operators against an oracle: random commands to the state of random keys go through the two halves of a keyed operator,
//! and what leaves must be what a naive evaluator says, key by key and in order.
//!
//! A timeline is an operator (form of the key, partitions, rows in a call, time to live, lateness, idle keys) and its epochs. The
//! modules are tests/guests/ledger, which speaks to the engine without the SDK, and tests/guests/shelves, which keeps lists and maps by it
//! (`make guests` builds them), and `std:dedup`. `PELTON_TIMELINES` says how many timelines (the suite: some hundreds),
//! `PELTON_SEED` with which to begin; a failure prints both.

mod dedup;
mod engine;
mod job;
mod large;
mod live;
mod oracle;
mod shelf;
mod shelves;
mod snapshot;
mod timeline;

use std::{
    collections::BTreeMap,
    env,
    panic::{self, AssertUnwindSafe},
};

use pelton_core::limits::LimitName;
use pelton_tests::seeds::each;
use pelton_wasm::CallError;
use timeline::{Guest, Timeline};

const TIMELINES_DEFAULT: u64 = 400;
const PLENTY: u64 = 1 << 30;

/// What left an operator.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// By key, in order: event time, what, how much.
    rows: BTreeMap<String, Vec<(i64, String, i64)>>,
    /// By key, in order: `x` of what was pushed.
    pushed: BTreeMap<String, Vec<i64>>,
    /// `x` of each.
    late: Vec<i64>,
    rejected: Vec<i64>,
}

impl Outcome {
    /// Between keys there is no order.
    fn sorted(mut self) -> Self {
        self.late.sort_unstable();
        self.rejected.sort_unstable();
        self
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

#[test]
fn a_keyed_operator_answers_as_a_naive_evaluator_does() {
    agree(Guest::Ledger, oracle::run, &["add", "sum", "some", "timer", "end", "idle", "late"]);
}

#[test]
fn lists_and_maps_answer_as_a_naive_evaluator_does() {
    agree(
        Guest::Shelves,
        shelves::run,
        &["push", "fill", "pop-below", "both", "stock", "map-both", "row", "woke", "end", "late"],
    );
}

#[test]
fn dedup_answers_as_a_naive_set_does() {
    agree(Guest::Dedup, dedup::run, &["row", "late"]);
}

/// What should leave, and how many keys should have state in the end.
type Oracle = fn(&Timeline) -> (Outcome, usize);

/// `needed` must be seen, or nothing is tested.
fn agree(guest: Guest, oracle: Oracle, needed: &[&str]) {
    let first = number("PELTON_SEED").unwrap_or(1);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in first..first + timelines {
        let timeline = Timeline::random(guest, seed);
        let run = panic::catch_unwind(AssertUnwindSafe(|| compare(&timeline, oracle)));
        let again = format!(
            "{guest:?} again: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test keyed naive"
        );
        match run {
            Ok(outcome) => {
                for (_, what, _) in outcome.rows.values().flatten() {
                    *seen.entry(what.clone()).or_default() += 1;
                }
                *seen.entry("late".into()).or_default() += outcome.late.len();
            }
            Err(cause) => {
                eprintln!("{timeline:#?}\n{again}");
                panic::resume_unwind(cause);
            }
        }
    }
    println!("{timelines} timelines: {seen:?}");
    let missing = needed.iter().find(|what| !seen.contains_key(**what));
    assert!(timelines < 100 || missing.is_none(), "timelines without `{missing:?}` test nothing");
}

fn compare(timeline: &Timeline, oracle: Oracle) -> Outcome {
    let (expected, keys) = oracle(timeline);
    let (made, live) = engine::run(timeline, PLENTY).unwrap_or_else(|error| panic!("{error}"));
    let (expected, made) = (expected.sorted(), made.sorted());
    for (key, rows) in &expected.rows {
        assert_eq!(made.rows.get(key), Some(rows), "rows of key `{key}` (left: the engine's)");
    }
    assert_eq!(made, expected, "left: the engine's");
    assert_eq!(live, keys, "keys with state at the end (left: the engine's)");
    made
}

#[test]
fn a_pure_fold_does_not_depend_on_epochs() {
    each("-p pelton-tests --test keyed a_pure_fold", 0..4, |seed| {
        let of = |batches| engine::run(&Timeline::folds_only(seed, batches), PLENTY).expect("it runs").0;
        let one = of(100);
        assert!(one.rows.len() > 10 && one.rows.values().map(Vec::len).sum::<usize>() > 200);
        for batches in [1, 5] {
            assert_eq!(of(batches), one, "{batches} batches in an epoch");
        }
    });
}

#[test]
fn state_beyond_its_limit_is_an_error_that_names_the_limit() {
    let timeline = Timeline::folds_only(1, 1);
    let error = engine::run(&timeline, 4 << 10).expect_err("17 keys with lists take more");
    assert!(matches!(&error, CallError::Limit { name: LimitName::StateBytes, .. }), "{error}");
    assert_eq!(error.to_string(), "hit its limit `state-bytes` = 4KiB in `process`");
}
