use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    since: std::time::Duration,
}

#[derive(Options)]
struct Borrowed {
    name: &'static str,
}

#[derive(Options)]
struct NoDefault {
    #[default = 0.0]
    min: f64,
}

fn main() {}
