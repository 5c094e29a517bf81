use pelton_guest::prelude::*;

struct Bid {
    price: f64,
}

#[transform]
fn keep(bid: Bid) -> bool {
    bid.price > 0.0
}

fn main() {}
