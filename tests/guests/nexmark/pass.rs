//! Nexmark q0: every bid, as it came. Run by tests/nexmark/q0.toml.
//!
//! All columns are read and made again, so that each of their types crosses the boundary both ways.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid<'a> {
    auction: i64,
    bidder: i64,
    price: i64,
    channel: &'a str,
    url: &'a str,
    #[row(unit = "ms")]
    date_time: Timestamp,
    extra: &'a str,
}

#[transform]
fn pass(bid: Bid<'_>) -> Bid<'_> {
    bid
}
