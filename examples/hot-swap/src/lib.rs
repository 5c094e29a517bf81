//! Version 1: prices in euro.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Priced {
    euro: f64,
}

#[transform]
fn price(bid: Bid) -> Option<Priced> {
    Some(Priced { euro: bid.price * 0.9 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_in_euro() {
        let out = price.test(rows! { price: [10.0] });
        assert_eq!(out.main(), &rows! { price: [10.0], euro: [9.0] });
    }
}
