//! Pieces on their way into the accumulators of a partition.
//!
//! ```text
//! partial accumulators ─┬─► of groups that are new: written as they are
//!                       └─► of others: merged (wasm), group by group
//! rows as they came ──────► accumulated (wasm) into those that they touch, several pieces in one call;
//!                           where groups are many, an epoch's rows in the order of their groups ([`super::sorted`])
//! ```
//!
//! Each kind of window finds the slot of every group and says so by [`Joining::push`]. Invariant: a group's pieces join in their
//! order, and its rows in theirs.

use std::ops::Range;

use pelton_wasm::{BatchContext, CallError};

use super::{
    accumulators::Accumulators,
    calls::{Calls, Columns, ReadColumns, take},
    lost::Lost,
    partial::{Content, Partial},
};

/// The pieces of an epoch that have not joined yet.
#[derive(Debug, Default)]
pub struct Joining {
    fresh: Moved,
    known: Moved,
    touched: Touched,
    /// Rows that wait for others, piece by piece.
    waiting: Vec<ReadColumns>,
    /// Rows that the epoch has folded here: each has a number of its own.
    rows: u64,
}

impl Joining {
    /// Another epoch begins.
    pub fn begin(&mut self) {
        // What an epoch that failed has left.
        self.fresh.clear();
        self.known.clear();
        self.touched.forget();
        self.waiting.clear();
        self.rows = 0;
    }

    /// The next piece, of which so many groups join. Rows that wait go first if it is not of rows, or there would be too many.
    pub fn begin_piece(
        &mut self,
        accumulators: &mut Accumulators,
        calls: &mut Calls,
        context: &BatchContext,
        (partial, groups): (&Partial, usize),
    ) -> Result<(), CallError> {
        let fits = self.touched.rows() + groups <= calls.rows_max();
        match partial.content {
            Content::Rows(_) if fits => Ok(()),
            Content::Rows(_) | Content::Accumulators(_) => self.finish(accumulators, calls, context),
        }
    }

    /// The next group of the piece goes to this slot, which `is_new` when nothing was there before the piece.
    pub fn push(&mut self, partial: &Partial, slot: u32, is_new: bool, group: u32) {
        match partial.content {
            Content::Rows(_) => self.touched.push(slot),
            Content::Accumulators(_) if is_new => self.fresh.push(slot, group),
            Content::Accumulators(_) => self.known.push(slot, group),
        }
    }

    /// Joins the piece, of which `groups` have been pushed; rows wait for those of the next pieces. Groups that cannot be merged are lost.
    pub fn end_piece(
        &mut self,
        accumulators: &mut Accumulators,
        calls: &mut Calls,
        (partial, groups): (&Partial, Range<u32>),
        lost: &mut Lost,
    ) -> Result<(), CallError> {
        match &partial.content {
            Content::Rows(rows) => self.waiting.push(rows.slice(groups)),
            Content::Accumulators(columns) => {
                self.fresh.put(accumulators, columns);
                self.known.merge(accumulators, calls, columns, lost)?;
                self.fresh.clear();
                self.known.clear();
            }
        }
        Ok(())
    }

    /// Joins the rows that wait.
    pub fn finish(
        &mut self,
        accumulators: &mut Accumulators,
        calls: &mut Calls,
        context: &BatchContext,
    ) -> Result<(), CallError> {
        let rows = self.touched.rows();
        if rows > 0 {
            let columns = ReadColumns::concat(&self.waiting);
            self.fold(accumulators, calls, context, &columns)?;
        }
        self.waiting.clear();
        Ok(())
    }

    /// Folds rows into these slots, row for row, at once. None waits.
    pub fn fold_into(
        &mut self,
        slots: impl Iterator<Item = u32>,
        rows: &ReadColumns,
        accumulators: &mut Accumulators,
        calls: &mut Calls,
        context: &BatchContext,
    ) -> Result<(), CallError> {
        slots.for_each(|slot| self.touched.push(slot));
        self.fold(accumulators, calls, context, rows)
    }

    fn fold(
        &mut self,
        accumulators: &mut Accumulators,
        calls: &mut Calls,
        context: &BatchContext,
        columns: &ReadColumns,
    ) -> Result<(), CallError> {
        let rows = self.touched.rows() as u64;
        let context = BatchContext { first_row: context.first_row + self.rows, ..*context };
        self.touched.fold(accumulators, calls, &context, columns)?;
        self.rows += rows;
        Ok(())
    }
}

/// Slots of accumulators, and the groups of a partial that go there.
#[derive(Debug, Default)]
pub struct Moved {
    slots: Vec<u32>,
    groups: Vec<u32>,
}

impl Moved {
    pub fn push(&mut self, slot: u32, group: u32) {
        self.slots.push(slot);
        self.groups.push(group);
    }

    /// Writes the groups to slots that are new.
    pub fn put(&self, accumulators: &mut Accumulators, columns: &[Columns]) {
        if !self.slots.is_empty() {
            accumulators.scatter(&self.slots, &take(columns, &self.groups));
        }
    }

    /// Merges the groups into slots that have accumulators. No slot is here twice.
    fn merge(
        &self,
        accumulators: &mut Accumulators,
        calls: &mut Calls,
        columns: &[Columns],
        lost: &mut Lost,
    ) -> Result<(), CallError> {
        if self.slots.is_empty() {
            return Ok(());
        }
        let (left, right) = (accumulators.gather(&self.slots), take(columns, &self.groups));
        accumulators.merge_columns(calls, (&left, &right), &self.slots, lost)
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.groups.clear();
    }
}

/// The slots that rows go to, numbered from 0 on as a call sees them.
#[derive(Debug, Default)]
struct Touched {
    slots: Vec<u32>,
    /// The number of each row's slot.
    of_rows: Vec<u32>,
    /// By slot, its number plus one; 0: it has none.
    numbers: Vec<u32>,
}

impl Touched {
    fn push(&mut self, slot: u32) {
        let at = slot as usize;
        if at >= self.numbers.len() {
            self.numbers.resize(at + 1, 0);
        }
        let Some(number) = self.numbers.get_mut(at) else { return };
        if *number == 0 {
            self.slots.push(slot);
            *number = self.slots.len() as u32;
        }
        self.of_rows.push(*number - 1);
    }

    fn rows(&self) -> usize {
        self.of_rows.len()
    }

    /// Folds the rows, one for each push, and forgets the slots.
    fn fold(
        &mut self,
        accumulators: &mut Accumulators,
        calls: &mut Calls,
        context: &BatchContext,
        rows: &ReadColumns,
    ) -> Result<(), CallError> {
        let before = accumulators.gather(&self.slots);
        let folded = calls.accumulate_into(context, rows, &self.of_rows, self.slots.len(), &before)?;
        accumulators.scatter(&self.slots, &folded);
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        for slot in self.slots.drain(..) {
            if let Some(number) = self.numbers.get_mut(slot as usize) {
                *number = 0;
            }
        }
        self.of_rows.clear();
    }
}
