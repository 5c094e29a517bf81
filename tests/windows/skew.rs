//! One key with half of all rows: it must not make its partition the slowest by far, and every result must be what it would be without
//! partitions. Where rows cross the shuffle as they are, it does; docs/windows.md says so.

use std::{collections::BTreeMap, sync::Arc};

use pelton::operator::{
    Closing,
    aggregate::{AggregatePlan, Combiner, Crossing, Partial, Partition, Reducer},
    shuffle::Piece,
};
use pelton_tests::seeds::each;
use pelton_wasm::BatchContext;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    engine::{self, Operator},
    inverse::{self, sums},
    timeline::{Clock, Emit, Epoch, Kind, Row, Shape, Timeline},
};

const KEYS: usize = 5_000;
const ROWS: i64 = 200_000;
const BATCH: usize = 8_192;
const PARTITIONS: usize = 8;
const CONTEXT: BatchContext = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };

/// Zipf's distribution with exponent 1.5, and half of all rows of one key besides.
fn skewed(seed: u64) -> Vec<Row> {
    let random = &mut StdRng::seed_from_u64(seed);
    let weights: Vec<f64> = (1..=KEYS).map(|rank| (rank as f64).powf(-1.5)).collect();
    let total: f64 = weights.iter().sum();
    let mut key = || {
        if random.random() {
            return 0;
        }
        let mut at = random.random::<f64>() * total;
        weights
            .iter()
            .position(|weight| {
                at -= weight;
                at < 0.0
            })
            .unwrap_or(KEYS - 1) as i64
    };
    let rows: Vec<Row> = (0..ROWS).map(|id| Row { number: key(), name: None, time: Some(id), id }).collect();
    let hot = rows.iter().filter(|row| row.number == 0).count();
    assert!(hot as i64 * 2 >= ROWS, "half of the rows have one key: {hot}");
    rows
}

fn timeline(rows: &[Row], kind: Kind, shape: Shape, partitions: u16) -> Timeline {
    Timeline {
        kind,
        shape,
        clock: Clock::Event,
        lateness: 0,
        emit: Emit::OnClose,
        partitions,
        rows_max: BATCH,
        crossing: Crossing::DEFAULT,
        key: [true, false],
        in_order: false,
        sources: Vec::new(),
        epochs: vec![Epoch {
            watermark: i64::MAX,
            batches: rows.chunks(BATCH).map(<[Row]>::to_vec).collect(),
            ..Epoch::default()
        }],
    }
}

/// What the map side makes of all batches, and how much of it each partition takes: groups to merge, or rows as they came.
fn mapped(timeline: &Timeline, plan: &Arc<AggregatePlan>) -> (Vec<Piece>, Vec<usize>) {
    let mut combiner = Combiner::new(Arc::clone(plan));
    let mut pieces = Vec::new();
    for batch in &timeline.epochs[0].batches {
        let mapped = combiner.combine(&CONTEXT, &engine::batch(batch)).expect("the map side goes through");
        pieces.extend(mapped.pieces);
    }
    let mut work = vec![0; usize::from(plan.partitions)];
    let partials = pieces.iter().filter_map(|piece| match piece {
        Piece::Partial(partial) => Some::<&Partial>(partial),
        Piece::Rows(_) | Piece::Batch(_) | Piece::Run(_) => None,
    });
    for partial in partials {
        for (partition, work) in work.iter_mut().enumerate() {
            *work += match &partial.rows {
                Some(rows) => rows.by_partition[partition].len(),
                None => partial.parts.of(partition as u16).len(),
            };
        }
    }
    (pieces, work)
}

/// Sum and count by key.
type Totals = BTreeMap<i64, (i64, i64)>;

fn reduced(plan: &Arc<AggregatePlan>, pieces: &[Piece]) -> Totals {
    let mut reducer = Reducer::new(Arc::clone(plan));
    let closing = Closing { watermark: i64::MAX, is_last: true };
    let mut totals = Totals::new();
    for number in 0..plan.partitions {
        let mut partition = Partition::new(plan, number);
        let reduced = reducer.reduce(&CONTEXT, &mut partition, pieces, closing).expect("the reduce side goes through");
        assert_eq!(partition.groups(), 0, "partition {number} keeps nothing of windows that have closed");
        for fold in reduced.emitted.iter().flat_map(|(_, batch)| sums(1, batch)) {
            let key = fold.key[0].parse().expect("a number");
            let before = totals.insert(key, (fold.rows[0], fold.count));
            assert_eq!(before, None, "key {key} leaves one partition, once");
        }
    }
    totals
}

/// The median, and the most.
fn spread(work: &[usize]) -> (f64, f64) {
    let mut work = work.to_vec();
    work.sort_unstable();
    let middle = work.len() / 2;
    ((work[middle - 1] + work[middle]) as f64 / 2.0, work[work.len() - 1] as f64)
}

#[test]
fn one_key_with_half_of_the_rows_does_not_slow_its_partition_down() {
    each("-p pelton-tests --test windows one_key_with_half", 1..2, |seed| {
        let rows = skewed(seed);
        let mut expected = Totals::new();
        for row in &rows {
            let (sum, count) = expected.entry(row.number).or_default();
            *sum += row.id;
            *count += 1;
        }
        let shape = Shape::Time { length: 1 << 20, slide: 1 << 20, offset: 0 };
        let works = [PARTITIONS, 1].map(|partitions| {
            let timeline = timeline(&rows, Kind::Tumbling, shape, partitions as u16);
            let plan = Arc::new(Operator::retractable(&timeline).plan());
            let (pieces, work) = mapped(&timeline, &plan);
            assert!(reduced(&plan, &pieces) == expected, "{partitions} partitions: not the naive sums and counts");
            work
        });

        // What the reduce side merges: after the map side has combined, a key is one row of each batch, however frequent it is.
        let pairs = |batch: &[Row]| {
            let mut keys: Vec<i64> = batch.iter().map(|row| row.number).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.len()
        };
        let pairs: usize = rows.chunks(BATCH).map(pairs).sum();
        let [work, alone] = works;
        assert_eq!((work.iter().sum::<usize>(), alone), (pairs, vec![pairs]), "one for each key and batch");
        let (median, slowest) = spread(&work);
        println!("to merge by partition: {work:?} of {ROWS}; the slowest has {:.2} × the median", slowest / median);
        assert!(slowest <= 2.0 * median, "{work:?}");
        // The rows themselves would have been more than half in one partition.
        assert!(pairs as i64 * 2 < ROWS, "rows are combined before they move: {work:?}");
    });
}

#[test]
fn rows_that_cannot_be_combined_slow_the_partition_of_a_frequent_key_down() {
    let rows = skewed(1);
    let sliding = Shape::Time { length: 1 << 20, slide: 1 << 19, offset: 0 };
    for (kind, shape) in [(Kind::Count, Shape::Count { rows: 1 << 20 }), (Kind::Sliding, sliding)] {
        let timeline = timeline(&rows, kind, shape, PARTITIONS as u16);
        let operator = match kind {
            Kind::Sliding => inverse::operator(&timeline),
            _ => Operator::retractable(&timeline),
        };
        let (_, work) = mapped(&timeline, &Arc::new(operator.plan()));
        assert_eq!(work.iter().sum::<usize>() as i64, ROWS, "every row moves");
        let (median, slowest) = spread(&work);
        assert!(slowest > 2.0 * median, "what docs/windows.md says of {kind:?} would be wrong: {work:?}");
    }
}
