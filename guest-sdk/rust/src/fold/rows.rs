//! The rows of a call to `accumulate`, and the loops over them.
//!
//! A null is no value and is left out, as SQL's aggregates do: a row whose column is null where the row type has no
//! `Option` is not shown to `add`. Nothing is allocated for a row. As in [`crate::run`], columns are cut into blocks
//! so that the compiler sees their length.

use super::{Window, Windows};
use crate::{
    batch::Answer,
    bindings::Table,
    bits,
    block::BLOCK,
    buffer::Buffer,
    context::Context,
    contract::PlannedRead,
    input::{InputColumns, InputField, InputRow, Read},
    loaded::Loaded,
    outcome::{Outcome, Rejected},
    ports::{PortSpec, Ports},
};

/// The rows of one call.
#[derive(Debug)]
pub struct Arrived {
    columns: Vec<Loaded>,
    rows: usize,
    /// Which rows have all that the row type needs; empty if all have.
    shown: Vec<u8>,
}

impl Arrived {
    pub fn load(reads: &[PlannedRead], table: Table) -> Result<Self, String> {
        let rows = table.rows as usize;
        if table.nodes.len() != reads.len() {
            return Err(format!("{} columns came, but the contract reads {}", table.nodes.len(), reads.len()));
        }
        let mut shown = Vec::new();
        let mut columns = Vec::with_capacity(reads.len());
        for (read, node) in reads.iter().zip(table.nodes) {
            let column = Loaded::whole(&read.column, node, rows, read.conversion)?;
            if !read.takes_null {
                restrict(&mut shown, column.validity.bytes(), rows);
            }
            columns.push(column);
        }
        Ok(Self { columns, rows, shown })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// Leaves out of `shown` what is null in `validity`. Empty bitmaps are all ones.
fn restrict(shown: &mut Vec<u8>, validity: &[u8], rows: usize) {
    let validity = validity.get(..rows.div_ceil(8)).unwrap_or_default();
    if shown.is_empty() {
        shown.extend_from_slice(validity);
    } else {
        // An empty bitmap ends the zip at once.
        shown.iter_mut().zip(validity).for_each(|(shown, valid)| *shown &= valid);
    }
}

/// Slots, to be seen as `elements::<u32>(rows)`.
pub fn slots(bytes: Vec<u8>) -> Buffer {
    bytes.into()
}

/// What `add`, `merge` and `retract` may return.
#[diagnostic::on_unimplemented(
    message = "`add`, `merge` and `retract` cannot return `{Self}`",
    label = "what is this to become?",
    note = "return nothing, or a Result<(), E> whose error stops the job"
)]
pub trait Done {
    fn done(self) -> Result<(), String>;
}

impl Done for () {
    #[inline(always)]
    fn done(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: std::fmt::Display> Done for Result<(), E> {
    #[inline(always)]
    fn done(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

#[cold]
fn no_slot(slot: u32, accumulators: usize) -> String {
    format!("a row is for slot {slot}, but there are {accumulators} accumulators")
}

/// Calls `add` for every row with its accumulator.
#[inline(always)]
pub fn fold<'a, R: InputRow<'a>, A, D: Done>(
    arrived: &'a Arrived,
    slots: &[u32],
    accumulators: &mut [A],
    context: &Context,
    mut add: impl FnMut(&mut A, R) -> D,
) -> Result<(), String> {
    let columns = R::Columns::view(&arrived.columns, arrived.rows)?;
    let count = accumulators.len();
    for (block, slots) in slots.chunks(BLOCK).enumerate() {
        let start = block * BLOCK;
        let part = columns.part(start, slots.len());
        for (at, slot) in slots.iter().enumerate() {
            if !arrived.shown.is_empty() && !bits::get(&arrived.shown, start + at) {
                continue;
            }
            context.enter(start + at);
            let accumulator = accumulators.get_mut(*slot as usize).ok_or_else(|| no_slot(*slot, count))?;
            add(accumulator, R::row(part, at)).done()?;
        }
    }
    Ok(())
}

/// Calls `add` for every value of `column` that is not null, with its accumulator.
#[inline(always)]
pub fn column<'a, F: InputField<'a>, A, D: Done>(
    column: &'a Loaded,
    slots: &[u32],
    accumulators: &mut [A],
    mut add: impl FnMut(&mut A, F) -> D,
) -> Result<(), String> {
    let view = F::view(column)?;
    let validity = column.validity.bytes();
    let count = accumulators.len();
    for (block, slots) in slots.chunks(BLOCK).enumerate() {
        let start = block * BLOCK;
        let part = F::part(view, start, slots.len());
        for (at, slot) in slots.iter().enumerate() {
            if !validity.is_empty() && !bits::get(validity, start + at) {
                continue;
            }
            let accumulator = accumulators.get_mut(*slot as usize).ok_or_else(|| no_slot(*slot, count))?;
            add(accumulator, F::value(part, at)).done()?;
        }
    }
    Ok(())
}

/// Calls `made` with every accumulator and its window.
pub fn finish<A, O: Outcome>(
    accumulators: Vec<A>,
    windows: &Windows,
    mut made: impl FnMut(A, &Window) -> O,
) -> Result<Answer, String> {
    let mut sinks = O::Ports::sinks(accumulators.len());
    let mut rejected = Rejected::default();
    for (row, (accumulator, window)) in (0..).zip(accumulators.into_iter().zip(windows.iter())) {
        made(accumulator, &window).each(&mut sinks, row, &mut rejected);
    }
    Ok(Answer { ports: O::Ports::finish(sinks)?, rejected: rejected.0 })
}

/// What rows of a type are read from.
pub fn reads<'a, R: InputRow<'a>>() -> Vec<Read> {
    R::Columns::reads()
}

/// What an aggregate makes. The function is not called.
pub fn makes<A, O: Outcome>(_finish: impl FnMut(A) -> O) -> Vec<PortSpec> {
    O::Ports::specs()
}
