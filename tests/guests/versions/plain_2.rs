//! The same sum in euros.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    cents: i64,
}

/// What version 1 kept.
#[derive(State)]
struct InCents {
    cents: i64,
}

#[derive(State)]
struct Sum {
    euro: f64,
}

fn from_cents(older: InCents) -> Sum {
    Sum { euro: older.cents as f64 / 100.0 }
}

#[keyed(migrate = from_cents)]
fn sums(_key: (), sum: &mut Option<Sum>, rows: Group<Read>, out: &mut Out<Made>) {
    for row in rows {
        let euro = sum.as_ref().map_or(0.0, |sum| sum.euro) + row.n as f64 / 100.0;
        *sum = Some(Sum { euro });
        out.emit_from(&row, Made { cents: (euro * 100.0) as i64 });
    }
}
