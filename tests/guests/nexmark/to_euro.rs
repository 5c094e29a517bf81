//! Nexmark q1: every bid, its price in another currency. Run by tests/nexmark/q1.toml.
//!
//! Prices are whole numbers, and a thousandth of a euro is exact.

use pelton_guest::prelude::*;

/// Thousandths of a euro for a dollar.
const RATE: i128 = 908;

#[derive(Row)]
struct Bid {
    price: i64,
}

#[derive(Row)]
struct Priced {
    price: Decimal<23, 3>,
}

/// The price takes the place of the one that was.
#[transform]
fn to_euro(bid: Bid) -> Priced {
    Priced { price: Decimal(i128::from(bid.price) * RATE) }
}
