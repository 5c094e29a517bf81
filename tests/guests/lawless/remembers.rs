//! Breaks `after-others`: a large value is remembered, and changes the rows of other batches.

use std::cell::Cell;

use pelton_guest::prelude::*;

thread_local! {
    static LARGEST: Cell<i64> = const { Cell::new(0) };
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    of_largest: i64,
}

#[transform]
fn remembers(read: Read) -> Made {
    LARGEST.set(LARGEST.get().max(read.n));
    Made { of_largest: LARGEST.get() }
}
