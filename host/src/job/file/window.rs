//! `window` of an operator.

use std::time::Duration;

use pelton_core::window::{Clock, WindowError, WindowKind, WindowSpec, Zone};

use super::reader::Reader;
use crate::job::diagnostic::shown;

/// The keys of which type of window need or allow which others.
const LENGTH: &str = "length";
const SLIDE: &str = "slide";
const GAP: &str = "gap";
const LATENESS: &str = "lateness";
const TIME: &str = "time";
const INVERSE: &str = "inverse";

/// None: something was reported.
pub fn read(at: &Reader<'_>) -> Option<WindowSpec> {
    let kind = kind(at);
    let lateness = at.duration(LATENESS).map_or(0, micros);
    let clock = match at.choice(TIME) {
        Some("processing") => Clock::Processing,
        _ => Clock::Event,
    };
    let inverse = at.boolean(INVERSE).unwrap_or_default();
    let spec = WindowSpec { kind: kind?, lateness, clock, inverse };
    match spec.check() {
        Ok(()) => Some(spec),
        Err(error) => {
            let key = match error {
                WindowError::NotPositive(_) | WindowError::NotWholeDays => LENGTH,
                WindowError::NegativeLateness | WindowError::InverseLateness => LATENESS,
                WindowError::Gaps => SLIDE,
            };
            let message = format!("`{}` cannot be: {error}", at.place(key));
            at.wrong(
                at.span(key),
                message,
                "does not fit",
                "a window such as { type = \"sliding\", length = \"10s\", slide = \"2s\" }",
            );
            None
        }
    }
}

fn kind(at: &Reader<'_>) -> Option<WindowKind> {
    let kind = at.choice("type")?;
    let allowed: &[&str] = match kind {
        "tumbling" => &[LENGTH, "offset", "time-zone", LATENESS, TIME],
        "sliding" => &[LENGTH, SLIDE, "offset", LATENESS, TIME, INVERSE],
        "session" => &[GAP, LATENESS, TIME],
        "count" => &["rows"],
        _ => &[],
    };
    for key in [LENGTH, SLIDE, GAP, "rows", "offset", "time-zone", LATENESS, TIME, INVERSE] {
        if at.has(key) && !allowed.contains(&key) {
            let message = format!("`{}` is not for windows of type \"{kind}\"", at.place(key));
            let help = match allowed {
                [] => format!("\"{kind}\" takes none of them"),
                _ => format!("\"{kind}\" takes {}", allowed.join(", ")),
            };
            at.wrong(at.span(key), message, "not here", help);
            return None;
        }
    }
    let needed = |key: &str| {
        if !at.has(key) {
            at.missing(key);
        }
        at.duration(key).map(micros)
    };
    let offset = at.duration("offset").map_or(0, micros);
    Some(match kind {
        "tumbling" => WindowKind::Tumbling { length: needed(LENGTH)?, offset, zone: zone(at)? },
        "sliding" => {
            let (length, slide) = (needed(LENGTH), needed(SLIDE));
            WindowKind::Sliding { length: length?, slide: slide?, offset }
        }
        "session" => WindowKind::Session { gap: needed(GAP)? },
        "count" => {
            if !at.has("rows") {
                at.missing("rows");
            }
            WindowKind::Count { rows: at.integer("rows").and_then(|rows| u64::try_from(rows).ok())? }
        }
        _ => WindowKind::Global,
    })
}

#[expect(clippy::option_option, reason = "a window without a zone is not a mistake")]
fn zone(at: &Reader<'_>) -> Option<Option<Zone>> {
    let Some(name) = at.text("time-zone") else { return Some(None) };
    match Zone::named(name) {
        Some(zone) => Some(Some(zone)),
        None => {
            let message = format!("`{}` must be a time zone, not \"{}\"", at.place("time-zone"), shown(name));
            at.wrong(
                at.span("time-zone"),
                message,
                "not a zone",
                "zones have the names of the IANA database, such as \"Europe/Paris\"",
            );
            None
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
