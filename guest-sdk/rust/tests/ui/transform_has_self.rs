use pelton_guest::prelude::*;

#[transform]
fn method(&self) -> bool {
    true
}

fn main() {}
