//! The loops of row-level transforms: a function of one row, over a batch.
//!
//! [`run`] picks the loop by the type that the function returns, at compile time. The fast one, [`one_each`], is for
//! at most one row out for each row in: it first lets the function fill a block by index, which the
//! compiler can turn into SIMD, then gathers the rows that were kept. The other, [`any`], appends.

use crate::{
    batch::{Answer, Batch},
    block::{BLOCK, Block, Numbers},
    context::Context,
    input::{InputColumns, InputRow},
    outcome::{Outcome, Rejected},
    output::OutputRow,
    ports::{Finished, PortSpec, Ports},
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

/// The ports of a function, which is not called.
pub fn ports<'a, R: InputRow<'a>, O: Outcome>(_function: impl FnMut(R) -> O) -> Vec<PortSpec> {
    O::Ports::specs()
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
    let mut origin = Numbers::<u32>::with_capacity(batch.rows);
    let mut rejected = Rejected::default();
    let mut keep = [0_u8; BLOCK];
    let mut positions = [0_u32; BLOCK];
    let mut total = 0;
    for start in (0..batch.rows).step_by(BLOCK) {
        let rows = BLOCK.min(batch.rows - start);
        let part = columns.part(start, rows);
        for (at, keep) in keep.iter_mut().enumerate().take(rows) {
            context.enter(start + at);
            let made = function(R::row(part, at)).single((start + at) as u32, &mut rejected);
            *keep = u8::from(made.is_some());
            made.unwrap_or_else(O::Row::blank).put(&mut blocks, at);
        }
        let kept = positions_of(keep.get(..rows).unwrap_or_default(), &mut positions);
        if kept.len() < rows {
            O::Row::keep(&mut blocks, kept);
        }
        O::Row::flush(&mut blocks, kept.len());
        for (slot, position) in kept.iter().enumerate() {
            origin.put(slot, start as u32 + position);
        }
        origin.flush(kept.len());
        total += kept.len();
    }
    let origin = (total < batch.rows).then(|| origin.into_bytes());
    let rows = u32::try_from(total).map_err(|_| "a batch has at most 4294967295 rows")?;
    Ok(Answer { ports: vec![Finished { rows, origin, nodes: O::Row::finish(blocks)? }], rejected: rejected.0 })
}

/// Where `keep` is 1.
#[inline(always)]
fn positions_of<'a>(keep: &[u8], positions: &'a mut [u32; BLOCK]) -> &'a [u32] {
    let mut count = 0;
    for (at, keep) in (0_u32..).zip(keep) {
        // At most `at` rows were kept before this one, so the slot is there: the mask tells the compiler so.
        if let Some(slot) = positions.get_mut(count % BLOCK) {
            *slot = at;
        }
        count += usize::from(*keep);
    }
    positions.get(..count).unwrap_or_default()
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
