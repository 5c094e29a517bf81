use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Ports)]
enum Out {
    Good(Bid),
    Rejected(Bid),
}

#[derive(Ports)]
enum Twice {
    Good(Bid),
    #[port("good")]
    Bad(Bid),
}

fn main() {}
