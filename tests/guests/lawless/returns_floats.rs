//! Breaks `taken-back`: a sum of floats has no exact inverse. Run by tests/laws.rs.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: f64,
}

#[derive(Accumulator, Default)]
struct ReturnsFloats {
    sum: f64,
}

#[derive(Row)]
struct Made {
    result: f64,
}

#[aggregate]
impl ReturnsFloats {
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
