//! Nexmark q14: bids between two prices in euro, with the kind of hour and a count of letters. Run by tests/nexmark/q14.toml.

use pelton_guest::prelude::*;

const US_PER_HOUR: i64 = 3_600_000_000;

#[derive(Row)]
struct Bid<'a> {
    price: i64,
    date_time: Timestamp,
    extra: &'a str,
}

#[derive(Row)]
struct Calculated {
    /// In euro; takes the place of the price in dollars.
    price: Decimal<23, 3>,
    bid_time_type: &'static str,
    c_counts: i64,
}

#[transform]
fn calculation(bid: Bid<'_>) -> Option<Calculated> {
    let thousandths = i128::from(bid.price) * 908;
    let is_wanted = thousandths > 1_000_000_000 && thousandths < 50_000_000_000;
    is_wanted.then(|| Calculated {
        price: Decimal(thousandths),
        bid_time_type: time_type(bid.date_time),
        c_counts: bid.extra.bytes().filter(|byte| *byte == b'c').count() as i64,
    })
}

fn time_type(time: Timestamp) -> &'static str {
    match time.0.div_euclid(US_PER_HOUR).rem_euclid(24) {
        8..=18 => "dayTime",
        ..=6 | 20.. => "nightTime",
        _ => "otherTime",
    }
}
