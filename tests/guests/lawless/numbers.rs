//! Breaks `batch-split`: rows are numbered within their batch.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    place: i64,
}

#[transform(columns)]
fn numbers(read: ReadColumns<'_>) -> Emit<MadeValues> {
    Emit::every_row(MadeValues { place: (0..).take(read.n.len()).collect() })
}
