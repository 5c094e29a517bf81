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
fn visits(_user: User, recent: &mut List<i64>, _clicks: Group<Click>, _out: &mut Out<Click>) {}

fn main() {}
