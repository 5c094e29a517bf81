//! Nexmark q3: people of Oregon, Idaho and California. Run by tests/nexmark/q3.toml.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Person<'a> {
    state: &'a str,
}

#[transform]
fn states(person: Person<'_>) -> bool {
    ["OR", "ID", "CA"].contains(&person.state)
}
