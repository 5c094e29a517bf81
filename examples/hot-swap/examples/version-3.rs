//! Version 3: somebody was sure that no bid is over 99.99.

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
    assert!(bid.price <= 99.99, "a bid of {}", bid.price);
    Some(Priced { euro: (bid.price * 0.9).max(1.0) })
}
