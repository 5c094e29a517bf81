use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[transform(columns)]
fn keep(bid: Bid) -> Emit<()> {
    Emit::every_row(())
}

fn main() {}
