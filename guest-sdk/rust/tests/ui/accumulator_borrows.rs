use pelton_guest::prelude::*;

#[derive(Accumulator, Default)]
struct Last<'a> {
    name: &'a str,
}

fn main() {}
