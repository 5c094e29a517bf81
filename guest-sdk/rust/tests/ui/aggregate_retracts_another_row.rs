use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Total {
    total: f64,
}

#[derive(Accumulator, Default)]
struct Sum {
    sum: f64,
}

#[aggregate]
impl Sum {
    fn add(&mut self, bid: Bid) {
        self.sum += bid.price;
    }

    fn retract(&mut self, total: Total) {
        self.sum -= total.total;
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
    }

    fn finish(self) -> Total {
        Total { total: self.sum }
    }
}

fn main() {}
