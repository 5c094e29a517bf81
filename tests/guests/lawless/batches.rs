//! Breaks `parts`: rows weigh by their place in the part that they were folded in.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Accumulator, Default)]
struct Batches {
    sum: i64,
    rows: i64,
}

#[derive(Row)]
struct Made {
    result: i64,
}

#[aggregate]
impl Batches {
    fn add(&mut self, read: Read) {
        self.rows += 1;
        self.sum += read.n * self.rows;
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
        self.rows += later.rows;
    }

    fn finish(self) -> Option<Made> {
        Some(Made { result: self.sum })
    }
}
