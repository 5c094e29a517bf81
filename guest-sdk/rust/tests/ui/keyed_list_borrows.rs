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
fn visits(_user: User, _clicks: Group<Click>, recent: &mut List<&str>, _out: &mut Out<Click>) {}

fn main() {}
