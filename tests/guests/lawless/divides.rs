//! Breaks `answers`: traps for a value that somebody did not think of.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    share: i64,
}

#[transform]
fn divides(read: Read) -> Made {
    Made { share: 1_000 / read.n }
}
