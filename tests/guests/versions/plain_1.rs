//! A sum for each key and nothing else, in cents: what the time of a migration is measured with.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    cents: i64,
}

#[derive(State)]
struct Sum {
    cents: i64,
}

#[keyed]
fn sums(_key: (), sum: &mut Option<Sum>, rows: Group<Read>, out: &mut Out<Made>) {
    for row in rows {
        let cents = sum.as_ref().map_or(0, |sum| sum.cents).wrapping_add(row.n);
        *sum = Some(Sum { cents });
        out.emit_from(&row, Made { cents });
    }
}
