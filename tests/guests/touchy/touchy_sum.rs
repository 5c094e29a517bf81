//! A sum that traps on -1. Run by tests/poison.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    x: i64,
}

#[derive(Accumulator, Default)]
struct Sum {
    rows: i64,
    sum: i64,
}

#[derive(Row)]
struct Made {
    rows: i64,
    sum: i64,
}

#[aggregate]
impl Sum {
    fn add(&mut self, read: Read) {
        assert!(read.x != -1, "nobody thought of -1");
        self.merge(Self { rows: 1, sum: read.x });
    }

    fn retract(&mut self, read: Read) {
        self.rows -= 1;
        self.sum = self.sum.wrapping_sub(read.x);
    }

    fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        self.sum = self.sum.wrapping_add(later.sum);
    }

    fn finish(self) -> Made {
        Made { rows: self.rows, sum: self.sum }
    }
}
