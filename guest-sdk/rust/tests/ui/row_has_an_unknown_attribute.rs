use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    #[row(rename = "Price")]
    price: f64,
}

#[derive(Row)]
struct At {
    #[row(unit = "ns")]
    at: Timestamp,
}

#[derive(Row)]
struct Unit {
    #[row(unit = "ms")]
    at: i64,
}

fn main() {}
