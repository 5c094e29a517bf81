//! Version 1 keeps a sum for each key in cents, and the numbers of its last three rows.

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

#[derive(State)]
struct Sum {
    cents: i64,
}

#[keyed]
fn sums(_key: (), sum: &mut Option<Sum>, rows: Group<Read>, last: &mut List<i64>, out: &mut Out<Made>) {
    for row in rows {
        let cents = sum.as_ref().map_or(0, |sum| sum.cents).wrapping_add(row.n);
        *sum = Some(Sum { cents });
        last.push(row.n);
        last.truncate_front(3);
        let last = last.iter().fold(0_i64, i64::wrapping_add);
        out.emit_from(&row, Made { n: row.n, cents, last, version: 1 });
    }
}
