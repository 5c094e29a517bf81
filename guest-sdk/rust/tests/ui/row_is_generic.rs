use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid<T> {
    price: T,
}

fn main() {}
