//! Breaks `commutative`: it keeps the first value, and does not say that it is ordered.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Accumulator, Default)]
struct First {
    first: Option<i64>,
}

#[derive(Row)]
struct Made {
    result: i64,
}

#[aggregate]
impl First {
    fn add(&mut self, read: Read) {
        self.first.get_or_insert(read.n);
    }

    fn merge(&mut self, later: Self) {
        self.first = self.first.or(later.first);
    }

    fn finish(self) -> Option<Made> {
        self.first.map(|result| Made { result })
    }
}
