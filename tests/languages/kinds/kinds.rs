//! Every type, nullable, in and out.
use pelton_guest::prelude::*;

#[derive(Row)]
struct Kinds {
    flag: Option<bool>,
    i8: Option<i8>,
    i16: Option<i16>,
    i32: Option<i32>,
    i64: Option<i64>,
    n8: Option<u8>,
    n16: Option<u16>,
    n32: Option<u32>,
    n64: Option<u64>,
    half: Option<f32>,
    full: Option<f64>,
    text: Option<String>,
    day: Option<Date>,
    at: Option<Timestamp>,
}

#[transform(pass = none)]
fn kinds(kinds: Kinds) -> Kinds {
    kinds
}
