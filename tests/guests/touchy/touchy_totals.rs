//! A running total for each key that traps on -1. Run by tests/poison.

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    /// It minds nothing any more.
    #[default(false)]
    mended: bool,
}

#[derive(Row)]
struct Read {
    x: i64,
}

#[derive(Row)]
struct Made {
    total: i64,
}

#[keyed]
fn touchy_totals(_key: (), total: &mut Option<i64>, rows: Group<Read>, out: &mut Out<Made>, options: &Options) {
    for row in rows {
        assert!(row.x != -1 || options.mended, "nobody thought of -1");
        let sum = total.unwrap_or_default().wrapping_add(row.x);
        *total = Some(sum);
        out.emit_from(&row, Made { total: sum });
    }
}
