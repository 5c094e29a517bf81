//! Breaks the law of cogroups that goes with `bug`; without one it keeps them all. Run by tests/laws.rs.

use std::cell::Cell;

use pelton_guest::prelude::*;

thread_local! {
    /// Calls of the function.
    static CALLS: Cell<i64> = const { Cell::new(0) };
    /// The first key that the instance has seen.
    static FIRST: Cell<Option<i64>> = const { Cell::new(None) };
    /// The last call: the number of its first row, and its key.
    static LAST: Cell<(u64, i64)> = const { Cell::new((u64::MAX, 0)) };
}

#[derive(Options)]
struct Options {
    bug: Option<String>,
}

#[derive(Row)]
struct Key {
    k: i64,
}

#[derive(Row)]
struct Read {
    n: i64,
}

#[derive(Row)]
struct Made {
    made: i64,
}

#[cogroup]
fn breaks(key: Key, left: Group<Read>, right: Group<Read>, out: &mut Joined<Made>, options: &Options, ctx: &Context) {
    let bug = options.bug.as_deref().unwrap_or_default();
    CALLS.set(CALLS.get() + 1);
    if FIRST.get().is_none() {
        FIRST.set(Some(key.k));
    }
    let (left, right): (Vec<_>, Vec<_>) = (left.collect(), right.collect());
    let number = ctx.row();
    let (last, before) = LAST.replace((number, key.k));
    let sum = left.iter().chain(&right).fold(0_i64, |sum, row| sum.wrapping_add(row.n));
    let made = match bug {
        "answers" => 1_000 / sum.wrapping_sub(7).max(0),
        "twice" => CALLS.get(),
        "after-others" => i64::from(FIRST.get() == Some(key.k)),
        "keys" => i64::from(last < number && before != key.k),
        "clock" => ctx.now().0,
        "seed" => (ctx.random() * 1e6) as i64,
        _ => sum,
    };
    out.emit(Made { made });
}
