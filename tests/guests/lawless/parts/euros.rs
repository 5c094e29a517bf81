// The version after `keeps_cents`: whole euros, and the cents beside them as a text. Included by modules that say what is wrong with them.

use std::cell::Cell;

use pelton_guest::prelude::*;

thread_local! {
    /// How many rows were migrated.
    static ROWS: Cell<i64> = const { Cell::new(0) };
    /// The row that was migrated last.
    static LAST: Cell<i64> = const { Cell::new(0) };
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    made: i64,
}

/// What the version before kept.
#[derive(State)]
struct InCents {
    cents: i64,
}

#[derive(State)]
struct Sum {
    euro: i64,
    cents: String,
}

impl Sum {
    fn of(cents: i64) -> Self {
        Self { euro: cents.div_euclid(100), cents: cents.rem_euclid(100).to_string() }
    }

    fn in_cents(&self) -> i64 {
        self.euro.wrapping_mul(100).wrapping_add(self.cents.parse().expect("it is written by `of` alone"))
    }
}

fn from_cents(older: InCents) -> Result<Option<Sum>, &'static str> {
    let cents = older.cents;
    let count = ROWS.replace(ROWS.get() + 1);
    let last = LAST.replace(cents);
    match BUG {
        "migrates" if cents % 2 == 0 => Err("that is even"),
        "migrate-twice" => Ok(Some(Sum { euro: count, cents: "0".to_owned() })),
        "migrate-split" => Ok((last != cents).then(|| Sum::of(cents.wrapping_add(last)))),
        "goes-on" => Ok(Some(Sum { euro: cents, cents: String::new() })),
        _ => Ok(Some(Sum::of(cents))),
    }
}

#[keyed(migrate = from_cents)]
fn keeps(_key: (), sum: &mut Option<Sum>, rows: Group<Read>, last: &mut List<i64>, out: &mut Out<Made>) {
    for row in rows {
        let cents = sum.as_ref().map_or(0, Sum::in_cents).wrapping_add(row.n);
        *sum = Some(Sum::of(cents));
        last.push(row.n);
        last.truncate_front(2);
        out.emit_from(&row, Made { made: cents });
    }
}
