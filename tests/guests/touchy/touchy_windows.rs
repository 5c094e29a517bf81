//! A count that cannot be finished where a window has this many rows. Run by tests/poison.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    #[default(-1)]
    minds: i64,
}

#[derive(Row)]
struct Read {
    x: i64,
}

#[derive(Accumulator, Default)]
struct Count {
    rows: i64,
    sum: i64,
}

#[derive(Row)]
struct Made {
    rows: i64,
    sum: i64,
}

#[aggregate]
impl Count {
    fn add(&mut self, read: Read) {
        self.merge(Self { rows: 1, sum: read.x });
    }

    fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        self.sum += later.sum;
    }

    fn finish(self, options: &Options) -> Made {
        assert!(self.rows != options.minds, "nobody thought of {} rows", self.rows);
        Made { rows: self.rows, sum: self.sum }
    }
}
