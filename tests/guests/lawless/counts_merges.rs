//! Breaks `identity-left`: each merge counts, also one with nothing.

use pelton_guest::prelude::*;

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
        self.sum += read.n;
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum + 1;
    }

    fn finish(self) -> Option<Made> {
        Some(Made { result: self.sum })
    }
}
