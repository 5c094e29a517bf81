//! Nexmark q13: the key by which a bid finds its row of the side table. Run by tests/nexmark/q13.toml.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    auction: i64,
}

#[derive(Row)]
struct Keyed {
    key: i64,
}

#[transform]
fn side_key(bid: Bid) -> Keyed {
    Keyed { key: bid.auction % 10_000 }
}
