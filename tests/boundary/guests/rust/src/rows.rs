//! Candidate (a): one record for each row.

use pelton_boundary_kernels::RATE;

use crate::Guest;
use crate::bindings::exports::pelton::boundary::rows::{Eight, Guest as Rows, Kept, Maybe, Price, Text};

impl Rows for Guest {
    fn filter(above: f64, rows: Vec<Price>) -> Vec<Kept> {
        let kept = (0..).zip(rows).filter(|(_, row)| row.price > above);
        kept.map(|(origin, row)| Kept { origin, euro: row.price * RATE }).collect()
    }

    fn add(mut rows: Vec<Eight>) -> Vec<Eight> {
        for row in &mut rows {
            let values =
                [&mut row.a, &mut row.b, &mut row.c, &mut row.d, &mut row.e, &mut row.f, &mut row.g, &mut row.h];
            for (by, value) in (1..).zip(values) {
                *value = value.wrapping_add(by);
            }
        }
        rows
    }

    fn upper(mut rows: Vec<Text>) -> Vec<Text> {
        rows.iter_mut().for_each(|row| row.text.make_ascii_uppercase());
        rows
    }

    fn scale(mut rows: Vec<Maybe>) -> Vec<Maybe> {
        rows.iter_mut().flat_map(|row| &mut row.value).for_each(|value| *value *= RATE);
        rows
    }
}
