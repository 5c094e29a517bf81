//! Counts the rows of each key, and tells the count ten seconds after the first one by a timer, and once more when the key's time is over.
//! Traps at either for keys that its options name. Run by tests/poison.

use std::time::Duration;

use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    /// The key whose timer it minds.
    #[default(-1)]
    timer_of: i64,
    /// The key whose end it minds.
    #[default(-1)]
    end_of: i64,
}

#[derive(Row)]
struct Key {
    key: i64,
}

#[derive(Row)]
struct Read {
    ts: Timestamp,
}

#[derive(Row)]
struct Told {
    rows: i64,
    by: &'static str,
}

#[keyed]
fn touchy_timers(
    key: Key,
    count: &mut Option<i64>,
    rows: Group<Read>,
    timers: &mut Timers,
    out: &mut Out<Told>,
    options: &Options,
) {
    for row in rows {
        if count.is_none() {
            timers.set(7, row.ts + Duration::from_secs(10));
        }
        *count = Some(count.unwrap_or_default() + 1);
    }
    while timers.next_due().is_some() {
        assert!(key.key != options.timer_of, "nobody thought of the timer of {}", key.key);
        out.emit(Told { rows: count.unwrap_or_default(), by: "timer" });
    }
    if timers.expiring() {
        assert!(key.key != options.end_of, "nobody thought of the end of {}", key.key);
        out.emit(Told { rows: count.unwrap_or_default(), by: "end" });
    }
}
