//! The loops of row-level transforms: a function of one row, over a batch.
//!
//! [`run`] picks the loop by the type that the function returns, at compile time. The fast one, [`one_each`], is for
//! at most one row out for each row in: it first lets the function fill a block by index, which the
//! compiler can turn into SIMD, then gathers the rows that were kept. The other, [`any`], appends.

use crate::{
    batch::{Answer, Batch},
    block::BLOCK,
    context::Context,
    input::{InputColumns, InputRow},
    outcome::{Outcome, Rejected},
    output::OutputRow,
    ports::{Finished, Ports},
    positions,
    transform::Description,
};

/// Calls `function` for every row.
#[inline(always)]
pub fn run<'a, R: InputRow<'a>, O: Outcome>(
    batch: &'a Batch,
    context: &Context,
    function: impl FnMut(R) -> O,
) -> Result<Answer, String> {
    let columns = R::Columns::view(&batch.columns, batch.rows)?;
    if O::SINGLE { one_each(columns, batch, context, function) } else { any(columns, batch, context, function) }
}

/// What a function reads and makes. It is not called.
pub fn describe<'a, R: InputRow<'a>, O: Outcome>(_function: impl FnMut(R) -> O) -> Description {
    Description { reads: R::Columns::reads(), ports: O::Ports::specs() }
}

/// At most one row out for each row in.
#[inline(always)]
fn one_each<'a, R: InputRow<'a>, O: Outcome>(
    columns: R::Columns,
    batch: &Batch,
    context: &Context,
    mut function: impl FnMut(R) -> O,
) -> Result<Answer, String> {
    let mut blocks = O::Row::blocks(batch.rows);
    let mut origin = Origin::default();
    let mut rejected = Rejected::default();
    let mut keep = [0_u8; BLOCK];
    let mut positions = [0_u16; BLOCK + 4];
    for start in (0..batch.rows).step_by(BLOCK) {
        let rows = BLOCK.min(batch.rows - start);
        let part = columns.part(start, rows);
        for (at, keep) in keep.iter_mut().enumerate().take(rows) {
            context.enter(start + at);
            let made = function(R::row(part, at)).single((start + at) as u32, &mut rejected);
            *keep = u8::from(made.is_some());
            made.unwrap_or_else(O::Row::blank).put(&mut blocks, at);
        }
        let keep = keep.get(..rows).unwrap_or_default();
        if keep.iter().fold(1, |all, keep| all & keep) == 1 {
            O::Row::flush(&mut blocks, rows);
            origin.extend_all(start, rows);
        } else {
            let kept = positions::of(keep, &mut positions);
            O::Row::keep(&mut blocks, kept);
            O::Row::flush(&mut blocks, kept.len());
            origin.extend(start, kept, batch.rows);
        }
    }
    let (rows, origin) = origin.finish();
    Ok(Answer { ports: vec![Finished { rows, origin, nodes: O::Row::finish(blocks)? }], rejected: rejected.0 })
}

/// The rows that were kept, while the loop runs: no list for as long as it is all of them.
#[derive(Default)]
struct Origin {
    kept: usize,
    rows: Option<Vec<u8>>,
}

impl Origin {
    /// All `rows` rows from `start` were kept.
    fn extend_all(&mut self, start: usize, rows: usize) {
        if let Some(list) = &mut self.rows {
            let block: [u32; BLOCK] = std::array::from_fn(|at| (start + at) as u32);
            list.extend_from_slice(bytemuck::cast_slice(block.get(..rows).unwrap_or_default()));
        }
        self.kept += rows;
    }

    /// Of the block at `start`, the rows at `kept` were; the batch has `of` rows.
    fn extend(&mut self, start: usize, kept: &[u16], of: usize) {
        let list = self.rows.get_or_insert_with(|| {
            let mut list = Vec::with_capacity(of * size_of::<u32>());
            list.extend((0..start as u32).flat_map(u32::to_le_bytes));
            list
        });
        let mut block = [0_u32; BLOCK];
        for (row, at) in block.iter_mut().zip(kept) {
            *row = start as u32 + u32::from(*at);
        }
        list.extend_from_slice(bytemuck::cast_slice(block.get(..kept.len()).unwrap_or_default()));
        self.kept += kept.len();
    }

    /// Rows, and their origins; none if each is its own. A batch has at most u32::MAX rows.
    fn finish(self) -> (u32, Option<Vec<u8>>) {
        (self.kept as u32, self.rows)
    }
}

/// Any number of rows out, on any port.
#[inline(always)]
fn any<'a, R: InputRow<'a>, O: Outcome>(
    columns: R::Columns,
    batch: &Batch,
    context: &Context,
    mut function: impl FnMut(R) -> O,
) -> Result<Answer, String> {
    let mut sinks = O::Ports::sinks(batch.rows);
    let mut rejected = Rejected::default();
    for start in (0..batch.rows).step_by(BLOCK) {
        let rows = BLOCK.min(batch.rows - start);
        let part = columns.part(start, rows);
        for at in 0..rows {
            context.enter(start + at);
            function(R::row(part, at)).each(&mut sinks, (start + at) as u32, &mut rejected);
        }
    }
    Ok(Answer { ports: O::Ports::finish(sinks)?, rejected: rejected.0 })
}
