use pelton_guest::prelude::*;

#[derive(Accumulator, Default)]
struct Prices {
    prices: Vec<f64>,
}

fn main() {}
