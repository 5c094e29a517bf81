//! Version 3 reads what both versions before it kept, and keeps what version 1 did in another column.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    n: i64,
    cents: i64,
    last: i64,
    version: i64,
}

/// What version 1 kept.
#[derive(State)]
struct InCents {
    cents: i64,
}

/// What version 2 kept.
#[derive(State)]
struct InEuros {
    euro: i64,
    cents: String,
    rows: i64,
}

#[derive(State)]
struct Sum {
    total: i64,
}

fn from_cents(older: InCents) -> Sum {
    Sum { total: older.cents }
}

fn from_euros(older: InEuros) -> Option<Sum> {
    let cents: i64 = older.cents.parse().ok()?;
    (older.rows >= 0).then(|| Sum { total: older.euro * 100 + cents })
}

#[keyed(migrate = [from_cents, from_euros])]
fn sums(_key: (), sum: &mut Option<Sum>, rows: Group<Read>, last: &mut List<i64>, out: &mut Out<Made>) {
    for row in rows {
        let total = sum.as_ref().map_or(0, |sum| sum.total).wrapping_add(row.n);
        *sum = Some(Sum { total });
        last.push(row.n);
        last.truncate_front(3);
        let last = last.iter().fold(0_i64, i64::wrapping_add);
        out.emit_from(&row, Made { n: row.n, cents: total, last, version: 3 });
    }
}
