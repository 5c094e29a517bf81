//! Breaks `twice`: the answer depends on how often it was called. Run by tests/laws.rs.

use std::cell::Cell;

use pelton_guest::prelude::*;

thread_local! {
    static CALLS: Cell<i64> = const { Cell::new(0) };
}

#[derive(Row)]
struct Made {
    call: i64,
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[transform(columns)]
fn counts(read: ReadColumns<'_>) -> Emit<MadeValues> {
    CALLS.set(CALLS.get() + 1);
    Emit::every_row(MadeValues { call: read.n.iter().map(|_| CALLS.get()).collect() })
}
