use pelton_guest::prelude::*;

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Click {
    ms: i64,
}

#[cogroup]
fn visits(user: &User, clicks: Group<Click>, views: Group<Click>, out: &mut Joined<Click>) {}

fn main() {}
