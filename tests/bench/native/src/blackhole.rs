//! Where a query's output ends: every column of every row is folded into a checksum, so that no column's work can be
//! optimised away. The twin of Pelton's `blackhole` sink: the same checksums, at the same cost.
//!
//! They are also the answer that `tests/bench/peers.py` compares before it times anything.

use serde_json::{Value, json};

use crate::bid::Bid;

const A: u64 = 0xa076_1d64_78bd_642f;
const L: u64 = 0x9e37_79b1;
const H: u64 = 0x85eb_ca77;

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

/// Adds the mixed bits of a value; `host/src/sink/checksum.rs` has the reasons.
#[inline(always)]
fn add(sum: &mut u64, value: u64) {
    let value = value ^ A;
    let mixed = ((value & 0xffff_ffff) * L).wrapping_add((value >> 32) * H);
    *sum = sum.wrapping_add(mixed ^ (mixed >> 32));
}
