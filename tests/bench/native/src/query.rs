//! The queries, each a plain function over one row. A parser calls [`Query::row`] in its inner loop, so that
//! the compiler fuses both, as a person writing the program for one query by hand would.

use crate::{bid::Bid, blackhole::Blackhole};

/// Work on rows, one after the other.
pub trait Query {
    fn row(&mut self, bid: &Bid);

    /// Where the output went.
    fn blackhole(&self) -> &Blackhole;
}

/// q1: every bid, its price in another currency.
#[derive(Debug, Default)]
pub struct Project {
    out: Blackhole,
}

impl Query for Project {
    #[inline(always)]
    fn row(&mut self, bid: &Bid) {
        self.out.take(&Bid { price: bid.price * 0.908, ..*bid });
    }

    fn blackhole(&self) -> &Blackhole {
        &self.out
    }
}

/// q2: the bids on every 123rd auction.
#[derive(Debug, Default)]
pub struct Filter {
    out: Blackhole,
}

impl Query for Filter {
    #[inline(always)]
    fn row(&mut self, bid: &Bid) {
        if bid.auction % 123 == 0 {
            self.out.take(bid);
        }
    }

    fn blackhole(&self) -> &Blackhole {
        &self.out
    }
}
