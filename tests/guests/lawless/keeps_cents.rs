//! The version before `keeps_euros`. Run by tests/laws.rs.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    made: i64,
}

#[derive(State)]
struct Cents {
    cents: i64,
}

#[keyed]
fn keeps(_key: (), sum: &mut Option<Cents>, rows: Group<Read>, last: &mut List<i64>, out: &mut Out<Made>) {
    for row in rows {
        let cents = sum.as_ref().map_or(0, |sum| sum.cents).wrapping_add(row.n);
        *sum = Some(Cents { cents });
        last.push(row.n);
        last.truncate_front(2);
        out.emit_from(&row, Made { made: cents });
    }
}
