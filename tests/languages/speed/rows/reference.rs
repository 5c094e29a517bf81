//! The reference operator by rows: prices over 100, in euro.
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
fn reference(bid: Bid) -> Option<Priced> {
    (bid.price > 100.0).then_some(Priced { euro: bid.price * 0.908 })
}
