//! Bids over `min`, priced in euro. All other columns pass through untouched.

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

#[transform]
fn {{id}}(bid: Bid, options: &Options) -> Result<Option<Priced>, String> {
    if bid.price < 0.0 {
        return Err(format!("{} is no price", bid.price));
    }
    Ok((bid.price > options.min).then_some(Priced { euro: bid.price * options.rate }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cheap_bids_are_left_out() {
        let out = {{id}}
            .options(Options { rate: 0.5, min: 100.0 })
            .test(rows! { auction: [1, 2], price: [99.0, 300.0] });
        assert_eq!(out.main(), &rows! { auction: [2], price: [300.0], euro: [150.0] });
    }

    #[test]
    fn what_is_no_price_is_rejected() {
        let out = {{id}}.options(Options { rate: 0.5, min: 0.0 }).test(rows! { price: [-1.0] });
        assert_eq!(out.rejected(), [(0, "-1 is no price")]);
    }
}
