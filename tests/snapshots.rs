//! Operators that are saved and loaded in the middle of a timeline: what the tests of windows, keyed operators and joins share.
//!
//! Two laws: what goes on from a snapshot is what would have gone on without, outcome for outcome, and its next snapshots are the
//! same bytes; and damaged bytes are refused, or give an operator that can be worked with.

use std::fmt::{Debug, Display};

use rand::{Rng, SeedableRng, rngs::StdRng};

/// An operator on its way through a timeline.
pub trait Run: Sized {
    type Epoch;
    type Outcome: PartialEq + Debug;
    type Error: Debug;
    type Refusal: Debug + Display;

    fn epoch(&mut self, epoch: &Self::Epoch) -> Result<Self::Outcome, Self::Error>;
    /// One for each partition.
    fn save(&self) -> Vec<Vec<u8>>;
    fn load(&self, bytes: &[Vec<u8>]) -> Result<Self, Self::Refusal>;
    /// Bytes that were damaged may make it so slow that nobody can wait: then they are only loaded.
    fn goes_on_after_damage(&self) -> bool {
        true
    }
}

/// Runs `epochs`, saves and loads before the one with this number, and compares the rest. `told` says how to do it again.
pub fn go_on<R: Run>(mut whole: R, epochs: &[R::Epoch], cut: usize, is_damaged: bool, told: &dyn Display) {
    let (before, after) = epochs.split_at(cut);
    before.iter().for_each(|epoch| drop(whole.epoch(epoch).expect("it goes through")));
    let bytes = whole.save();
    let mut loaded = whole.load(&bytes).unwrap_or_else(|error| panic!("{error}\n{told}"));
    assert!(loaded.save() == bytes, "it comes back as other bytes\n{told}");
    if is_damaged {
        damage(&whole, after, &bytes);
    }
    for (at, epoch) in (cut..).zip(after) {
        let expected = whole.epoch(epoch).expect("it goes through");
        let got = loaded.epoch(epoch).expect("it goes through");
        assert!(expected == got, "epoch {at}: expected {expected:#?}\ngot {got:#?}\n{told}");
        assert!(whole.save() == loaded.save(), "epoch {at}: other bytes\n{told}");
    }
}

/// Flips a bit of each byte of the largest snapshot, and cuts it there.
fn damage<R: Run>(run: &R, rest: &[R::Epoch], bytes: &[Vec<u8>]) {
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
        if run.goes_on_after_damage() {
            // State that no module made may make it trap, which is an error and no panic.
            let _ = rest.iter().try_for_each(|epoch| run.epoch(epoch).map(drop));
        }
        run.save();
    }
    println!("{} bytes, {loaded} flips loaded", bytes[largest].len());
}
