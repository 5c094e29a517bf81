//! Breaks `one-by-one` alone: a row is compared with the one before it, where both are in one half of a batch.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    is_again: bool,
}

#[transform(columns)]
fn pairs(read: ReadColumns<'_>) -> Emit<MadeValues> {
    let is_again = (0..read.n.len()).map(|at| at > 0 && read.n.get(at) == read.n.get(at - 1)).collect();
    Emit::every_row(MadeValues { is_again })
}
