use pelton_guest::prelude::*;

#[derive(Row)]
struct User {
    user: i64,
}

#[derive(Row)]
struct Click {
    ms: i64,
}

struct Clicks {
    clicks: i32,
}

fn from_clicks(older: Clicks) -> i64 {
    older.clicks.into()
}

#[keyed(migrate = from_clicks)]
fn visits(_user: User, _visit: &mut Option<i64>, _clicks: Group<Click>, _out: &mut Out<Click>) {}

fn main() {}
