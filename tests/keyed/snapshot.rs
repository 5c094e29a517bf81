//! Snapshots in the middle of a timeline: what goes on from one is what would have gone on without, row for row, and its next
//! snapshots are the same bytes. Damaged snapshots are refused, or give a partition that can be worked with.

use std::time::Instant;

use pelton_tests::snapshots::{self, Run as _};

use super::{
    PLENTY,
    engine::Run,
    number,
    timeline::{Epoch, Guest, KeyForm, Row, Timeline},
};

const TIMELINES_DEFAULT: u64 = 300;

/// Every so many timelines one is damaged in every byte.
const DAMAGED: u64 = 30;

#[test]
fn a_keyed_operator_goes_on_from_a_snapshot() {
    let first = number("PELTON_SEED").unwrap_or(1);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let guest = if seed % 2 == 0 { Guest::Shelves } else { Guest::Ledger };
        let timeline = Timeline::random(guest, seed);
        let told = format!(
            "{timeline:#?}\nagain: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test keyed goes_on"
        );
        let cut = seed as usize % timeline.epochs.len();
        snapshots::go_on(Run::new(&timeline, PLENTY), &timeline.epochs, cut, seed % DAMAGED == 1, &told);
    }
}

/// Prints what a snapshot of a million keys takes.
#[test]
#[ignore = "it measures, and proves nothing"]
fn a_million_keys() {
    const KEYS: i64 = 1_000_000;
    for (name, key) in [("by number", KeyForm::Number), ("by text", KeyForm::Text), ("by both", KeyForm::Both)] {
        let row = |number: i64| Row {
            number,
            text: Some(format!("key {number}")),
            time: Some(1_000),
            command: "add",
            x: number,
        };
        let batches = (0..KEYS / 8_000).map(|batch| (batch * 8_000..(batch + 1) * 8_000).map(row).collect());
        let epochs = vec![Epoch { watermark: 0, now: 0, batches: batches.collect() }];
        let timeline = Timeline {
            guest: Guest::Ledger,
            key,
            partitions: 1,
            rows_max: 8192,
            ttl: None,
            lateness: None,
            idle_keys: false,
            epochs,
        };
        let mut run = Run::new(&timeline, 1 << 32);
        run.epoch(&timeline.epochs[0]).expect("it goes through");
        for _ in 0..3 {
            let started = Instant::now();
            let bytes = run.save();
            let saved = started.elapsed();
            let started = Instant::now();
            let loaded = run.load(&bytes).expect("it was saved");
            let taken = started.elapsed();
            println!(
                "{name}: {} keys, {} bytes, saved in {saved:?}, loaded in {taken:?}",
                loaded.keys(),
                bytes[0].len()
            );
        }
    }
}
