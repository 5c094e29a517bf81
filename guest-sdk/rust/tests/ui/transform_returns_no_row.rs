use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[transform]
fn to_euro(bid: Bid) -> f64 {
    bid.price * 0.9
}

fn main() {}
