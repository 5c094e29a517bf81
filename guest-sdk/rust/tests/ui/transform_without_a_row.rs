use pelton_guest::prelude::*;

#[transform]
fn nothing() -> bool {
    true
}

fn main() {}
