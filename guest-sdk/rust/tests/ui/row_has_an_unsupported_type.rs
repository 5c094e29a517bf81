use pelton_guest::prelude::*;

struct Money(f64);

#[derive(Row)]
struct Bid {
    money: Money,
}

fn main() {}
