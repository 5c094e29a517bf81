//! The reference operator by columns: prices over 100, in euro.
use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Priced {
    euro: f64,
}

#[transform(columns)]
fn reference(bids: BidColumns<'_>) -> Emit<PricedValues> {
    let origin = kept(bids.price, |price| *price > 100.0);
    let euro = origin.iter().map(|row| bids.price[*row as usize] * 0.908).collect();
    Emit::rows(origin, PricedValues { euro })
}
