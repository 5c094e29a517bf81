//! Windows by event time: q7 (tumbling) and q5 (sliding, in panes of one slide).
//!
//! A window is closed when the watermark, the latest time less the bids' disorder, has passed its end. Most rows are of the pane of
//! the row before, so that its table is kept at hand.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::{
    bid::Bid,
    blackhole::{Blackhole, of_float, of_integer},
    query::Query,
};

const BOUND_MS: i64 = 2_000;
const TUMBLE_MS: i64 = 10_000;
const SLIDE_MS: i64 = 2_000;
const LENGTH_MS: i64 = 10_000;

/// Groups by the start of their pane, and how far event time has come.
#[derive(Debug)]
struct Panes<T> {
    length: i64,
    /// The pane of the last row; it is not in `others`.
    start: i64,
    groups: FxHashMap<i64, T>,
    others: BTreeMap<i64, FxHashMap<i64, T>>,
    latest: i64,
    /// The watermark at which there is something to close.
    due: i64,
}

impl<T: Default> Panes<T> {
    fn new(length: i64) -> Self {
        let others = BTreeMap::new();
        Self { length, start: i64::MIN, groups: FxHashMap::default(), others, latest: i64::MIN, due: i64::MIN }
    }

    /// The group of a key at a time.
    #[inline(always)]
    fn group(&mut self, ts: i64, key: i64) -> &mut T {
        let start = ts - ts.rem_euclid(self.length);
        if start != self.start {
            self.change_to(start);
        }
        self.latest = self.latest.max(ts);
        self.groups.entry(key).or_default()
    }

    #[cold]
    fn change_to(&mut self, start: i64) {
        let groups = self.others.remove(&start).unwrap_or_default();
        let before = std::mem::replace(&mut self.groups, groups);
        if !before.is_empty() {
            self.others.insert(self.start, before);
        }
        self.start = start;
    }

    /// The watermark, when it has passed a pane's end for the first time.
    #[inline(always)]
    fn passed(&mut self) -> Option<i64> {
        let watermark = self.latest - BOUND_MS;
        if watermark < self.due {
            return None;
        }
        self.due = watermark - watermark.rem_euclid(self.length) + self.length;
        Some(watermark)
    }
}

/// q7: the highest price and the number of bids of each bidder in each 10 seconds.
#[derive(Debug)]
pub struct Tumbling {
    panes: Panes<Highest>,
    out: Blackhole<4>,
}

#[derive(Debug)]
struct Highest {
    price: f64,
    count: i64,
}

impl Default for Highest {
    fn default() -> Self {
        Self { price: f64::NEG_INFINITY, count: 0 }
    }
}

impl Default for Tumbling {
    fn default() -> Self {
        Self { panes: Panes::new(TUMBLE_MS), out: Blackhole::new(["bidder", "window_start", "price", "count"]) }
    }
}

impl Tumbling {
    #[cold]
    fn close(&mut self, watermark: i64) {
        self.panes.change_to(i64::MIN);
        let open = self.panes.others.split_off(&watermark.saturating_sub(TUMBLE_MS).saturating_add(1));
        for (start, groups) in std::mem::replace(&mut self.panes.others, open) {
            for (bidder, highest) in groups {
                self.out.take([
                    of_integer(bidder),
                    of_integer(start * 1000),
                    of_float(highest.price),
                    of_integer(highest.count),
                ]);
            }
        }
    }
}

impl Query for Tumbling {
    #[inline(always)]
    fn row(&mut self, bid: &Bid) {
        let highest = self.panes.group(bid.ts, bid.bidder);
        highest.price = highest.price.max(bid.price);
        highest.count += 1;
        if let Some(watermark) = self.panes.passed() {
            self.close(watermark);
        }
    }

    fn end(&mut self) {
        self.close(i64::MAX);
    }

    fn answer(&self) -> Value {
        self.out.answer()
    }
}

/// q5: the bids on each auction in the last 10 seconds, every 2 seconds.
#[derive(Debug)]
pub struct Sliding {
    panes: Panes<i64>,
    /// The end of the next window.
    end: Option<i64>,
    out: Blackhole<3>,
}

impl Default for Sliding {
    fn default() -> Self {
        Self { panes: Panes::new(SLIDE_MS), end: None, out: Blackhole::new(["auction", "window_start", "count"]) }
    }
}

impl Sliding {
    #[cold]
    fn close(&mut self, watermark: i64) {
        self.panes.change_to(i64::MIN);
        while let Some((first, _)) = self.panes.others.first_key_value() {
            // The first windows begin before the first pane.
            let end = self.end.unwrap_or(first + SLIDE_MS);
            if end > watermark {
                break;
            }
            self.emit(end - LENGTH_MS, end);
            self.end = Some(end + SLIDE_MS);
            self.panes.others = self.panes.others.split_off(&(end + SLIDE_MS - LENGTH_MS));
        }
    }

    fn emit(&mut self, start: i64, end: i64) {
        let mut counts: FxHashMap<i64, i64> = FxHashMap::default();
        for (auction, count) in self.panes.others.range(start..end).flat_map(|(_, groups)| groups) {
            *counts.entry(*auction).or_default() += count;
        }
        for (auction, count) in counts {
            self.out.take([of_integer(auction), of_integer(start * 1000), of_integer(count)]);
        }
    }
}

impl Query for Sliding {
    #[inline(always)]
    fn row(&mut self, bid: &Bid) {
        *self.panes.group(bid.ts, bid.auction) += 1;
        if let Some(watermark) = self.panes.passed() {
            self.close(watermark);
        }
    }

    fn end(&mut self) {
        self.close(i64::MAX);
    }

    fn answer(&self) -> Value {
        self.out.answer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times within their disorder, over seven panes of which one is empty.
    const TIMES: [i64; 6] = [10_500, 9_000, 12_100, 13_999, 12_000, 21_000];

    fn run<Q: Query>(mut query: Q) -> Q {
        for (at, ts) in TIMES.into_iter().enumerate() {
            query.row(&Bid { auction: 7, bidder: 7, price: at as f64, ts });
        }
        query.end();
        query
    }

    #[test]
    fn every_sliding_window_with_a_bid_is_emitted_once() {
        let mut expected = Blackhole::new(["auction", "window_start", "count"]);
        for start in (0..=20_000).step_by(2_000) {
            let count = TIMES.iter().filter(|ts| (start..start + 10_000).contains(*ts)).count() as i64;
            if count > 0 {
                expected.take([of_integer(7), of_integer(start * 1000), of_integer(count)]);
            }
        }
        assert_eq!(run(Sliding::default()).out, expected);
    }

    #[test]
    fn every_tumbling_window_with_a_bid_is_emitted_once() {
        let mut expected = Blackhole::new(["bidder", "window_start", "price", "count"]);
        for (start, price, count) in [(0, 1.0, 1), (10_000, 4.0, 4), (20_000, 5.0, 1)] {
            expected.take([of_integer(7), of_integer(start * 1000), of_float(price), of_integer(count)]);
        }
        assert_eq!(run(Tumbling::default()).out, expected);
    }
}
