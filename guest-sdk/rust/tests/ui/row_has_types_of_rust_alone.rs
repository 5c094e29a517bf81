use pelton_guest::prelude::*;

#[derive(Row)]
struct Count {
    count: usize,
}

#[derive(Row)]
struct Tags {
    tags: Vec<String>,
}

#[derive(Row)]
struct Pair {
    pair: (f64, f64),
}

#[derive(Row)]
struct Twice {
    twice: Option<Option<f64>>,
}

fn main() {}
