//! Candidate (b): one typed list for each column.

use pelton_boundary_kernels as kernels;

use crate::Guest;
use crate::bindings::exports::pelton::boundary::columns::{Eight, Guest as Columns, Kept, Maybe, Text};

impl Columns for Guest {
    fn filter(above: f64, price: Vec<f64>) -> Kept {
        let (origin, euro) = kernels::filter(&price, above);
        Kept { origin, euro }
    }

    fn add(columns: Eight) -> Eight {
        Eight {
            a: kernels::add(&columns.a, 1),
            b: kernels::add(&columns.b, 2),
            c: kernels::add(&columns.c, 3),
            d: kernels::add(&columns.d, 4),
            e: kernels::add(&columns.e, 5),
            f: kernels::add(&columns.f, 6),
            g: kernels::add(&columns.g, 7),
            h: kernels::add(&columns.h, 8),
        }
    }

    fn upper(mut text: Vec<String>) -> Vec<String> {
        text.iter_mut().for_each(|text| text.make_ascii_uppercase());
        text
    }

    fn scale(mut values: Vec<Option<f64>>) -> Vec<Option<f64>> {
        values.iter_mut().flatten().for_each(|value| *value *= kernels::RATE);
        values
    }

    fn upper_flat(text: Text) -> Text {
        Text { offsets: text.offsets, bytes: kernels::upper(&text.bytes) }
    }

    fn scale_flat(values: Maybe) -> Maybe {
        Maybe { valid: values.valid, values: kernels::scale(&values.values) }
    }
}
