//! Times as people read them.

use jiff::Timestamp;

/// A time in µs since 1970 UTC, to the second.
pub(super) fn shown_time(micros: i64) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    format!("{time:.0}")
}
