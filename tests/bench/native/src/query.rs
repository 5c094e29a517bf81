//! The queries, each a plain function over one row. A parser calls [`Query::row`] in its inner loop, so that
//! the compiler fuses both, as a person writing the program for one query by hand would.
//!
//! Here are the trait and the queries that treat each row for itself; those with state are in `running` and `windows`.

use serde_json::Value;

use crate::{
    bid::Bid,
    blackhole::{Blackhole, of_float, of_integer},
};

/// Work on rows, one after the other.
pub trait Query {
    fn row(&mut self, bid: &Bid);

    /// A chunk of so many bytes has been read.
    fn chunk(&mut self, _bytes: usize) {}

    /// All rows have been read.
    fn end(&mut self) {}

    /// What went into the blackhole.
    fn answer(&self) -> Value;

    /// The last update of each group, for queries whose results are updates.
    fn last_updates(&self) -> Value {
        self.answer()
    }
}

type Bids = Blackhole<4>;

const BID: [&str; 4] = ["auction", "bidder", "price", "ts"];

#[inline(always)]
fn take(out: &mut Bids, bid: &Bid, price: f64) {
    out.take([of_integer(bid.auction), of_integer(bid.bidder), of_float(price), of_integer(bid.ts)]);
}

/// q1: every bid, its price in another currency.
#[derive(Debug)]
pub struct Project {
    out: Bids,
}

impl Default for Project {
    fn default() -> Self {
        Self { out: Blackhole::new(BID) }
    }
}

impl Query for Project {
    #[inline(always)]
    fn row(&mut self, bid: &Bid) {
        take(&mut self.out, bid, bid.price * 0.908);
    }

    fn answer(&self) -> Value {
        self.out.answer()
    }
}

/// q2: the bids on every 123rd auction.
#[derive(Debug)]
pub struct Filter {
    out: Bids,
}

impl Default for Filter {
    fn default() -> Self {
        Self { out: Blackhole::new(BID) }
    }
}

impl Query for Filter {
    #[inline(always)]
    fn row(&mut self, bid: &Bid) {
        if bid.auction % 123 == 0 {
            take(&mut self.out, bid, bid.price);
        }
    }

    fn answer(&self) -> Value {
        self.out.answer()
    }
}
