//! Prices bids in euro, and drops the low ones.
//!
//! A row read, a row made, options with a default, and a test that runs without a host.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    rate: f64,
    #[default(0.0)]
    min: f64,
}

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Priced {
    euro: f64,
}

/// Bids over `min`, priced in euro. All other columns pass through untouched.
#[transform]
fn to_euro(bid: Bid, options: &Options) -> Option<Priced> {
    (bid.price > options.min).then_some(Priced { euro: bid.price * options.rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_and_prices_the_bids_over_the_minimum() {
        let out = to_euro
            .options(Options { rate: 0.5, min: 100.0 })
            .test(rows! { auction: [1, 2, 3], price: [100.0, 150.0, 300.0] });
        assert_eq!(out.main(), &rows! { auction: [2, 3], price: [150.0, 300.0], euro: [75.0, 150.0] });
    }
}
