//! Breaks `associative`: a later part that was merged itself counts as one row, however many it has. Run by tests/laws.rs.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Accumulator, Default)]
struct Brackets {
    sum: i64,
    rows: i64,
    merges: i64,
}

#[derive(Row)]
struct Made {
    result: i64,
}

#[aggregate]
impl Brackets {
    fn add(&mut self, read: Read) {
        self.sum += read.n;
        self.rows += 1;
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
        self.rows += if later.merges > 0 { 1 } else { later.rows };
        self.merges += 1;
    }

    fn finish(self) -> Option<Made> {
        Some(Made { result: self.sum + self.rows })
    }
}
