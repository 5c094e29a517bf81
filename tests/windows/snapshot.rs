//! Snapshots in the middle of a timeline: what goes on from one is what would have gone on without, result for result, in the
//! same order, and its next snapshots are the same bytes. Damaged snapshots are refused, or give a partition that can be worked with.

use pelton::operator::aggregate::{Crossing, Partition};
use pelton_tests::snapshots;

use super::{
    SEED_DEFAULT, again,
    engine::{self, Run},
    number,
    timeline::{Clock, Emit, Kind, Shape, Timeline},
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
        crossing: Crossing::DEFAULT,
        key: [true, false],
        sources: Vec::new(),
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
