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
fn open(_user: User, _left: Group<Click>, _right: Group<Click>, recent: &mut List<i64>, _out: &mut Joined<Click>) {}

fn main() {}
