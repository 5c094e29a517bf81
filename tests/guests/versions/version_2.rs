//! Version 2 keeps whole euros and the cents beside them, as a text, and how many rows there were since.

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

#[derive(State)]
struct Sum {
    euro: i64,
    cents: String,
    rows: i64,
}

impl Sum {
    fn of(cents: i64, rows: i64) -> Self {
        Self { euro: cents.div_euclid(100), cents: cents.rem_euclid(100).to_string(), rows }
    }

    fn in_cents(&self) -> i64 {
        self.euro * 100 + self.cents.parse::<i64>().expect("it is written by `of` alone")
    }
}

/// The sum that no version can take over.
const BROKEN: i64 = 123_456_789_123;

fn from_cents(older: InCents) -> Result<Sum, &'static str> {
    match older.cents {
        BROKEN => Err("nobody pays so much"),
        cents if cents < 0 => panic!("a debt of {cents}"),
        cents => Ok(Sum::of(cents, 0)),
    }
}

#[keyed(migrate = from_cents)]
fn sums(_key: (), sum: &mut Option<Sum>, rows: Group<Read>, last: &mut List<i64>, out: &mut Out<Made>) {
    for row in rows {
        let (before, count) = sum.as_ref().map_or((0, 0), |sum| (sum.in_cents(), sum.rows));
        let cents = before + row.n;
        *sum = Some(Sum::of(cents, count + 1));
        last.push(row.n);
        last.truncate_front(3);
        let last = last.iter().fold(0_i64, i64::wrapping_add);
        out.emit_from(&row, Made { n: row.n, cents, last, version: 2 });
    }
}
