use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[transform]
fn any<T: Into<f64>>(bid: Bid) -> bool {
    bid.price > 0.0
}

fn main() {}
