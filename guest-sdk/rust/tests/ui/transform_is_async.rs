use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[transform]
async fn wait(bid: Bid) -> bool {
    bid.price > 0.0
}

fn main() {}
