use pelton_guest::prelude::*;

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Click {
    ms: i64,
}

fn from_version_1(clicks: i32) -> i64 {
    clicks.into()
}

#[keyed(migrate = from_version_1)]
fn visits(_user: User, _clicks: Group<Click>, _recent: &mut List<i64>, _out: &mut Out<Click>) {}

fn main() {}
