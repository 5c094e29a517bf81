//! Nexmark q5: of all auctions of a window, those with the most bids. Run by tests/nexmark/q5.toml.
//!
//! `std:top-n` would give one of several auctions with as many bids; here all of them are kept, packed into one column.

use std::cmp::Ordering;

use pelton_guest::prelude::*;

#[derive(Row)]
struct Counted {
    auction: i64,
    num: i64,
}

#[derive(Accumulator, Default)]
struct Most {
    num: i64,
    /// The auctions that have so many bids, 8 bytes each.
    auctions: Vec<u8>,
}

#[derive(Row)]
struct Hot {
    auction: i64,
    num: i64,
}

#[aggregate]
impl Most {
    fn add(&mut self, counted: Counted) {
        self.merge(Self { num: counted.num, auctions: counted.auction.to_le_bytes().to_vec() });
    }

    fn merge(&mut self, later: Self) {
        match later.num.cmp(&self.num) {
            Ordering::Less => {}
            Ordering::Equal => self.auctions.extend(later.auctions),
            Ordering::Greater => *self = later,
        }
    }

    /// In the order of their numbers, so that it does not matter which came first.
    fn finish(self) -> Vec<Hot> {
        let (auctions, _) = self.auctions.as_chunks();
        let mut auctions: Vec<i64> = auctions.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
        auctions.sort_unstable();
        auctions.into_iter().map(|auction| Hot { auction, num: self.num }).collect()
    }
}
