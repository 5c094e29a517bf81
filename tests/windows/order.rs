//! What the result must not depend on: the order of rows within an epoch, how they are cut into batches, the number of
//! partitions; and what one frequent key must not do: make its partition the slowest by far.

use std::{ops::Range, sync::Arc};

use pelton::operator::{
    Closing,
    aggregate::{Combiner, Crossing, Partial, Partition, Reducer},
    shuffle::Piece,
};
use pelton_wasm::BatchContext;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::{
    Outcome, again, engine, number,
    timeline::{BY_SHARE, CROSSING, Clock, Emit, Epoch, FOLDED, Kind, Row, Shape, Timeline},
};

const PERMUTATIONS: u64 = 1_000;

/// `PELTON_SEED` and those after it.
fn seeds() -> Range<u64> {
    let first = number("PELTON_SEED").unwrap_or(0);
    first..first + number("PELTON_TIMELINES").unwrap_or(PERMUTATIONS)
}

fn sorted(mut outcomes: Vec<Outcome>) -> Vec<Outcome> {
    for outcome in &mut outcomes {
        outcome.results.iter_mut().for_each(|fold| fold.rows.sort_unstable());
        outcome.results.sort();
        outcome.late.sort_unstable();
        outcome.rejected.sort_unstable();
    }
    outcomes
}

#[test]
fn permutations_of_rows_batches_and_partitions_give_the_same_results() {
    let kinds = [Kind::Tumbling, Kind::Sliding, Kind::Session, Kind::Global];
    for seed in seeds() {
        let random = &mut StdRng::seed_from_u64(seed);
        // Ten orders of each timeline.
        let mut timeline = Timeline::random(kinds[(seed / 10) as usize % kinds.len()], seed / 10);
        let expected = sorted(engine::run(&timeline));
        timeline.partitions = random.random_range(1..=8);
        timeline.rows_max = random.random_range(1..20);
        timeline.crossing = [FOLDED, CROSSING, BY_SHARE][random.random_range(0..3)];
        for epoch in &mut timeline.epochs {
            let mut rows: Vec<Row> = epoch.batches.drain(..).flatten().collect();
            rows.shuffle(random);
            while !rows.is_empty() {
                let rest = rows.split_off(random.random_range(1..=rows.len()));
                epoch.batches.push(std::mem::replace(&mut rows, rest));
            }
        }
        let got = sorted(engine::run(&timeline));
        let told = again("permutations", seed);
        assert!(got == expected, "expected {expected:#?}\ngot {got:#?}\n{timeline:#?}\n{told}");
    }
}

/// Zipf's distribution with exponent 1.5, and half of all rows of one key besides.
#[test]
fn one_key_with_half_of_the_rows_does_not_slow_its_partition_down() {
    const KEYS: usize = 5_000;
    const ROWS: i64 = 200_000;
    let random = &mut StdRng::seed_from_u64(1);
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
    let timeline = Timeline {
        kind: Kind::Tumbling,
        shape: Shape::Time { length: 1 << 20, slide: 1 << 20, offset: 0 },
        clock: Clock::Event,
        lateness: 0,
        emit: Emit::OnClose,
        partitions: 8,
        rows_max: 8192,
        crossing: Crossing::DEFAULT,
        key: [true, false],
        sources: Vec::new(),
        epochs: vec![Epoch {
            watermark: i64::MAX,
            batches: rows.chunks(8192).map(<[Row]>::to_vec).collect(),
            ..Epoch::default()
        }],
    };
    let plan = Arc::new(engine::plan(&timeline));
    let mut combiner = Combiner::new(plan);
    let context = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
    let mut work = [0; 8];
    for batch in &timeline.epochs[0].batches {
        let mapped = combiner.combine(&context, &engine::batch(batch)).expect("the map side goes through");
        let partials = mapped.pieces.iter().filter_map(|piece| match piece {
            Piece::Partial(partial) => Some::<&Partial>(partial),
            Piece::Rows(_) | Piece::Batch(_) | Piece::Run(_) => None,
        });
        for partial in partials {
            (0..).zip(&mut work).for_each(|(partition, work)| *work += partial.parts.of(partition).len());
        }
    }
    // What the reduce side merges: after the map side has combined, a key is one row of each batch, however frequent it is.
    work.sort_unstable();
    let (median, slowest) = ((work[3] + work[4]) as f64 / 2.0, work[7] as f64);
    println!("rows to merge by partition: {work:?} of {ROWS}; the slowest has {:.2} × the median", slowest / median);
    assert!(slowest <= 2.0 * median, "{work:?}");
    // The rows themselves would have been more than half in one partition.
    assert!(work.iter().sum::<usize>() as i64 * 2 < ROWS, "rows are combined before they move: {work:?}");
}

#[test]
fn rows_that_move_before_they_are_folded_give_the_same_results() {
    for seed in seeds() {
        let kinds = [Kind::Tumbling, Kind::Tumbling, Kind::Sliding, Kind::Global];
        let mut timeline = Timeline::random(kinds[seed as usize % kinds.len()], seed);
        timeline.rows_max = 1000;
        for epoch in &mut timeline.epochs {
            // Smaller batches are always folded first, and one such would keep an epoch from going pane by pane.
            let rows: Vec<Row> = epoch.batches.drain(..).flatten().collect();
            epoch.batches = rows.chunks(12).filter(|rows| rows.len() >= 4).map(<[Row]>::to_vec).collect();
        }
        timeline.crossing = FOLDED;
        let folded = engine::run(&timeline);
        timeline.crossing = CROSSING;
        let told = again("rows_that_move", seed);
        assert_eq!(engine::run(&timeline), folded, "{timeline:?}\n{told}");
    }
}

#[test]
fn windows_that_close_in_one_epoch_leave_in_one_batch() {
    let rows: Vec<Row> = (0..300).map(|id| Row { number: id % 3, name: None, time: Some(id), id }).collect();
    for slide in [10, 5] {
        let timeline = Timeline {
            kind: if slide == 10 { Kind::Tumbling } else { Kind::Sliding },
            shape: Shape::Time { length: 10, slide, offset: 0 },
            clock: Clock::Event,
            lateness: 0,
            emit: Emit::OnClose,
            partitions: 1,
            rows_max: 1000,
            crossing: Crossing::DEFAULT,
            key: [true, false],
            sources: Vec::new(),
            epochs: vec![Epoch { watermark: i64::MAX, batches: vec![rows.clone()], ..Epoch::default() }],
        };
        let plan = Arc::new(engine::plan(&timeline));
        let context = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
        let mapped =
            Combiner::new(Arc::clone(&plan)).combine(&context, &engine::batch(&rows)).expect("it goes through");
        let mut partition = Partition::new(&plan, 0);
        let closing = Closing { watermark: i64::MAX, is_last: true };
        let reduced =
            Reducer::new(plan).reduce(&context, &mut partition, &mapped.pieces, closing).expect("it goes through");
        let windows = (300 + 10 - slide) / slide;
        let emitted: Vec<usize> = reduced.emitted.iter().map(|(_, batch)| batch.num_rows()).collect();
        assert_eq!(emitted, [3 * windows as usize], "slide {slide}");
    }
}
