use pelton_guest::prelude::*;

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Click {
    ms: i64,
}

#[derive(Subkey)]
struct Slot {
    day: Date,
}

fn main() {}
