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
    fn add(&mut self, price: f64) {
        self.sum += price;
    }

    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
    }

    fn finish(self) -> Total {
        Total { total: self.sum }
    }
}

fn main() {}
