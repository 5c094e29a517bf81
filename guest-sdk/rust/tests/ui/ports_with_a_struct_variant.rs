use pelton_guest::prelude::*;

#[derive(Ports)]
enum Out {
    Parsed { number: i64 },
}

#[derive(Ports)]
struct NoEnum {
    number: i64,
}

fn main() {}
