//! Version 2: no price is below one euro.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Priced {
    euro: f64,
}

#[transform]
fn price(bid: Bid) -> Option<Priced> {
    Some(Priced { euro: (bid.price * 0.9).max(1.0) })
}
