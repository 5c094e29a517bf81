//! Operators that are saved and loaded in the middle of a timeline: what the tests of windows, keyed operators and joins share.
//!
//! Three laws: what goes on from a snapshot is what would have gone on without, outcome for outcome, and its next snapshots are the
//! same bytes; damaged bytes are refused, or give an operator that can be worked with; and what goes on in another number of partitions is, but
//! for the order between partitions, what would have gone on in this one.

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

/// An operator whose state can go to another number of partitions.
pub trait Move: Run {
    /// Goes on with the state of this one, in so many partitions.
    fn moved(&self, partitions: u16) -> Result<Self, Self::Refusal>;

    /// Between partitions there is no order.
    fn unordered(outcome: Self::Outcome) -> Self::Outcome;
}

/// Runs `epochs`, and beside it one whose state goes to `partitions` before the epoch with the number `cut`, and to one less or more in the middle of the
/// rest: what leaves is the same. `told` says how to do it again.
pub fn move_on<R: Move>(mut whole: R, epochs: &[R::Epoch], cut: usize, partitions: u16, told: &dyn Display) {
    let (before, after) = epochs.split_at(cut);
    before.iter().for_each(|epoch| drop(whole.epoch(epoch).expect("it goes through")));
    let moves = |run: &R, to: u16| run.moved(to).unwrap_or_else(|error| panic!("to {to} partitions: {error}\n{told}"));
    let mut moved = moves(&whole, partitions);
    for (at, epoch) in (cut..).zip(after) {
        if at == cut + after.len() / 2 {
            moved = moves(&moved, if partitions > 1 { partitions - 1 } else { 3 });
        }
        let expected = R::unordered(whole.epoch(epoch).expect("it goes through"));
        let got = R::unordered(moved.epoch(epoch).expect("it goes through"));
        assert!(expected == got, "epoch {at}: expected {expected:#?}\ngot {got:#?}\n{told}");
    }
}
