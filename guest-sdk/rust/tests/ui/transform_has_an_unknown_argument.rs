use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[transform(parallel = true)]
fn keep(bid: Bid) -> bool {
    bid.price > 0.0
}

#[transform(pass = some)]
fn keep_all(bid: Bid) -> bool {
    bid.price > 0.0
}

fn main() {}
