//! Snapshots in the middle of a timeline: what goes on from one is what would have gone on without, result for result, in the
//! same order, and its next snapshots are the same bytes. Damaged snapshots are refused, or give a partition that can be worked with.

use std::time::Instant;

use pelton::operator::{
    Closing,
    aggregate::{Combiner, Partition, Reducer},
};
use pelton_tests::snapshots;
use pelton_wasm::BatchContext;

use super::{
    SEED_DEFAULT, again,
    engine::{self, Run},
    number,
    timeline::{Clock, Emit, Kind, Row, Shape, Timeline},
};

const TIMELINES_DEFAULT: u64 = 200;

/// Every so many timelines one is damaged in every byte.
const DAMAGED: u64 = 100;

fn go_on(test: &str, kind: Kind) {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let timeline = Timeline::random(kind, seed);
        let told = format!("{timeline:#?}\n{}", again(test, seed));
        let cut = seed as usize % timeline.epochs.len();
        snapshots::go_on(Run::new(&timeline), &timeline.epochs, cut, seed % DAMAGED == 1, &told);
    }
}

#[test]
fn tumbling_windows_go_on_from_a_snapshot() {
    go_on("tumbling_windows_go_on", Kind::Tumbling);
}

#[test]
fn sliding_windows_go_on_from_a_snapshot() {
    go_on("sliding_windows_go_on", Kind::Sliding);
}

#[test]
fn aggregates_without_windows_go_on_from_a_snapshot() {
    go_on("without_windows_go_on", Kind::Global);
}

#[test]
fn session_windows_go_on_from_a_snapshot() {
    go_on("session_windows_go_on", Kind::Session);
}

#[test]
fn count_windows_go_on_from_a_snapshot() {
    go_on("count_windows_go_on", Kind::Count);
}

#[test]
fn a_snapshot_of_another_window_key_or_partition_is_refused_by_name() {
    let timeline = |length| Timeline {
        kind: Kind::Tumbling,
        shape: Shape::Time { length, slide: length, offset: 0 },
        clock: Clock::Event,
        lateness: 0,
        emit: Emit::OnClose,
        partitions: 2,
        rows_max: 10,
        sample_rows: 1024,
        key: [true, false],
        epochs: Vec::new(),
    };
    let plan = engine::plan(&timeline(10));
    let bytes = Partition::new(&plan, 1).save(&plan);
    let refused = |timeline: &Timeline, number| {
        Partition::load(&engine::plan(timeline), number, &bytes).expect_err("it is another").to_string()
    };
    let shape =
        "tumbling windows of 10 µs from 0 by (number s64), accumulators (packed binary?), accumulators (count s64?)";
    let saved = format!("it is a snapshot of partition 1 of an aggregate ({shape}), and not of ");
    assert_eq!(refused(&timeline(10), 0), format!("{saved}partition 0 of an aggregate ({shape})"));
    let other = shape.replace("10", "20");
    assert_eq!(refused(&timeline(20), 1), format!("{saved}partition 1 of an aggregate ({other})"));
    let by_name = Timeline { key: [false, true], ..timeline(10) };
    let other = shape.replace("number s64", "name utf8?");
    assert_eq!(refused(&by_name, 1), format!("{saved}partition 1 of an aggregate ({other})"));
}

/// Prints what a snapshot of a million keys takes.
#[test]
#[ignore = "it measures, and proves nothing"]
fn a_million_counts() {
    const KEYS: i64 = 1_000_000;
    for (name, shape, kind) in [
        ("tumbling", Shape::Time { length: 1_000, slide: 1_000, offset: 0 }, Kind::Tumbling),
        ("sliding", Shape::Time { length: 1_000, slide: 100, offset: 0 }, Kind::Sliding),
        ("session", Shape::Session { gap: 1_000 }, Kind::Session),
        ("by number and name", Shape::Global, Kind::Global),
    ] {
        let timeline = Timeline {
            kind,
            shape,
            clock: Clock::Event,
            lateness: 0,
            emit: Emit::OnClose,
            partitions: 1,
            rows_max: 8192,
            sample_rows: 1024,
            key: [true, kind == Kind::Global],
            epochs: Vec::new(),
        };
        let mut plan = engine::plan(&timeline);
        plan.functions.remove(0);
        let plan = std::sync::Arc::new(plan);
        let mut combiner = Combiner::new(plan.clone());
        let mut reducer = Reducer::new(plan.clone());
        let mut partition = Partition::new(&plan, 0);
        let context = BatchContext { epoch: 0, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
        let rows: Vec<Row> =
            (0..KEYS).map(|id| Row { number: id * 7, name: Some("name"), time: Some(500), id }).collect();
        let batches = rows.chunks(8192).map(engine::batch);
        let pieces: Vec<_> =
            batches.flat_map(|batch| combiner.combine(&context, &batch).expect("it goes through").pieces).collect();
        let closing = Closing { watermark: 0, is_last: false };
        reducer.reduce(&context, &mut partition, &pieces, closing).expect("it goes through");
        for _ in 0..3 {
            let started = Instant::now();
            let bytes = partition.save(&plan);
            let saved = started.elapsed();
            let started = Instant::now();
            let loaded = Partition::load(&plan, 0, &bytes).expect("it was saved");
            println!(
                "{name}: {} keys, {} bytes, saved in {saved:?}, loaded in {:?}",
                loaded.groups(),
                bytes.len(),
                started.elapsed()
            );
        }
    }
}
