//! As `touchy_parts`, by a module that says that the order of rows matters: sessions keep their parts apart. Run by tests/poison.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    x: i64,
}

#[derive(Accumulator, Default)]
struct Parts {
    rows: i64,
    sum: i64,
    /// How many -7 there are.
    sevens: i64,
}

#[derive(Row)]
struct Made {
    rows: i64,
    sum: i64,
}

#[aggregate(ordered)]
impl Parts {
    fn add(&mut self, read: Read) {
        assert!(read.x != -9 || self.rows == 0, "nobody thought of -9 behind {} rows", self.rows);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(read.x);
        self.sevens += i64::from(read.x == -7);
    }

    fn retract(&mut self, read: Read) {
        assert!(read.x != -8, "nobody thought of taking back -8");
        self.rows -= 1;
        self.sum = self.sum.wrapping_sub(read.x);
        self.sevens -= i64::from(read.x == -7);
    }

    fn merge(&mut self, later: Self) {
        assert!(self.sevens + later.sevens == 0, "nobody thought of merging -7");
        self.rows += later.rows;
        self.sum = self.sum.wrapping_add(later.sum);
    }

    fn finish(self) -> Made {
        Made { rows: self.rows, sum: self.sum }
    }
}
