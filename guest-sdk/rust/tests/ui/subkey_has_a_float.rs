use pelton_guest::prelude::*;

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Click {
    ms: i64,
}

#[derive(Subkey, Clone)]
struct Slot {
    day: Date,
    price: f64,
}

fn main() {}
