//! Nexmark q2: the bids on every 123rd auction. Run by tests/nexmark/q2.toml.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    auction: i64,
}

#[transform]
fn every_123rd(bid: Bid) -> bool {
    bid.auction % 123 == 0
}
