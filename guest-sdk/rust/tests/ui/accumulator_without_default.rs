use pelton_guest::prelude::*;

#[derive(Accumulator)]
struct Sum {
    sum: f64,
}

fn main() {}
