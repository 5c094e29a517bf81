//! Results as changes, and aggregates over them: a sum over a stream of changes is at each moment the sum over the table that
//! the changes add up to.
//!
//! ```text
//! timeline ─► sum, count by key ─► changes ─► how many keys have which count, and their sum ─► changes, or results
//!                                     └► the table, row by row                                    └► compared with the table's
//! ```
//!
//! Keys of the second operator are counts of the first, so that with each update a row leaves one group and enters
//! another, and groups come to nothing all the time.

use std::collections::{BTreeMap, BTreeSet};

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Int8Type, SchemaRef},
};
use pelton::operator::{Closing, aggregate::WINDOW_END};
use pelton_core::{
    contract::{Input, Mode, OP_COLUMN},
    job::Emission,
    window::{Clock, WindowKind, WindowSpec},
};

use crate::{
    Fold, Seen, each,
    engine::{self, COUNT, Operator, Running},
    inverse::sums,
    oracle,
    timeline::{self, Kind, Timeline},
};

/// The rows that a stream of changes adds up to.
#[derive(Default)]
struct Table(BTreeSet<Fold>);

impl Table {
    /// Applies a batch of changes; what is taken back must be there, and what is added must not.
    fn apply(&mut self, key_columns: usize, batch: &RecordBatch) -> Result<(), String> {
        let ops = batch.column_by_name(OP_COLUMN).expect("changes say what they do").as_primitive::<Int8Type>();
        for (fold, op) in sums(key_columns, batch).into_iter().zip(ops.values()) {
            let fits = match op {
                1 => self.0.insert(fold.clone()),
                -1 => self.0.remove(&fold),
                other => return Err(format!("`_op` is {other}")),
            };
            if !fits {
                return Err(format!("{op} of {fold:?} does not fit what was said before"));
            }
        }
        Ok(())
    }
}

/// Changes of the first operator, by count: how many keys, and the sum of their sums. With bounds, by window of the second.
type Histogram = BTreeMap<(Option<(i64, i64)>, i64), (i64, i64)>;

fn histogram<'a>(
    table: impl Iterator<Item = &'a Fold>,
    windows: &impl Fn(&Fold) -> Vec<Option<(i64, i64)>>,
) -> Histogram {
    let mut histogram = Histogram::new();
    for fold in table {
        for window in windows(fold) {
            let (keys, sum) = histogram.entry((window, fold.count)).or_default();
            *keys += 1;
            *sum += fold.rows[0];
        }
    }
    histogram
}

/// The second operator's results.
fn of_results<'a>(results: impl Iterator<Item = &'a Fold>) -> Result<Histogram, String> {
    let mut histogram = Histogram::new();
    for fold in results {
        let count = fold.key[0].parse().expect("a count");
        if histogram.insert((fold.bounds, count), (fold.count, fold.rows[0])).is_some() {
            return Err(format!("{fold:?} is there twice"));
        }
    }
    Ok(histogram)
}

/// Counts the rows of the first operator's results by their count, and adds up their sums.
pub fn second(timeline: &Timeline, of: SchemaRef, window: WindowSpec, emission: Emission) -> Operator {
    let at = |name: &str| of.index_of(name).ok();
    let has_time = !matches!(window.kind, WindowKind::Global);
    let input = Input {
        name: "first".into(),
        schema: SchemaRef::clone(&of),
        key: vec!["count".into()],
        event_time: at(WINDOW_END).map(|_| WINDOW_END.into()),
        mode: Mode::Retract,
    };
    Operator {
        functions: [r#"{"function":"sum","column":"sum"}"#, COUNT].map(|o| engine::function(o, &input)).into(),
        key_at: Vec::from_iter(at("count")),
        time_at: at(WINDOW_END).filter(|_| has_time),
        time_shift: -1,
        op_at: at(OP_COLUMN),
        emits_changes: emission != Emission::OnClose,
        emission,
        in_order: false,
        window,
        partitions: timeline.partitions,
        rows_max: timeline.rows_max,
        crossing: timeline.crossing,
        input: of,
    }
}

/// The name of the second operator's key would be that of its result.
fn renamed(batch: &RecordBatch) -> RecordBatch {
    let mut columns: Vec<_> = batch.schema().fields().iter().cloned().zip(batch.columns().iter().cloned()).collect();
    if let Some((field, _)) = columns.first_mut() {
        *field = field.as_ref().clone().with_name("of").into();
    }
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(field, column)| (field.name().clone(), column, field.is_nullable())),
    )
    .expect("the same columns")
}

pub fn no_windows() -> WindowSpec {
    WindowSpec { kind: WindowKind::Global, lateness: 0, clock: Clock::Event, inverse: false }
}

/// The first operator, whose results leave as changes.
pub fn first(timeline: &Timeline) -> Operator {
    Operator { emits_changes: true, ..Operator::retractable(timeline) }
}

/// After each epoch the changes add up to what updates by key would be, and the second operator to a histogram of that.
fn compare_tables(timeline: &Timeline) -> Result<Seen, String> {
    compare_tables_moving(timeline, None)
}

/// The state of both goes to so many partitions half-way.
fn compare_tables_moving(timeline: &Timeline, to: Option<u16>) -> Result<Seen, String> {
    let plan = first(timeline).plan();
    let of_second = SchemaRef::clone(&plan.result);
    let (key_columns, has_event_time) = (plan.key_at.len(), plan.time_at.is_some());
    let total = || second(timeline, SchemaRef::clone(&of_second), no_windows(), Emission::OnUpdate);
    let mut totals = Running::new(total().plan());
    let mut running = Running::new(plan);
    let (mut table, mut counts, mut updates) = (Table::default(), Table::default(), BTreeMap::new());
    let mut seen = Seen::default();
    let expected = oracle::evaluate(timeline);
    for (number, (epoch, expected)) in timeline.epochs.iter().zip(expected).enumerate() {
        if let Some(partitions) = to.filter(|_| number == timeline.epochs.len() / 2) {
            let elsewhere = |operator: Operator| Operator { partitions, ..operator }.plan();
            running = running.moved(elsewhere(first(timeline))).map_err(|error| error.to_string())?;
            totals = totals.moved(elsewhere(total())).map_err(|error| error.to_string())?;
        }
        let batches: Vec<RecordBatch> = epoch.batches.iter().map(|rows| engine::batch(rows)).collect();
        let closing = engine::closing(timeline, number, has_event_time);
        let changes = running.epoch(number, epoch.now, &batches, closing).expect("it goes through").results;
        changes.iter().try_for_each(|batch| table.apply(key_columns, batch))?;
        for fold in expected.results {
            let sum = fold.rows.iter().sum();
            updates.insert((fold.key.clone(), fold.bounds), Fold { rows: vec![sum], ..fold });
        }
        if !table.0.iter().eq(updates.values().collect::<BTreeSet<_>>()) {
            return Err(format!("epoch {number}: the changes add up to {:#?}\nnot to {updates:#?}", table.0));
        }
        let closing = Closing { watermark: if closing.is_last { i64::MAX } else { i64::MIN }, ..closing };
        let more = totals.epoch(number, epoch.now, &changes, closing).expect("it goes through").results;
        more.iter().map(renamed).try_for_each(|batch| counts.apply(1, &batch))?;
        let (expected, got) = (histogram(table.0.iter(), &|_| vec![None]), of_results(counts.0.iter())?);
        if expected != got {
            return Err(format!("epoch {number}: expected {expected:?}, got {got:?}"));
        }
        seen.results += (changes.iter().chain(&more)).map(|batch| batch.num_rows() as u64).sum::<u64>();
    }
    Ok(seen)
}

/// The windows of the second operator that a result of the first is in, by the end of its own.
fn windows_of(kind: &WindowKind, fold: &Fold) -> Vec<Option<(i64, i64)>> {
    let (length, slide, offset) = match *kind {
        WindowKind::Tumbling { length, offset, .. } => (length, length, offset),
        WindowKind::Sliding { length, slide, offset } => (length, slide, offset),
        _ => return vec![None],
    };
    let time = fold.bounds.expect("it has a window").1 - 1;
    let last = offset + (time - offset).div_euclid(slide) * slide;
    let starts = (0..).map(|back| last - back * slide).take_while(|start| start + length > time);
    starts.map(|start| Some((start, start + length))).collect()
}

/// Windows over those of a timeline that tumbles. Any longer ones will do; whether they slide is the timeline's.
pub fn longer(timeline: &Timeline) -> WindowKind {
    let timeline::Shape::Time { length, offset, .. } = timeline.shape else { panic!("tumbling windows") };
    if timeline.rows_max.is_multiple_of(2) {
        WindowKind::Tumbling { length: length * 3, offset, zone: None }
    } else {
        WindowKind::Sliding { length: length * 4, slide: length * 2 - 1, offset }
    }
}

/// Windows of windows: each closes with what the changes of its windows have added up to.
fn compare_windows(timeline: &Timeline) -> Result<Seen, String> {
    let plan = first(timeline).plan();
    let (key_columns, has_event_time) = (plan.key_at.len(), plan.time_at.is_some());
    let kind = longer(timeline);
    let window = WindowSpec { kind: kind.clone(), ..no_windows() };
    let mut longer = Running::new(second(timeline, SchemaRef::clone(&plan.result), window, Emission::OnClose).plan());
    let mut running = Running::new(plan);
    let (mut table, mut results) = (Table::default(), Vec::new());
    for (number, epoch) in timeline.epochs.iter().enumerate() {
        let batches: Vec<RecordBatch> = epoch.batches.iter().map(|rows| engine::batch(rows)).collect();
        let closing = engine::closing(timeline, number, has_event_time);
        let changes = running.epoch(number, epoch.now, &batches, closing).expect("it goes through").results;
        changes.iter().try_for_each(|batch| table.apply(key_columns, batch))?;
        let left = longer.epoch(number, epoch.now, &changes, closing).expect("it goes through");
        if !left.late.is_empty() || !left.rejected.is_empty() {
            return Err(format!("epoch {number}: changes of open windows were refused"));
        }
        results.extend(left.results.iter().map(renamed).flat_map(|batch| sums(1, &batch)));
    }
    let expected = histogram(table.0.iter(), &|fold| windows_of(&kind, fold));
    let got = of_results(results.iter())?;
    if expected != got {
        return Err(format!("{kind:?}: expected {expected:?}, got {got:?}"));
    }
    if longer.groups() > 0 {
        return Err(format!("{} groups are left", longer.groups()));
    }
    Ok(Seen { results: results.len() as u64, ..Seen::default() })
}

#[test]
fn sums_over_changes_agree_with_sums_over_the_table() {
    for kind in [Kind::Global, Kind::Tumbling, Kind::Sliding] {
        each("sums_over_changes", |seed| Timeline::random(kind, seed), compare_tables);
    }
}

#[test]
fn changes_go_on_in_other_partitions() {
    for kind in [Kind::Global, Kind::Tumbling, Kind::Sliding] {
        let moving = |timeline: &Timeline| compare_tables_moving(timeline, Some(timeline.partitions % 4 + 2));
        each("changes_go_on_in_other", |seed| Timeline::random(kind, seed), moving);
    }
}

#[test]
fn windows_over_changes_agree_with_the_table() {
    let by_event =
        |seed: u64| Timeline { clock: timeline::Clock::Event, lateness: 0, ..Timeline::random(Kind::Tumbling, seed) };
    each("windows_over_changes", by_event, compare_windows);
}
