use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid(f64);

fn main() {}
