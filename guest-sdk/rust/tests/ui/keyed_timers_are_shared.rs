use pelton_guest::prelude::*;

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Click {
    ms: i64,
}

#[derive(State)]
struct Visit {
    clicks: i64,
}

#[keyed]
fn visits(user: User, visit: &mut Option<Visit>, clicks: Group<Click>, timers: &Timers, out: &mut Out<Click>) {}

fn main() {}
