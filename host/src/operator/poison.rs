//! Poison rows: a call that failed is made again without the rows that it failed on.
//!
//! ```text
//! call ─ fails ─► again, fresh instance ─ fails ─► parts of its rows … one row by itself ─► again without it ─► … ─► the answer
//! ```
//!
//! Called by operators whose `on-trap` isolates; they make the calls. Invariants: nothing of a call that failed remains, and
//! the answer is that of one call of all other rows, as if those rows had never come. A call that overran its time is made again under a
//! count of its instructions, so that no row is called poison because a machine is slow.

use std::{collections::BTreeMap, ops::Range};

use arrow::array::RecordBatch;
use pelton_core::poison::{Fate, POISON_ROWS_OF_CALL_MAX, PoisonKind, first_alone, last_of_prefix};
use pelton_wasm::{CallError, Metering};

use super::{OperatorStats, admit::filter};
use crate::error::{Code, Coded};

/// A row, or something else, that its operator's module fails on.
#[derive(Debug, Clone)]
pub struct PoisonRow {
    pub kind: PoisonKind,
    /// One row: all columns that the operator is given; or what is known of a group, a timer, the end of a key.
    pub row: RecordBatch,
    /// The number of the row, as modules are told in `first-row`; of what is no row, its place in the call.
    pub number: u64,
    pub fault: Fault,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    pub message: String,
    /// Where the guest was, innermost first.
    pub trace: Vec<String>,
}

impl Fault {
    pub fn of(error: &CallError) -> Self {
        Self { code: error.code(), message: error.to_string(), trace: error.frames().to_vec() }
    }
}

/// Poison, with all that it changes in the sums of its operator.
pub fn taken_out<'a>(fate: Option<Fate>, faults: impl IntoIterator<Item = &'a Fault>, stats: &mut OperatorStats) {
    for fault in faults {
        match fate {
            Some(Fate::DeadLetter) => stats.dead += 1,
            Some(Fate::Skip) => stats.skipped += 1,
            None => {}
        }
        stats.traps += u64::from(fault.code == Code::Trap);
    }
}

/// Some of the rows of a call, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    These(Range<usize>),
    /// These, which ascend.
    Only(Vec<usize>),
    /// All but these, which ascend.
    Without(Vec<usize>),
}

impl Chosen {
    fn mask(&self, rows: usize) -> impl Iterator<Item = bool> + '_ {
        (0..rows).map(|row| match self {
            Self::These(range) => range.contains(&row),
            Self::Only(rows) => rows.binary_search(&row).is_ok(),
            Self::Without(gone) => gone.binary_search(&row).is_err(),
        })
    }

    /// These of the rows of a batch.
    pub fn rows(&self, batch: &RecordBatch) -> RecordBatch {
        match self {
            Self::These(range) => batch.slice(range.start, range.len()),
            Self::Without(gone) if gone.is_empty() => batch.clone(),
            Self::Only(_) | Self::Without(_) => filter(batch, self.mask(batch.num_rows())),
        }
    }

    /// The positions of these among so many rows.
    pub fn positions(&self, rows: usize) -> Vec<u32> {
        (0..).zip(self.mask(rows)).filter(|(_, keep)| *keep).map(|(row, _)| row).collect()
    }

    /// These of the values, one for each row; or of none at all.
    pub fn values<V: Copy>(&self, values: &[V]) -> Vec<V> {
        values.iter().zip(self.mask(values.len())).filter(|(_, keep)| *keep).map(|(value, _)| *value).collect()
    }
}

/// A call without its poison rows.
#[derive(Debug)]
pub struct Isolated<T> {
    /// None: no other row is left.
    pub answer: Option<T>,
    /// Positions among the rows of the call, ascending, with why the call failed on each.
    pub poison: Vec<(usize, Fault)>,
    /// Calls that were made for it.
    pub trials: u64,
}

impl<T> Isolated<T> {
    /// Why the call failed, for each of the poison rows.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.poison.iter().map(|(_, fault)| fault)
    }

    /// The poison rows of a batch whose first row has this number.
    pub fn of(&mut self, batch: &RecordBatch, first_row: u64) -> Vec<PoisonRow> {
        let poison = std::mem::take(&mut self.poison).into_iter();
        let row = |(at, fault)| PoisonRow {
            kind: PoisonKind::Row,
            row: batch.slice(at, 1),
            number: first_row + at as u64,
            fault,
        };
        poison.map(row).collect()
    }
}

/// Makes a call of rows that are chosen so, by an instance that has not failed: whoever failed is dropped before.
pub type Make<'a, C, T> = dyn FnMut(&C, Metering) -> Result<T, CallError> + 'a;

/// Makes a call of `rows` rows again that failed with `first`, without the rows that are to blame.
pub fn isolate<T>(rows: usize, first: CallError, make: &mut Make<'_, Chosen, T>) -> Result<Isolated<T>, CallError> {
    isolate_as(rows, first, make, |chosen| chosen, |trials, _| Ok(trials.fault()))
}

/// The same of calls that are asked for otherwise: `as_asked` says how these rows are, which may be keys with rows of their own. `blame` is
/// told of each that is found, right after the trial that it was alone in; it may try more to find out why that fails.
pub fn isolate_as<C, T>(
    rows: usize,
    first: CallError,
    make: &mut Make<'_, C, T>,
    as_asked: impl Fn(Chosen) -> C,
    mut blame: impl FnMut(&mut Trials<'_, '_, C, T>, usize) -> Result<Fault, CallError>,
) -> Result<Isolated<T>, CallError> {
    let mut trials = Trials::new(first, make);
    let (mut gone, mut poison): (Vec<usize>, Vec<(usize, Fault)>) = (Vec::new(), Vec::new());
    loop {
        if gone.len() == rows {
            return Ok(Isolated { answer: None, poison, trials: trials.count });
        }
        if let Some(answer) = trials.call(&as_asked(Chosen::Without(gone.clone())))? {
            return Ok(Isolated { answer: Some(answer), poison, trials: trials.count });
        }
        if gone.len() >= POISON_ROWS_OF_CALL_MAX {
            return Err(trials.too_many());
        }
        // What lies before the last one has been tried, and is good.
        let from = gone.last().map_or(0, |last| last + 1);
        let mut fails = |range| trials.call(&as_asked(Chosen::These(range))).map(|answer| answer.is_none());
        let found = first_alone(from..rows, &mut fails)?;
        let Some(row) = found else {
            return Err(trials.give_up("none of them fails by itself".into()));
        };
        gone.push(row);
        poison.push((row, blame(&mut trials, row)?));
    }
}

/// Makes a call again whose rows are folded by groups, `slots` says into which, without the rows that are to blame. Groups know nothing of each
/// other; what a row does to its group may follow from those before it. So the group is found first, and in it the first row with which its rows fail.
pub fn isolate_in_groups<T>(
    slots: &[u32],
    groups: usize,
    first: CallError,
    make: &mut Make<'_, Chosen, T>,
) -> Result<Isolated<T>, CallError> {
    let mut trials = Trials::new(first, make);
    let mut poison: BTreeMap<usize, Fault> = BTreeMap::new();
    let mut from = 0;
    loop {
        let gone: Vec<usize> = poison.keys().copied().collect();
        let answer = if gone.len() < slots.len() { trials.call(&Chosen::Without(gone.clone()))? } else { None };
        if answer.is_some() || gone.len() == slots.len() {
            return Ok(Isolated { answer, poison: poison.into_iter().collect(), trials: trials.count });
        }
        if gone.len() >= POISON_ROWS_OF_CALL_MAX {
            return Err(trials.too_many());
        }
        let rows_of = |groups: Range<usize>| -> Vec<usize> {
            let rows = slots.iter().enumerate().filter(|(_, slot)| groups.contains(&(**slot as usize)));
            rows.map(|(row, _)| row).filter(|row| gone.binary_search(row).is_err()).collect()
        };
        let mut fails = |rows: &[usize]| -> Result<bool, CallError> {
            Ok(!rows.is_empty() && trials.call(&Chosen::Only(rows.to_vec()))?.is_none())
        };
        let Some(group) = first_alone(from..groups, |groups| fails(&rows_of(groups)))? else {
            return Err(trials.give_up("none of their groups fails by itself".into()));
        };
        let own = rows_of(group..group + 1);
        let last = last_of_prefix(own.len(), |count| fails(own.get(..count).unwrap_or_default()))?;
        if let Some(row) = own.get(last) {
            poison.insert(*row, trials.fault());
        }
        from = group;
    }
}

/// The calls that look for poison rows.
pub struct Trials<'a, 'b, C, T> {
    make: &'a mut Make<'b, C, T>,
    metering: Metering,
    pub count: u64,
    /// Why the last one failed that did.
    last: CallError,
}

impl<'a, 'b, C, T> Trials<'a, 'b, C, T> {
    /// After a call that failed.
    pub fn new(first: CallError, make: &'a mut Make<'b, C, T>) -> Self {
        let metering = if first.is_overrun() { Metering::Instructions } else { Metering::Time };
        Self { make, metering, count: 0, last: first }
    }

    /// None: it fails, and its rows may be to blame.
    pub fn call(&mut self, chosen: &C) -> Result<Option<T>, CallError> {
        loop {
            self.count += 1;
            match (self.make)(chosen, self.metering) {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if !error.blames_rows() => return Err(error),
                // Time tells nothing of the rows: their instructions do.
                Err(error) if error.is_overrun() && self.metering == Metering::Time => {
                    self.metering = Metering::Instructions;
                }
                Err(error) => {
                    self.last = error;
                    return Ok(None);
                }
            }
        }
    }

    /// Why the last call failed that did.
    pub fn fault(&self) -> Fault {
        Fault::of(&self.last)
    }

    pub fn give_up(self, why: String) -> CallError {
        CallError::NotIsolated { why, error: Box::new(self.last) }
    }

    pub fn too_many(self) -> CallError {
        self.give_up(format!("there are more than {POISON_ROWS_OF_CALL_MAX} in one call"))
    }
}

#[cfg(test)]
#[path = "poison_tests.rs"]
mod tests;
