use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

struct Asker;

#[enrich]
impl Asker {
    fn ask(&self, bid: Bid) -> Request {
        Request::get("rates", format!("/{}", bid.price))
    }

    fn answer(_bid: Bid, _reply: &Reply) -> bool {
        true
    }
}

fn main() {}
