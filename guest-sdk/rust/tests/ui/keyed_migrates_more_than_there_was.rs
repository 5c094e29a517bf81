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

fn from_version_2(clicks: u32) -> i64 {
    clicks.into()
}

#[keyed(version = 2, migrate = [from_version_1, from_version_2])]
fn visits(_user: User, _visit: &mut Option<i64>, _clicks: Group<Click>, _out: &mut Out<Click>) {}

fn main() {}
