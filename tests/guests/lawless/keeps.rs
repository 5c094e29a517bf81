//! Breaks no law: what all the others should be like. Run by tests/laws.rs.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Accumulator, Default)]
struct Keeps {
    sum: i64,
}

#[derive(Row)]
struct Made {
    result: i64,
}

#[aggregate]
impl Keeps {
    fn add(&mut self, read: Read) {
        self.sum += read.n;
    }

    fn retract(&mut self, read: Read) {
        self.sum -= read.n;
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
    }

    fn finish(self) -> Option<Made> {
        Some(Made { result: self.sum })
    }
}
