//! What [`super::TwoStacks`] asks the engine to do: merges in rounds, and where each key's answer is then.
//!
//! The engine carries out one round at a time, each as one table of left and one of right accumulators, row by row.
//! Invariant: within a round no merge reads or writes what another one writes; one may write where it reads.

/// Where an accumulator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operand {
    /// A pane's: the payload that the engine gave it.
    Pane(u32),
    /// A row of the scratch table.
    Scratch(u32),
}

/// `scratch[into] = merge(left, right)`; `left` is the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    pub left: Operand,
    pub right: Operand,
    pub into: u32,
}

/// The accumulator of one key's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub key: u32,
    pub at: Operand,
}

/// Merges and their answers. To be carried out before the next call that makes one: scratch rows are used again.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Rounds in use, then spare ones.
    chains: Vec<Vec<Merge>>,
    used: usize,
    last: Vec<Merge>,
    answers: Vec<Answer>,
    dropped: Vec<u32>,
    forgotten: Vec<u32>,
    scratch_rows: u32,
}

impl Plan {
    /// The rounds, in order. None is empty.
    pub fn rounds(&self) -> impl Iterator<Item = &[Merge]> {
        let last = Some(&self.last).filter(|round| !round.is_empty());
        self.chains.iter().take(self.used).chain(last).map(Vec::as_slice)
    }

    /// Where the window's accumulator is for each key that has panes in it, after the last round.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// Payloads of panes that are of no more use, once the answers have been read.
    pub fn dropped(&self) -> &[u32] {
        &self.dropped
    }

    /// Keys that have no panes left.
    pub fn forgotten(&self) -> &[u32] {
        &self.forgotten
    }

    /// How many rows the scratch table must have for this plan.
    pub fn scratch_rows(&self) -> usize {
        self.scratch_rows as usize
    }

    pub(super) fn clear(&mut self) {
        self.chains.iter_mut().take(self.used).for_each(Vec::clear);
        self.used = 0;
        self.last.clear();
        self.answers.clear();
        self.dropped.clear();
        self.forgotten.clear();
    }

    /// Adds a merge that needs those of the same key in all rounds before `round`, which itself is at most one more
    /// than there are.
    pub(super) fn push(&mut self, round: usize, merge: Merge) {
        if round >= self.used {
            self.used = round + 1;
            if self.chains.len() < self.used {
                self.chains.resize_with(self.used, Vec::new);
            }
        }
        self.chains.get_mut(round).expect("the round was made above").push(merge);
    }

    /// Adds a merge that needs all others of its key, and that no other needs.
    pub(super) fn push_last(&mut self, merge: Merge) {
        self.last.push(merge);
    }

    pub(super) fn answer(&mut self, key: u32, at: Operand) {
        self.answers.push(Answer { key, at });
    }

    pub(super) fn drop_pane(&mut self, payload: u32) {
        self.dropped.push(payload);
    }

    pub(super) fn forget(&mut self, key: u32) {
        self.forgotten.push(key);
    }

    pub(super) fn set_scratch_rows(&mut self, rows: u32) {
        self.scratch_rows = rows;
    }
}
