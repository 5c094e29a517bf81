//! The loops over the rows of a call: one that asks, and that of transforms, which answers.

use super::{
    reply::Replies,
    request::{Question, Request},
};
use crate::{
    batch::{Answer, Batch},
    block::BLOCK,
    context::Context,
    input::{InputColumns, InputRow},
    outcome::Outcome,
    run::run as run_rows,
};

/// What each row asks for.
pub fn ask<'a, R: InputRow<'a>, Q: Question>(
    batch: &'a Batch,
    context: &Context,
    mut function: impl FnMut(R) -> Q,
) -> Result<Vec<Option<Request>>, String> {
    let columns = R::Columns::view(&batch.columns, batch.rows)?;
    let mut asked = Vec::with_capacity(batch.rows);
    for start in (0..batch.rows).step_by(BLOCK) {
        let rows = BLOCK.min(batch.rows - start);
        let part = columns.part(start, rows);
        for at in 0..rows {
            context.enter(start + at);
            asked.push(function(R::row(part, at)).into_request());
        }
    }
    Ok(asked)
}

/// Calls `function` for every row, with the reply that it waits for.
pub fn run<'a, R: InputRow<'a>, Q: Question, O: Outcome>(
    batch: &'a Batch,
    context: &Context,
    replies: &'a Replies,
    mut function: impl FnMut(R, Q::Reply<'a>) -> O,
) -> Result<Answer, String> {
    run_rows(batch, context, |row| {
        let reply = Q::reply(replies.of_row(context));
        reply.map(|reply| function(row, reply))
    })
}
