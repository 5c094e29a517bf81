use pelton_guest::prelude::*;

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Click {
    ms: i64,
}

#[keyed]
fn visits(_user: User, _clicks: Group<Click>, counts: &mut Map<i64, Option<i64>>, _out: &mut Out<Click>) {}

fn main() {}
