//! Snapshots in the middle of a timeline: what goes on from one is what would have gone on without, pair for pair in the same
//! order, and its next snapshots are the same bytes. Damaged snapshots are refused, or give a partition that can be worked with.

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    SEED_DEFAULT,
    engine::Run,
    number,
    timeline::{Form, Timeline},
};

const TIMELINES_DEFAULT: u64 = 300;

/// Every so many timelines one is damaged in every byte.
const DAMAGED: u64 = 50;

fn go_on(test: &str, form: Form) {
    let first = number("PELTON_SEED").unwrap_or(SEED_DEFAULT);
    let timelines = number("PELTON_TIMELINES").unwrap_or(TIMELINES_DEFAULT);
    for seed in first..first + timelines {
        let timeline = Timeline::random(form, seed);
        let again = format!(
            "again: PELTON_SEED={seed} PELTON_TIMELINES=1 cargo test --release -p pelton-tests --test joins {test}"
        );
        let mut whole = Run::new(&timeline);
        let cut = seed as usize % timeline.epochs.len();
        let (before, after) = timeline.epochs.split_at(cut);
        before.iter().for_each(|epoch| drop(whole.epoch(epoch).expect("it goes through")));
        let bytes = whole.save();
        let mut loaded = whole.load(&bytes).unwrap_or_else(|error| panic!("{error}\n{timeline:#?}\n{again}"));
        assert!(loaded.save() == bytes, "it comes back as other bytes\n{timeline:#?}\n{again}");
        if seed % DAMAGED == 1 {
            damage(&timeline, &whole, &bytes);
        }
        for (at, epoch) in (cut..).zip(after) {
            let expected = whole.epoch(epoch).expect("it goes through");
            let got = loaded.epoch(epoch).expect("it goes through");
            assert!(expected == got, "epoch {at}: expected {expected:#?}\ngot {got:#?}\n{timeline:#?}\n{again}");
            assert!(whole.save() == loaded.save(), "epoch {at}: other bytes\n{timeline:#?}\n{again}");
        }
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
        let _ = rest.iter().try_for_each(|epoch| run.epoch(epoch).map(drop));
        run.save();
    }
    println!("{} bytes, {loaded} flips loaded", bytes[largest].len());
}

#[test]
fn interval_joins_go_on_from_a_snapshot() {
    go_on("interval_joins_go_on", Form::Interval);
}

#[test]
fn windowed_joins_go_on_from_a_snapshot() {
    go_on("windowed_joins_go_on", Form::Windows);
}

#[test]
fn joins_over_all_rows_go_on_from_a_snapshot() {
    go_on("all_rows_go_on", Form::Global);
}
