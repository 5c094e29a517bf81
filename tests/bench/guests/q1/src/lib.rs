//! Nexmark q1: every bid, its price in another currency. Run by tests/bench/jobs/q1.toml.
//!
//! Written as a module author would write it, at row level: what the benchmark shows is what an author gets.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    rate: f64,
}

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Priced {
    euro: f64,
}

/// The price of each bid in euro. All other columns pass through untouched.
#[transform]
fn to_euro(bid: Bid, options: &Options) -> Priced {
    Priced { euro: bid.price * options.rate }
}
