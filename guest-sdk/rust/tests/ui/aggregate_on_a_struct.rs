use pelton_guest::prelude::*;

#[aggregate]
struct Sum {
    sum: f64,
}

fn main() {}
