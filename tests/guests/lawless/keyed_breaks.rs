//! Breaks the law of keyed operators that goes with `bug`; without one it keeps them all. Run by tests/laws.rs.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    time::Duration,
};

use pelton_guest::prelude::*;

thread_local! {
    /// Calls of the function.
    static CALLS: Cell<i64> = const { Cell::new(0) };
    /// The first key that the instance has seen.
    static FIRST: Cell<Option<i64>> = const { Cell::new(None) };
    /// Sums that belong into the state.
    static CACHE: RefCell<HashMap<i64, i64>> = RefCell::new(HashMap::new());
    /// The last call: its epoch, the number of its first row, and its key.
    static LAST: Cell<(u64, u64, i64)> = const { Cell::new((0, 0, 0)) };
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
    at: Timestamp,
}

#[derive(State)]
struct Kept {
    sum: i64,
    until: Option<Timestamp>,
}

#[derive(Row)]
struct Made {
    made: i64,
}

const FIRST_TIMER: u32 = 0;
const SECOND_TIMER: u32 = 1;

#[keyed]
fn breaks(
    key: Key,
    kept: &mut Option<Kept>,
    rows: Group<Read>,
    timers: &mut Timers,
    out: &mut Out<Made>,
    options: &Options,
    ctx: &Context,
) {
    let bug = options.bug.as_deref().unwrap_or_default();
    let is_new = kept.is_none();
    CALLS.set(CALLS.get() + 1);
    if FIRST.get().is_none() {
        FIRST.set(Some(key.k));
    }
    let rows: Vec<_> = rows.collect();
    for row in &rows {
        let state = kept.get_or_insert(Kept { sum: 0, until: None });
        state.sum = state.sum.wrapping_add(row.n);
        let made = match bug {
            "answers" => 1_000 / row.n.wrapping_sub(7).max(0),
            "twice" => CALLS.get(),
            "after-others" => i64::from(FIRST.get() == Some(key.k)),
            "fresh-instance" => CACHE.with_borrow_mut(|cache| {
                let sum = cache.entry(key.k).or_default();
                *sum = if is_new { row.n } else { sum.wrapping_add(row.n) };
                *sum
            }),
            "batch-split" => rows.len() as i64,
            "keys" => {
                let (epoch, number, before) = LAST.get();
                LAST.set((ctx.epoch(), ctx.row(), key.k));
                i64::from(epoch == ctx.epoch() && number < ctx.row() && before != key.k)
            }
            "clock" => ctx.now().0,
            "seed" => (ctx.random() * 1e6) as i64,
            "epochs" => ctx.epoch() as i64,
            _ => state.sum,
        };
        out.emit_from(row, Made { made });
        timers.set(FIRST_TIMER, row.at + Duration::from_secs(60));
        timers.set(SECOND_TIMER, row.at + Duration::from_secs(90));
    }
    while let Some(timer) = timers.next_due() {
        out.emit(Made { made: i64::from(timer.id) });
        if bug == "timers" {
            break;
        }
    }
}
