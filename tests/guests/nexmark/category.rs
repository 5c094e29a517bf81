//! Auctions of one category: of Nexmark's q3 and q20. Run by tests/nexmark/q3.toml and q20.toml.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    category: i64,
}

#[derive(Row)]
struct Auction {
    category: i64,
}

#[transform]
fn category(auction: Auction, options: &Options) -> bool {
    auction.category == options.category
}
