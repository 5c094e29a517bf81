//! Snapshots in the middle of a timeline: what goes on from one is what would have gone on without, result for result, in the
//! same order, and its next snapshots are the same bytes. Damaged snapshots are refused, or give a partition that can be worked with.

use pelton::operator::aggregate::{Crossing, Partition};
use pelton_tests::{
    seeds::each,
    snapshots::{self, Run as _},
};

use super::{
    SEED_DEFAULT, again,
    engine::{self, Run},
    number, oracle,
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

/// The same in another number of partitions.
fn move_on(test: &str, kind: Kind) {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let timeline = Timeline::random(kind, seed);
        let told = format!("{timeline:#?}\n{}", again(test, seed));
        let cut = seed as usize % timeline.epochs.len();
        snapshots::move_on(Run::new(&timeline), &timeline.epochs, cut, (seed % 11 + 1) as u16, &told);
    }
}

#[test]
fn windows_of_each_kind_go_on_in_other_partitions() {
    for kind in [Kind::Tumbling, Kind::Sliding, Kind::Global, Kind::Session, Kind::Count] {
        move_on("windows_of_each_kind_go_on_in_other", kind);
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
fn sessions_go_on_when_the_order_of_rows_begins_to_matter() {
    each("-p pelton-tests --test windows begins_to_matter", 0..300, |seed| {
        let [any, ordered] =
            [false, true].map(|in_order| Timeline { in_order, ..Timeline::random(Kind::Session, seed) });
        let cut = seed as usize % any.epochs.len();
        // Of what was folded before there is no order to be kept.
        let expected = oracle::evaluate(&any);
        let (from, to) = if seed % 3 == 0 { (&ordered, &any) } else { (&any, &ordered) };
        let mut run = Some(Run::new(from));
        for (number, (epoch, mut expected)) in any.epochs.iter().zip(expected).enumerate() {
            let before = run.take().expect("it goes on");
            let mut now = if number == cut { before.under(to, seed % 2 == 0) } else { before };
            let mut got = now.epoch(epoch).expect("it goes through");
            for outcome in [&mut expected, &mut got] {
                outcome.results.iter_mut().for_each(|fold| fold.rows.sort_unstable());
                outcome.results.sort();
                outcome.late.sort_unstable();
                outcome.rejected.sort_unstable();
            }
            assert!(expected == got, "epoch {number}: expected {expected:#?}\ngot {got:#?}\n{from:#?}");
            run = Some(now);
        }
    });
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
        in_order: true,
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
