//! Snapshots in the middle of a timeline: what goes on from one is what would have gone on without, row for row, and its next
//! snapshots are the same bytes. Damaged snapshots are refused, or give a partition that can be worked with.

use pelton_tests::snapshots;

use super::{
    PLENTY,
    engine::Run,
    number,
    timeline::{Guest, Timeline},
};

const TIMELINES_DEFAULT: u64 = 300;

/// Every so many timelines one is damaged in every byte.
const DAMAGED: u64 = 30;

#[test]
fn a_keyed_operator_goes_on_in_other_partitions() {
    let first = number("PELTON_SEED").unwrap_or(1);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let guest = if seed % 2 == 0 { Guest::Shelves } else { Guest::Ledger };
        let timeline = Timeline::random(guest, seed);
        let told = format!("{timeline:#?}\nagain: PELTON_SEED={seed} PELTON_TIMELINES=1");
        let cut = seed as usize % timeline.epochs.len();
        snapshots::move_on(Run::new(&timeline, PLENTY), &timeline.epochs, cut, (seed % 11 + 1) as u16, &told);
    }
}

#[test]
fn a_keyed_operator_goes_on_from_a_snapshot() {
    let first = number("PELTON_SEED").unwrap_or(1);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let guest = [Guest::Shelves, Guest::Ledger, Guest::Dedup][seed as usize % 3];
        let timeline = Timeline::random(guest, seed);
        let told = format!(
            "{timeline:#?}\nagain: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test keyed goes_on"
        );
        let cut = seed as usize % timeline.epochs.len();
        snapshots::go_on(Run::new(&timeline, PLENTY), &timeline.epochs, cut, seed % DAMAGED == 1, &told);
    }
}
