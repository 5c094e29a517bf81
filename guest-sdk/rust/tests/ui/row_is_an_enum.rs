use pelton_guest::prelude::*;

#[derive(Row)]
enum Bid {
    Low(f64),
}

fn main() {}
