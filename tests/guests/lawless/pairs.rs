//! Breaks `one-by-one`: a row is compared with the one before it in the batch.

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
