//! Where a query's output ends: every column of every row is folded into a checksum, so that no column's work can be
//! optimised away. The twin of Pelton's `blackhole` sink: the same checksums, at the same cost.
//!
//! They are also the answer that `tests/bench/peers.py` compares before it times anything.

use serde_json::{Value, json};

use crate::bid::Bid;

const A: u64 = 0xa076_1d64_78bd_642f;
const M: u64 = 0x8ebc_6af0_9c88_c6e3;

/// Checksums of what arrived, one for each column, and a sum that a person can check.
#[derive(Debug, Default, PartialEq)]
pub struct Blackhole {
    rows: u64,
    price_sum: f64,
    auction: u64,
    bidder: u64,
    price: u64,
    ts: u64,
}

impl Blackhole {
    #[inline(always)]
    pub fn take(&mut self, row: &Bid) {
        self.rows += 1;
        self.price_sum += row.price;
        add(&mut self.auction, row.auction as u64);
        add(&mut self.bidder, row.bidder as u64);
        add(&mut self.price, row.price.to_bits());
        add(&mut self.ts, row.ts as u64);
    }

    pub fn answer(&self) -> Value {
        json!({
            "rows": self.rows,
            "price": self.price_sum,
            "checksum_auction": self.auction,
            "checksum_bidder": self.bidder,
            "checksum_price": self.price,
            "checksum_ts": self.ts,
        })
    }
}

/// Adds the folded product of a value; `host/src/sink/checksum.rs` has the reasons.
#[inline(always)]
fn add(sum: &mut u64, value: u64) {
    let product = u128::from(value ^ A) * u128::from(M);
    *sum = sum.wrapping_add(product as u64 ^ (product >> 64) as u64);
}
