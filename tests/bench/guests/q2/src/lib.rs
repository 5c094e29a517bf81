//! Nexmark q2: the bids on every 123rd auction. Run by tests/bench/jobs/q2.toml.
//!
//! Written as a module author would write it, at row level: what the benchmark shows is what an author gets.

use pelton_guest::prelude::*;

/// A constant of the query, as in the programs that it is compared with.
const DIVISOR: i64 = 123;

#[derive(Row)]
struct Bid {
    auction: i64,
}

/// Keeps a bid or drops it; reads nothing but its auction.
#[transform]
fn selected(bid: Bid) -> bool {
    bid.auction % DIVISOR == 0
}
