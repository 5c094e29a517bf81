use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[transform]
fn silent(bid: Bid) {
    log::info!("{}", bid.price);
}

fn main() {}
