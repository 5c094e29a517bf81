use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

struct Limit {
    limit: f64,
}

#[transform]
fn below(bid: Bid, options: &Limit) -> bool {
    bid.price < options.limit
}

fn main() {}
