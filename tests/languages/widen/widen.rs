//! Narrower numbers and coarser times, read as wider ones.
use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    small: f64,
    count: i64,
    at: Timestamp,
}

#[derive(Row)]
struct Made {
    double: f64,
    next: i64,
    micros: i64,
}

#[transform]
fn widen(row: Read) -> Made {
    Made { double: row.small * 2.0, next: row.count + 1, micros: row.at.0 }
}
