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
struct Visit {
    clicks: i64,
}

#[derive(State)]
struct Other<'a> {
    page: &'a str,
}

fn main() {}
