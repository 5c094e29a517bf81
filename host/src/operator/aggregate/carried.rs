//! Rows that cross the shuffle as they are, to be folded, and taken back, where their group is.
//!
//! Windows that take rows back ([`super::rolling`], [`super::changing`]) number the keys of what arrives and hand rows over
//! by [`Tools::change`], one call for many groups. Invariant: a row is taken back only from the accumulator that it was
//! folded into.

mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

use arrow::{
    array::{ArrayRef, AsArray, Int8Array, RecordBatch, UInt32Array},
    compute,
    datatypes::{FieldRef, Int8Type, Schema, SchemaRef},
};
use pelton_core::contract::OP_COLUMN;
use pelton_wasm::{BatchContext, CallError};

pub use self::snapshot::{SavedNumberedRows, SavedTallies};

use super::{
    AggregatePlan,
    accumulators::Accumulators,
    calls::{Change, Columns, take},
    draining::Own,
    partial::{CarriedRows, Partial},
    reduce::{EpochEnd, Tools},
};
use crate::operator::{
    poison::{Chosen, Fault},
    record_batch,
};

/// Which columns of a batch cross: those that modules read, and what a row of a stream of changes does. They are in the order of
/// the operator's input, of which it does not matter here what else of it arrives.
#[derive(Debug, Clone)]
pub struct Carrying {
    /// Where they are in the batches that arrive.
    columns: Vec<usize>,
    schema: SchemaRef,
    /// Where the columns that each function reads are among them.
    pub reads: Vec<Vec<usize>>,
    op: Option<usize>,
}

impl Carrying {
    pub fn of(plan: &AggregatePlan) -> Self {
        let input = plan.functions.first().map(|function| SchemaRef::clone(&function.input.schema));
        let input = input.expect("an operator has at least one function");
        let op = plan.op_at.and_then(|at| Some((input.index_of(OP_COLUMN).ok()?, at)));
        let reads = plan.functions.iter().flat_map(|function| function.signature.reads.iter().zip(&function.reads_at));
        // By their places in the input, those in the batches.
        let columns: BTreeMap<usize, usize> = reads.map(|(column, at)| (*column, *at)).chain(op).collect();
        let place = |column: &usize| columns.keys().position(|known| known == column).expect("it was put in");
        let fields: Vec<FieldRef> = columns.keys().filter_map(|column| input.fields().get(*column)).cloned().collect();
        Self {
            reads: plan.functions.iter().map(|function| function.signature.reads.iter().map(place).collect()).collect(),
            op: op.map(|(column, _)| place(&column)),
            columns: columns.into_values().collect(),
            schema: Schema::new(fields).into(),
        }
    }

    /// Of what crosses.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn narrow(&self, batch: &RecordBatch) -> RecordBatch {
        let columns = self.columns.iter().filter_map(|at| batch.columns().get(*at)).cloned().collect();
        record_batch(&self.schema, columns, batch.num_rows())
    }
}

/// Rows whose keys have numbers.
#[derive(Debug, Clone)]
pub struct NumberedRows {
    batch: RecordBatch,
    pub keys: Vec<u32>,
}

/// Rows of one pane: those that are added, and those that are taken back.
#[derive(Debug)]
pub struct Signed {
    pub added: NumberedRows,
    pub taken_back: Option<NumberedRows>,
}

impl NumberedRows {
    fn select(&self, rows: &[u32]) -> Self {
        let key = |row: &u32| self.keys.get(*row as usize).copied().unwrap_or_default();
        Self { batch: take_rows(&self.batch, rows), keys: rows.iter().map(key).collect() }
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        self.batch.get_array_memory_size() + self.keys.capacity() * 4
    }

    /// Those of other keys; none: there are no others.
    pub fn without(&self, keys: &BTreeSet<u32>) -> Option<Self> {
        let others = (0..).zip(&self.keys).filter(|(_, key)| !keys.contains(key)).map(|(row, _)| row);
        let others: Vec<u32> = others.collect();
        (!others.is_empty()).then(|| self.select(&others))
    }

    /// The same rows, in their order, in as few pieces as calls can take.
    pub fn joined(pieces: Vec<Self>, rows_max: usize) -> Vec<Self> {
        let mut joined: Vec<Self> = Vec::new();
        let mut open: Vec<Self> = Vec::new();
        let mut rows = 0;
        for piece in pieces {
            if rows + piece.keys.len() > rows_max {
                joined.extend(Self::concatenated(std::mem::take(&mut open)));
                rows = 0;
            }
            rows += piece.keys.len();
            open.push(piece);
        }
        joined.extend(Self::concatenated(open));
        joined
    }

    fn concatenated(mut pieces: Vec<Self>) -> Option<Self> {
        if pieces.len() < 2 {
            return pieces.pop();
        }
        let schema = pieces.first()?.batch.schema();
        let batches = pieces.iter().map(|piece| &piece.batch);
        let batch = compute::concat_batches(&schema, batches).expect("pieces of one operator have one schema");
        Some(Self { batch, keys: pieces.into_iter().flat_map(|piece| piece.keys).collect() })
    }

    /// Tells apart what is added and what is taken back; all is added where no column says so.
    fn signed(self, carrying: &Carrying) -> Signed {
        let ops =
            carrying.op.and_then(|op| self.batch.columns().get(op)).and_then(|op| op.as_primitive_opt::<Int8Type>());
        let Some(ops) = ops.filter(|ops| ops.values().iter().any(|op| *op < 0)) else {
            return Signed { added: self, taken_back: None };
        };
        let rows = |wanted: bool, ops: &Int8Array| -> Vec<u32> {
            (0..).zip(ops.values()).filter(|(_, op)| (**op < 0) == wanted).map(|(row, _)| row).collect()
        };
        let (added, taken_back) = (rows(false, ops), rows(true, ops));
        Signed { added: self.select(&added), taken_back: Some(self.select(&taken_back)) }
    }
}

/// These rows; also of a batch without columns.
pub fn take_rows(batch: &RecordBatch, rows: &[u32]) -> RecordBatch {
    let count = rows.len();
    let rows = UInt32Array::from_iter_values(rows.iter().copied());
    let one = |column: &ArrayRef| compute::take(column.as_ref(), &rows, None).expect("these rows exist");
    record_batch(&batch.schema(), batch.columns().iter().map(one).collect(), count)
}

/// The carried rows of a piece that are of own panes, by their pane, in order of appearance; `number` gives the number of a group's key in a pane.
pub fn by_pane(
    (partial, carried, rows): (&Partial, &CarriedRows, &[u32]),
    (carrying, own): (&Carrying, &Own),
    mut number: impl FnMut(i64, &Partial, u32) -> u32,
) -> Vec<(i64, Signed)> {
    const NONE: (u32, usize) = (u32::MAX, usize::MAX);
    let mut panes: Vec<(i64, Vec<u32>, Vec<u32>)> = Vec::new();
    // By group: the number of its key, and its place among the panes.
    let mut known = vec![NONE; partial.groups.len()];
    for row in rows {
        let group = carried.groups.get(*row as usize).copied().unwrap_or_default();
        if !own.has_pane(partial.groups.tag(group)) {
            continue;
        }
        let Some(of) = known.get_mut(group as usize) else { continue };
        if *of == NONE {
            let pane = partial.groups.tag(group);
            let at = panes.iter().rposition(|(start, ..)| *start == pane).unwrap_or_else(|| {
                panes.push((pane, Vec::new(), Vec::new()));
                panes.len() - 1
            });
            *of = (number(pane, partial, group), at);
        }
        if let Some((_, rows, keys)) = panes.get_mut(of.1) {
            rows.push(*row);
            keys.push(of.0);
        }
    }
    let signed = |(pane, rows, keys): (i64, Vec<u32>, Vec<u32>)| {
        (pane, NumberedRows { batch: take_rows(&carried.batch, &rows), keys }.signed(carrying))
    };
    panes.into_iter().map(signed).collect()
}

impl<'a> EpochEnd<'a> {
    /// Each piece whose rows crossed as they are, with the rows of this partition.
    pub fn carried(&self) -> impl Iterator<Item = (&'a Partial, &'a CarriedRows, &'a [u32])> + use<'a> {
        let partition = usize::from(self.partition);
        self.partials.iter().filter_map(move |partial| {
            let carried = partial.rows.as_ref()?;
            let rows = carried.by_partition.get(partition)?.as_slice();
            (!rows.is_empty()).then_some((partial.as_ref(), carried, rows))
        })
    }
}

impl Tools {
    /// Folds rows into the accumulators of their keys, or takes them back; `slot_of` says where those are. Answers with the keys for which
    /// that fails, whose accumulators are as they were.
    pub fn change(
        &mut self,
        context: &BatchContext,
        change: Change,
        rows: &NumberedRows,
        slot_of: impl Fn(u32) -> u32,
        accumulators: &mut Accumulators,
    ) -> Result<Vec<Unfolded>, CallError> {
        if rows.keys.is_empty() {
            return Ok(Vec::new());
        }
        let (slots, keys) = self.dense.assign(&rows.keys);
        let of: Vec<u32> = keys.iter().map(|key| slot_of(*key)).collect();
        let before = accumulators.gather(&of);
        let reads = &self.carrying.reads;
        self.calls.brace();
        let error = match self.calls.change(context, change, (&rows.batch, reads), &slots, of.len(), &before) {
            Err(error) if self.calls.isolates(&error) => error,
            after => {
                accumulators.scatter(&of, &after?);
                return Ok(Vec::new());
            }
        };
        let (isolated, failing) = self.calls.fold_without_poison(error, &slots, of.len(), |calls, part| {
            let (batch, before) = (take_rows(&rows.batch, &part.rows), take(&before, &part.groups));
            calls.change(context, change, (&batch, reads), &part.slots, part.groups.len(), &before)
        })?;
        if let Some(after) = &isolated.answer {
            let gone = isolated.poison.iter().map(|(group, _)| *group).collect();
            accumulators.scatter(&Chosen::Without(gone).values(&of), after);
        }
        let unfolded = isolated.poison.into_iter().zip(failing).filter_map(|((group, fault), row)| {
            let (key, row_of) = (*keys.get(group)?, rows.batch.slice(row, 1));
            let accumulators = take(&before, &[group as u32]);
            Some(Unfolded { key, accumulators, row: row_of, number: context.first_row + row as u64, fault })
        });
        Ok(unfolded.collect())
    }
}

/// A key whose rows cannot be folded, or taken back.
#[derive(Debug)]
pub struct Unfolded {
    pub key: u32,
    /// Before the call: one row, one set of columns for each function.
    pub accumulators: Vec<Columns>,
    /// The first of its rows with which that fails.
    pub row: RecordBatch,
    pub number: u64,
    pub fault: Fault,
}

/// Slots of one call for keys with numbers: dense, in order of appearance.
#[derive(Debug, Default)]
pub struct Dense {
    /// By number; [`u32::MAX`] between calls.
    slots: Vec<u32>,
}

impl Dense {
    /// The slot of each row, and the key of each slot.
    fn assign(&mut self, keys: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let numbers = keys.iter().max().map_or(0, |key| *key as usize + 1);
        if self.slots.len() < numbers {
            self.slots.resize(numbers, u32::MAX);
        }
        let mut distinct = Vec::new();
        let mut slots = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(slot) = self.slots.get_mut(*key as usize) else { continue };
            if *slot == u32::MAX {
                *slot = distinct.len() as u32;
                distinct.push(*key);
            }
            slots.push(*slot);
        }
        for key in &distinct {
            if let Some(slot) = self.slots.get_mut(*key as usize) {
                *slot = u32::MAX;
            }
        }
        (slots, distinct)
    }
}

/// What is known of a key from which rows are taken back.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    /// Where its accumulators are; [`Tally::NONE`]: it has no rows.
    slot: u32,
    /// Rows that were added, less those that were taken back. Below zero where a stream takes back what it never added.
    pub rows: i64,
}

impl Tally {
    const NONE: u32 = u32::MAX;
    pub const EMPTY: Self = Self { slot: Self::NONE, rows: 0 };

    /// Its accumulators, if it has rows.
    pub fn live(&self) -> Option<u32> {
        (self.rows > 0 && self.slot != Self::NONE).then_some(self.slot)
    }
}

/// Tallies by the number of a key, and the accumulators that they point to. Between epochs those keys have accumulators whose
/// tally is not zero.
#[derive(Debug, Default)]
pub struct Tallies(Vec<Tally>);

impl Tallies {
    pub fn get(&self, key: u32) -> Tally {
        self.0.get(key as usize).copied().unwrap_or(Tally::EMPTY)
    }

    /// Keys with rows, and where their accumulators are, in the order of their numbers.
    pub fn live(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..).zip(&self.0).filter_map(|(key, tally)| Some((key, tally.live()?)))
    }

    /// All accumulators.
    pub fn slots(&self) -> Vec<u32> {
        self.0.iter().map(|tally| tally.slot).filter(|slot| *slot != Tally::NONE).collect()
    }

    pub fn held_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Tally>()
    }

    /// Folds rows, or takes them back. Keys that have no rows after that still have their accumulators, until [`Self::settle`]. Answers
    /// with the keys for which that fails: they have nothing any more.
    pub fn change(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        context: &BatchContext,
        change: Change,
        rows: &NumberedRows,
    ) -> Result<Vec<Unfolded>, CallError> {
        let by = match change {
            Change::Add => 1,
            Change::TakeBack => -1,
        };
        for key in &rows.keys {
            let at = *key as usize;
            if at >= self.0.len() {
                self.0.resize(at + 1, Tally::EMPTY);
            }
            if let Some(tally) = self.0.get_mut(at) {
                if tally.slot == Tally::NONE {
                    tally.slot = accumulators.allocate();
                }
                tally.rows += by;
            }
        }
        let lost = tools.change(context, change, rows, |key| self.get(key).slot, accumulators)?;
        lost.iter().for_each(|unfolded| self.forget(unfolded.key, accumulators));
        Ok(lost)
    }

    /// Gives back the accumulators of those of these keys that have no rows: nothing like a zero is left behind.
    pub fn settle(&mut self, keys: &[u32], accumulators: &mut Accumulators) {
        for key in keys {
            if let Some(tally) = self.0.get_mut(*key as usize)
                && tally.rows == 0
                && tally.slot != Tally::NONE
            {
                accumulators.release(&[tally.slot]);
                tally.slot = Tally::NONE;
            }
        }
    }

    /// Gives back the accumulators of a key that is forgotten, whatever it has.
    pub fn forget(&mut self, key: u32, accumulators: &mut Accumulators) {
        let Some(tally) = self.0.get_mut(key as usize) else { return };
        let forgotten = std::mem::replace(tally, Tally::EMPTY);
        if forgotten.slot != Tally::NONE {
            accumulators.release(&[forgotten.slot]);
        }
    }
}
