//! Breaks `identity-right`: a later part without rows empties the earlier one. Run by tests/laws.rs.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Accumulator, Default)]
struct Empties {
    sum: i64,
    rows: i64,
}

#[derive(Row)]
struct Made {
    result: i64,
}

#[aggregate]
impl Empties {
    fn add(&mut self, read: Read) {
        self.sum += read.n;
        self.rows += 1;
    }

    fn merge(&mut self, later: Self) {
        self.sum = if later.rows == 0 { 0 } else { self.sum + later.sum };
        self.rows += later.rows;
    }

    fn finish(self) -> Option<Made> {
        Some(Made { result: self.sum + self.rows })
    }
}
