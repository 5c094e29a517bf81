//! Running count and sum of prices by bidder: after every epoch's worth of input, the groups that have changed.
//!
//! Fewer updates than one for each row, as many as Pelton makes: the cheaper form of the query for this program.

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use crate::{
    bid::Bid,
    blackhole::{Blackhole, of_float, of_integer},
    query::Query,
};

/// Input of an epoch of Pelton, when it is not limited by time.
pub const EPOCH_BYTES: usize = 64 << 20;

#[derive(Debug)]
pub struct Running {
    groups: FxHashMap<i64, Group>,
    changed: Vec<i64>,
    read_bytes: usize,
    out: Blackhole<3>,
}

#[derive(Debug, Default)]
struct Group {
    count: i64,
    price: f64,
    is_changed: bool,
}

impl Default for Running {
    fn default() -> Self {
        let out = Blackhole::new(["bidder", "price", "count"]);
        Self { groups: FxHashMap::default(), changed: Vec::new(), read_bytes: 0, out }
    }
}

impl Query for Running {
    #[inline(always)]
    fn row(&mut self, bid: &Bid) {
        let group = self.groups.entry(bid.bidder).or_default();
        group.count += 1;
        group.price += bid.price;
        if !group.is_changed {
            group.is_changed = true;
            self.changed.push(bid.bidder);
        }
    }

    fn chunk(&mut self, bytes: usize) {
        self.read_bytes += bytes;
        if self.read_bytes >= EPOCH_BYTES {
            self.end();
        }
    }

    fn end(&mut self) {
        self.read_bytes = 0;
        for bidder in self.changed.drain(..) {
            if let Some(group) = self.groups.get_mut(&bidder) {
                group.is_changed = false;
                self.out.take([of_integer(bidder), of_float(group.price), of_integer(group.count)]);
            }
        }
    }

    fn answer(&self) -> Value {
        self.out.answer()
    }

    fn last_updates(&self) -> Value {
        let (mut bidders, mut counts, mut cents, mut weighted) = (0_i64, 0_i64, 0_i64, 0_i64);
        for (bidder, group) in &self.groups {
            let in_cents = (group.price * 100.0).round() as i64;
            bidders += bidder;
            counts += group.count;
            cents += in_cents;
            weighted = weighted.wrapping_add((group.count + in_cents).wrapping_mul(bidder + 1));
        }
        json!({ "rows": self.groups.len(), "bidder": bidders, "count": counts, "cents": cents, "weighted": weighted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_emitted_once_in_each_epoch_that_changed_it() {
        let mut query = Running::default();
        let bid = |bidder, price| Bid { bidder, price, ..Bid::default() };
        [bid(1, 0.5), bid(2, 1.0), bid(1, 0.25)].iter().for_each(|bid| query.row(bid));
        query.chunk(EPOCH_BYTES);
        query.row(&bid(2, 2.0));
        query.end();
        query.end();
        let mut expected = Blackhole::new(["bidder", "price", "count"]);
        for (bidder, price, count) in [(1, 0.75, 2), (2, 1.0, 1), (2, 3.0, 2)] {
            expected.take([of_integer(bidder), of_float(price), of_integer(count)]);
        }
        assert_eq!(query.out, expected);
        assert_eq!(
            query.last_updates(),
            json!({ "rows": 2, "bidder": 3, "count": 4, "cents": 375, "weighted": 77 * 2 + 302 * 3 })
        );
    }
}
