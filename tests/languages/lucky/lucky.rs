//! What the context tells of a row.
use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    id: i64,
}

#[derive(Row)]
struct Made {
    row: u64,
    first: f64,
    second: f64,
}

#[transform]
fn lucky(read: Read, ctx: &Context) -> Option<Made> {
    let made = Made { row: ctx.row(), first: ctx.random(), second: ctx.random() };
    (read.id != 3).then_some(made)
}
