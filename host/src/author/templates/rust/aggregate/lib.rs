//! How far apart prices are, those under `min` left out.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    #[default(0.0)]
    min: f64,
}

#[derive(Row)]
struct Bid {
    price: f64,
}

/// What the engine keeps for each group; the default is that of no rows.
#[derive(Accumulator, Default)]
struct {{pascal}} {
    least: Option<f64>,
    most: Option<f64>,
}

#[derive(Row)]
struct Range {
    range: f64,
}

#[aggregate]
impl {{pascal}} {
    fn add(&mut self, bid: Bid, options: &Options) {
        if bid.price >= options.min {
            self.merge(Self { least: Some(bid.price), most: Some(bid.price) });
        }
    }

    fn merge(&mut self, later: Self) {
        self.least = self.least.into_iter().chain(later.least).reduce(f64::min);
        self.most = self.most.into_iter().chain(later.most).reduce(f64::max);
    }

    fn finish(self) -> Option<Range> {
        Some(Range { range: self.most? - self.least? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_apart() {
        let out = {{pascal}}::key(["auction"])
            .options(Options { min: 1.0 })
            .test(rows! { auction: [1, 2, 1, 2], price: [3.0, 5.0, 10.5, 0.5] });
        assert_eq!(out.main(), &rows! { auction: [1, 2], range: [7.5, 0.0] });
    }
}
