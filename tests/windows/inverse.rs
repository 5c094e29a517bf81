//! Windows that take rows back against recomputation: each result of `inverse = true` must be that of its rows folded anew.
//!
//! The timelines are those of sliding windows, emitted on close and without lateness; the modules sum and count. When all windows
//! have closed nothing may be left: no key with a zero. Beside timelines there is one long stream of a hundred thousand slides.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{Int64Type, TimestampMicrosecondType},
};
use pelton::operator::{
    Closing,
    aggregate::{WINDOW_END, WINDOW_START},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    Fold, Outcome, Seen, each,
    engine::{self, Operator, Running},
    oracle,
    timeline::{Clock, Emit, Kind, Row, Shape, Timeline},
};

const SLIDES: i64 = 100_000;

/// Sliding windows that leave once.
pub fn timeline(seed: u64) -> Timeline {
    Timeline { emit: Emit::OnClose, lateness: 0, ..Timeline::random(Kind::Sliding, seed) }
}

/// What the oracle says, as sums.
fn expected(timeline: &Timeline) -> Vec<Outcome> {
    let mut outcomes = oracle::evaluate(timeline);
    let results = outcomes.iter_mut().flat_map(|outcome| &mut outcome.results);
    results.for_each(|fold| fold.rows = vec![fold.rows.iter().sum()]);
    outcomes
}

/// The results of a batch: key, bounds, and in the place of the rows their sum.
pub fn sums(key_columns: usize, batch: &RecordBatch) -> Vec<Fold> {
    let number =
        |name: &str, row: usize| batch.column_by_name(name).expect(name).as_primitive::<Int64Type>().value(row);
    let time = |name: &str| batch.column_by_name(name).map(|column| column.as_primitive::<TimestampMicrosecondType>());
    let bounds = time(WINDOW_START).zip(time(WINDOW_END));
    let key = |row: usize| {
        let columns = batch.columns().iter().take(key_columns);
        let text = columns.map(|column| match column.as_string_opt::<i32>() {
            Some(text) if text.is_null(row) => "null".to_owned(),
            Some(text) => format!("{:?}", text.value(row)),
            None => column.as_primitive::<Int64Type>().value(row).to_string(),
        });
        text.collect()
    };
    let fold = |row: usize| Fold {
        key: key(row),
        bounds: bounds.map(|(starts, ends)| (starts.value(row), ends.value(row))),
        rows: vec![number("sum", row)],
        count: number("count", row),
    };
    (0..batch.num_rows()).map(fold).collect()
}

/// The timeline's, with one running accumulator for each key.
pub fn operator(timeline: &Timeline) -> Operator {
    let mut operator = Operator::retractable(timeline);
    operator.window.inverse = true;
    operator
}

fn run(timeline: &Timeline) -> Vec<Outcome> {
    run_moving(timeline, None)
}

/// Its state goes to so many partitions half-way.
fn run_moving(timeline: &Timeline, to: Option<u16>) -> Vec<Outcome> {
    let of_timeline = operator(timeline);
    let key_columns = of_timeline.key_at.len();
    let mut running = Running::new(of_timeline.plan());
    let mut outcomes = Vec::new();
    for (number, epoch) in timeline.epochs.iter().enumerate() {
        if let Some(partitions) = to.filter(|_| number == timeline.epochs.len() / 2) {
            let elsewhere = Operator { partitions, ..operator(timeline) };
            running = running.moved(elsewhere.plan()).expect("it can be moved");
        }
        let batches: Vec<RecordBatch> = epoch.batches.iter().map(|rows| engine::batch(rows)).collect();
        let has_event_time = timeline.clock == Clock::Event;
        let closing = engine::closing(timeline, number, has_event_time);
        let left = running.epoch(number, epoch.now, &batches, closing).expect("it goes through");
        outcomes.push(Outcome {
            results: left.results.iter().flat_map(|batch| sums(key_columns, batch)).collect(),
            late: left.late.iter().flat_map(engine::ids).collect(),
            rejected: left.rejected.iter().flat_map(engine::ids).collect(),
        });
    }
    assert_eq!(running.groups(), 0, "all rows have left, so no key is left");
    outcomes
}

/// The first epoch in which they differ.
fn difference(expected: Vec<Outcome>, got: Vec<Outcome>) -> Option<String> {
    expected.into_iter().zip(got).enumerate().find_map(|(epoch, (mut expected, mut got))| {
        for outcome in [&mut expected, &mut got] {
            outcome.results.sort();
            outcome.late.sort_unstable();
            outcome.rejected.sort_unstable();
        }
        (expected != got).then(|| format!("epoch {epoch}: expected {expected:#?}\ngot {got:#?}"))
    })
}

fn compare(timeline: &Timeline) -> Result<Seen, String> {
    let expected = expected(timeline);
    let mut seen = Seen::default();
    for outcome in &expected {
        seen.results += outcome.results.len() as u64;
        seen.late += outcome.late.len() as u64;
        seen.rejected += outcome.rejected.len() as u64;
    }
    match difference(expected, run(timeline)) {
        Some(difference) => Err(difference),
        None => Ok(seen),
    }
}

#[test]
fn slides_that_take_rows_back_agree_with_recomputation() {
    each("slides_that_take_rows_back", timeline, compare);
}

#[test]
fn slides_go_on_in_other_partitions() {
    let compare = |timeline: &Timeline| {
        let seen = compare(timeline)?;
        let to = timeline.partitions % 5 + 2;
        difference(expected(timeline), run_moving(timeline, Some(to))).map_or(Ok(seen), Err)
    };
    each("slides_go_on_in_other", timeline, compare);
}

/// The comparison has to find what it looks for: a window that left once too often, or a zero.
#[test]
fn a_result_too_many_is_found() {
    let found = (1..50).filter(|seed| {
        let timeline = timeline(*seed);
        let mut outcomes = expected(&timeline);
        let dropped = outcomes.iter_mut().find_map(|outcome| outcome.results.pop());
        dropped.is_some() && difference(outcomes, run(&timeline)).is_some()
    });
    assert!(found.count() > 10);
}

/// Windows of 12 µs every one: by (key, start) the sum and the number of their rows.
type Windows = BTreeMap<(i64, i64), (i64, i64)>;

const LENGTH: i64 = 12;

/// Rows about one µs apart, somewhat out of order.
fn long_stream() -> Vec<Row> {
    let random = &mut StdRng::seed_from_u64(11);
    let mut front = 0;
    let mut rows = Vec::new();
    while front < SLIDES {
        front += random.random_range(0..3);
        rows.push(Row {
            number: random.random_range(0..6),
            name: None,
            time: Some(front - random.random_range(0..4)),
            id: random.random_range(-1_000_000_000..1_000_000_000),
        });
    }
    rows
}

#[test]
fn a_hundred_thousand_slides_agree_with_recomputation() {
    let shape = Shape::Time { length: LENGTH, slide: 1, offset: 0 };
    let timeline = Timeline {
        shape,
        clock: Clock::Event,
        partitions: 2,
        rows_max: 1_000,
        key: [true, false],
        in_order: false,
        epochs: Vec::new(),
        ..timeline(1)
    };
    let rows = long_stream();
    let mut expected = Windows::new();
    for row in &rows {
        let time = row.time.expect("each has one");
        for start in time - LENGTH + 1..=time {
            let (sum, count) = expected.entry((row.number, start)).or_default();
            *sum += row.id;
            *count += 1;
        }
    }
    let mut running = Running::new(operator(&timeline).plan());
    let (mut got, mut watermark) = (Windows::new(), i64::MIN);
    let epochs = rows.chunks(300);
    let last = epochs.len() - 1;
    for (number, rows) in epochs.enumerate() {
        // All that come later are within the disorder.
        let latest = rows.iter().filter_map(|row| row.time).max().unwrap_or(watermark);
        watermark = if number == last { i64::MAX } else { watermark.max(latest - 4) };
        let closing = Closing { watermark, is_last: number == last };
        let left = running.epoch(number, 0, &[engine::batch(rows)], closing).expect("it goes through");
        assert!(left.late.is_empty() && left.rejected.is_empty(), "no row is late");
        for fold in left.results.iter().flat_map(|batch| sums(1, batch)) {
            let key = fold.key[0].parse().expect("a number");
            let start = fold.bounds.expect("windows have bounds").0;
            assert!(got.insert((key, start), (fold.rows[0], fold.count)).is_none(), "{fold:?} is there twice");
        }
    }
    let slides = got.keys().map(|(_, start)| start).max().zip(got.keys().map(|(_, start)| start).min());
    assert!(slides.is_some_and(|(last, first)| last - first >= SLIDES), "{slides:?}");
    if let Some((window, fold)) = expected.iter().find(|(window, fold)| got.get(*window) != Some(*fold)) {
        panic!("window {window:?}: expected {fold:?}, got {:?}", got.get(window));
    }
    assert_eq!(got.len(), expected.len(), "no window but those with rows");
    assert_eq!(running.groups(), 0, "all rows have left, so no key is left");
}
