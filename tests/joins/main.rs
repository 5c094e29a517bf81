//! Joins against nested loops: random timelines of two streams go through both halves of a join, and what leaves each epoch
//! must be what an evaluator says that compares every row with every other; and so must what is kept: no row longer than the watermark
//! allows, and no key without rows.
//!
//! A timeline is a join (which rows it keeps, interval, window or session, lateness, key, partitions) and its epochs: batches of either
//! side in any order, with rows out of order, late, twice, without a time or with a null in the key, or a side without any row.
//! `PELTON_TIMELINES` says how many (the suite: some thousands), `PELTON_SEED` with which to begin; a failure prints both.

mod cogroup;
mod engine;
mod modules;
mod oracle;
mod snapshot;
mod tables;
mod timeline;

use std::{
    env,
    panic::{self, AssertUnwindSafe},
};

use pelton_core::job::JoinKind;
use timeline::{Epoch, Form, Row, Shape, Timeline};

const TIMELINES_DEFAULT: u64 = 1_500;
const SEED_DEFAULT: u64 = 1;

/// A row that left the join.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Joined {
    /// Ids of the rows; none: no partner.
    left: Option<i64>,
    right: Option<i64>,
    /// Of whichever row there is.
    number: Option<i64>,
    name: Option<String>,
    time: Option<i64>,
    window: Option<(i64, i64)>,
}

/// What left the join in one epoch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    joined: Vec<Joined>,
    /// Ids of rows, of each side.
    late: [Vec<i64>; 2],
    rejected: [Vec<i64>; 2],
    /// Rows of each side that are still kept, and the keys that these have.
    kept: [usize; 2],
    keys: usize,
}

impl Outcome {
    fn sort(&mut self) {
        self.joined.sort();
        self.late.iter_mut().chain(&mut self.rejected).for_each(|ids| ids.sort_unstable());
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

fn agree(test: &str, form: Form) {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    let (mut joined, mut alone, mut late, mut kept_most) = (0, 0, 0, 0);
    for seed in first..first + timelines {
        let timeline = Timeline::random(form, seed);
        let again = format!(
            "again: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test joins {test}"
        );
        let run = panic::catch_unwind(AssertUnwindSafe(|| (oracle::evaluate(&timeline), engine::run(&timeline))));
        let (expected, got) = match run {
            Ok(outcomes) => outcomes,
            Err(cause) => {
                eprintln!("{timeline:#?}\n{again}");
                panic::resume_unwind(cause);
            }
        };
        for (epoch, (mut expected, mut got)) in expected.into_iter().zip(got).enumerate() {
            expected.sort();
            got.sort();
            assert!(expected == got, "epoch {epoch}: expected {expected:#?}\ngot {got:#?}\n{timeline:#?}\n{again}");
            alone += expected.joined.iter().filter(|row| row.left.is_none() || row.right.is_none()).count();
            joined += expected.joined.len();
            late += expected.late.iter().map(Vec::len).sum::<usize>();
            kept_most = usize::max(kept_most, expected.kept.iter().sum());
            let is_last = epoch + 1 == timeline.epochs.len();
            assert!(!is_last || (got.kept, got.keys) == ([0, 0], 0), "state is left at the end\n{again}");
        }
    }
    println!(
        "{timelines} timelines, {joined} rows, {alone} of them without a partner, {late} late, {kept_most} kept at most"
    );
    assert!(timelines < 100 || joined > alone && alone > 0, "timelines without pairs test nothing");
    assert!(timelines < 100 || kept_most > 20, "timelines that keep no rows test nothing");
}

#[test]
fn interval_joins_agree_with_nested_loops() {
    agree("interval", Form::Interval);
}

#[test]
fn windowed_joins_agree_with_nested_loops() {
    agree("windowed", Form::Windows);
}

#[test]
fn joins_within_sessions_agree_with_nested_loops() {
    agree("sessions", Form::Sessions);
}

#[test]
fn a_row_that_an_open_session_takes_in_is_on_time_however_old() {
    let rows = |first: i64, times: &[i64]| -> Vec<Row> {
        let row = |(id, time): (i64, &i64)| Row { number: Some(1), name: None, time: Some(*time), id };
        (first..).zip(times).map(row).collect()
    };
    // The session [20, 46) is open. What is alone at 25 or 12 would be late, but reaches into it; what ends at 12 does not.
    let epochs = vec![
        Epoch { watermark: 40, batches: vec![(0, rows(1, &[20, 28, 36]))] },
        Epoch { watermark: i64::MAX, batches: vec![(1, rows(4, &[25, 2, 12, 1]))] },
    ];
    let (kind, shape) = (JoinKind::Full, Shape::Sessions { gap: 10 });
    let timeline = Timeline { kind, shape, lateness: 0, by_name: false, partitions: 2, rows_max: 4, epochs };
    let got = engine::run(&timeline);
    assert_eq!(got[0], Outcome { kept: [3, 0], keys: 1, ..Outcome::default() });
    assert_eq!((&got[1].late, got[1].joined.len()), (&[vec![], vec![5, 7]], 6));
    assert!(got[1].joined.iter().all(|row| row.window == Some((12, 46)) && row.left.is_some() && row.right.is_some()));
    let mut expected = oracle::evaluate(&timeline);
    expected.iter_mut().for_each(Outcome::sort);
    assert_eq!(expected[1].late, got[1].late, "the evaluator says the same");
}

#[test]
fn joins_over_all_rows_agree_with_nested_loops() {
    agree("all_rows", Form::Global);
}
