use pelton_guest::prelude::*;

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Click {
    ms: i64,
}

#[keyed(version = 2)]
fn visits(_user: User, _visit: &mut Option<i64>, _clicks: Group<Click>, _out: &mut Out<Click>) {}

fn main() {}
