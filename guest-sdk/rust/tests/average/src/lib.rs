//! The mean price, as a module: what `tests/component.rs` builds to look at its exports.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Mean {
    mean: Option<f64>,
}

#[derive(Accumulator, Default)]
struct Average {
    sum: f64,
    count: i64,
}

#[aggregate]
impl Average {
    fn add(&mut self, bid: Bid) {
        self.sum += bid.price;
        self.count += 1;
    }

    fn retract(&mut self, bid: Bid) {
        self.sum -= bid.price;
        self.count -= 1;
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
        self.count += later.count;
    }

    fn finish(self) -> Mean {
        Mean { mean: (self.count > 0).then(|| self.sum / self.count as f64) }
    }
}
