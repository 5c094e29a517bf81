//! Breaks `parts`: a merge keeps the larger part and not both.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Accumulator, Default)]
struct Loses {
    sum: i64,
}

#[derive(Row)]
struct Made {
    result: i64,
}

#[aggregate]
impl Loses {
    fn add(&mut self, read: Read) {
        self.sum += read.n;
    }

    fn merge(&mut self, later: Self) {
        self.sum = self.sum.max(later.sum);
    }

    fn finish(self) -> Option<Made> {
        Some(Made { result: self.sum })
    }
}
