//! Breaks `twice`: each row weighs by how many this memory has folded before. Run by tests/laws.rs.

use std::cell::Cell;

use pelton_guest::prelude::*;

thread_local! {
    static FOLDED: Cell<i64> = const { Cell::new(0) };
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Accumulator, Default)]
struct Counts {
    sum: i64,
}

#[derive(Row)]
struct Made {
    result: i64,
}

#[aggregate]
impl Counts {
    fn add(&mut self, read: Read) {
        self.sum += read.n + FOLDED.replace(FOLDED.get() + 1);
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
    }

    fn finish(self) -> Option<Made> {
        Some(Made { result: self.sum })
    }
}
