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
struct Clicks {
    clicks: i32,
}

#[derive(State)]
struct Visit {
    clicks: i64,
}

fn from_clicks(older: Clicks) -> i64 {
    older.clicks.into()
}

#[keyed(migrate = from_clicks)]
fn visits(_user: User, _visit: &mut Option<Visit>, _clicks: Group<Click>, _out: &mut Out<Click>) {}

fn main() {}
