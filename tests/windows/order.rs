//! What the result must not depend on: the order of rows within an epoch, how they are cut into batches, the number of
//! partitions. Folds of any kind are in `permutations`, and what one frequent key must not do in `skew`.

use std::sync::Arc;

use pelton::operator::{
    Closing,
    aggregate::{Combiner, Crossing, Partition, Reducer},
};
use pelton_tests::seeds::each;
use pelton_wasm::BatchContext;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use crate::{
    Outcome, engine,
    timeline::{BY_SHARE, CROSSING, Clock, Emit, Epoch, FOLDED, Kind, Row, Shape, Timeline},
};

pub const PERMUTATIONS: u64 = 1_000;

fn sorted(mut outcomes: Vec<Outcome>) -> Vec<Outcome> {
    for outcome in &mut outcomes {
        outcome.results.iter_mut().for_each(|fold| fold.rows.sort_unstable());
        outcome.results.sort();
        outcome.late.sort_unstable();
        outcome.rejected.sort_unstable();
    }
    outcomes
}

/// Another order of rows within each epoch, other batches, other partitions.
pub fn shuffle(timeline: &mut Timeline, random: &mut StdRng) {
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
}

#[test]
fn permutations_of_rows_batches_and_partitions_give_the_same_results() {
    let kinds = [Kind::Tumbling, Kind::Sliding, Kind::Session, Kind::Global];
    each("-p pelton-tests --test windows permutations_of_rows", 0..PERMUTATIONS, |seed| {
        let random = &mut StdRng::seed_from_u64(seed);
        // Ten orders of each timeline.
        let mut timeline = Timeline::random(kinds[(seed / 10) as usize % kinds.len()], seed / 10);
        let expected = sorted(engine::run(&timeline));
        shuffle(&mut timeline, random);
        let got = sorted(engine::run(&timeline));
        assert!(got == expected, "expected {expected:#?}\ngot {got:#?}\n{timeline:#?}");
    });
}

#[test]
fn rows_that_move_before_they_are_folded_give_the_same_results() {
    each("-p pelton-tests --test windows rows_that_move", 0..PERMUTATIONS, |seed| {
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
        assert_eq!(engine::run(&timeline), folded, "{timeline:?}");
    });
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
            in_order: true,
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
