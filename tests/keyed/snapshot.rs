//! Snapshots in the middle of a timeline: what goes on from one is what would have gone on without, row for row, and its next
//! snapshots are the same bytes. Damaged snapshots are refused, or give a partition that can be worked with.

use std::time::Instant;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Outcome, PLENTY,
    engine::Run,
    number,
    timeline::{Epoch, Guest, KeyForm, Row, Timeline},
};

const TIMELINES_DEFAULT: u64 = 300;

/// Every so many timelines one is damaged in every byte.
const DAMAGED: u64 = 30;

fn epoch(run: &mut Run<'_>, epoch: &Epoch) -> Outcome {
    let mut out = Outcome::default();
    run.epoch(epoch, &mut out).expect("it goes through");
    out
}

#[test]
fn a_keyed_operator_goes_on_from_a_snapshot() {
    let first = number("PELTON_SEED").unwrap_or(1);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let guest = if seed % 2 == 0 { Guest::Shelves } else { Guest::Ledger };
        let timeline = Timeline::random(guest, seed);
        let again = format!(
            "again: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test keyed goes_on"
        );
        let mut whole = Run::new(&timeline, PLENTY);
        let cut = seed as usize % timeline.epochs.len();
        let (before, after) = timeline.epochs.split_at(cut);
        before.iter().for_each(|at| drop(epoch(&mut whole, at)));
        let bytes = whole.save();
        let mut loaded = whole.load(&bytes).unwrap_or_else(|error| panic!("{error}\n{timeline:#?}\n{again}"));
        assert!(loaded.save() == bytes, "it comes back as other bytes\n{timeline:#?}\n{again}");
        if seed % DAMAGED == 1 {
            damage(&timeline, &whole, &bytes);
        }
        for (at, next) in (cut..).zip(after) {
            let (expected, got) = (epoch(&mut whole, next), epoch(&mut loaded, next));
            assert!(expected == got, "epoch {at}: expected {expected:#?}\ngot {got:#?}\n{timeline:#?}\n{again}");
            assert!(whole.save() == loaded.save(), "epoch {at}: other bytes\n{timeline:#?}\n{again}");
        }
        assert_eq!(whole.keys(), loaded.keys());
    }
}

/// Flips a bit of each byte of the largest snapshot, and cuts it there.
fn damage(timeline: &Timeline, run: &Run<'_>, bytes: &[Vec<u8>]) {
    let random = &mut StdRng::seed_from_u64(7);
    let largest = (0..bytes.len()).max_by_key(|at| bytes[*at].len()).expect("there is a partition");
    let mut loaded = 0;
    for at in 0..bytes[largest].len() {
        let mut cut = bytes.to_vec();
        cut[largest].truncate(at);
        assert!(run.load(&cut).is_err(), "half of a snapshot");
        let mut flipped = bytes.to_vec();
        flipped[largest][at] ^= 1 << random.random_range(0..8);
        let Ok(mut run) = run.load(&flipped) else { continue };
        loaded += 1;
        let rest = &timeline.epochs[timeline.epochs.len().min(run.number())..];
        let mut out = Outcome::default();
        let _ = rest.iter().try_for_each(|epoch| run.epoch(epoch, &mut out));
        run.save();
    }
    println!("{} bytes, {loaded} flips loaded", bytes[largest].len());
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
        run.epoch(&Epoch { watermark: 0, ..timeline.epochs[0].clone() }, &mut Outcome::default())
            .expect("it goes through");
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
