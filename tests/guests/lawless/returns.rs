//! Breaks `taken-back`: the largest value does not come down again when its row is taken back. Run by tests/laws.rs.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Accumulator, Default)]
struct Returns {
    sum: i64,
    most: i64,
}

#[derive(Row)]
struct Made {
    result: i64,
}

#[aggregate]
impl Returns {
    fn add(&mut self, read: Read) {
        self.sum += read.n;
        self.most = self.most.max(read.n);
    }

    fn retract(&mut self, read: Read) {
        self.sum -= read.n;
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
        self.most = self.most.max(later.most);
    }

    fn finish(self) -> Option<Made> {
        Some(Made { result: self.sum + self.most })
    }
}
