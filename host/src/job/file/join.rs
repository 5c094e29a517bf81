//! `join` of an operator, and the keys that go with it or do not.

use pelton_core::job::{JoinKind, JoinSpec, OutputRef};

use super::{reader::Reader, units};
use crate::job::diagnostic::shown;

/// The longest interval: what a window may be.
const WITHIN_MAX: i64 = 86_400_000_000 * 366 * 100;

/// The inputs, left and right, and how they are joined. None: something was reported.
pub fn read(operator: &Reader<'_>, at: &Reader<'_>) -> Option<(Vec<OutputRef>, JoinSpec)> {
    let kind = match at.choice("type") {
        Some("left") => JoinKind::Left,
        Some("right") => JoinKind::Right,
        Some("full") => JoinKind::Full,
        Some("cogroup") => JoinKind::Cogroup,
        _ => JoinKind::Inner,
    };
    let inputs = [at.text("left"), at.text("right")].map(|input| input.map(OutputRef::parse));
    let on = at.texts("on").map(|columns| columns.into_iter().map(pair).collect());
    let within = if at.has("within") { Some(within(at)?) } else { None };
    let lateness = at.duration("lateness").map_or(0, |time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    let prefix = at.text("prefix").unwrap_or("right_").to_owned();
    check_keys(operator, kind)?;
    check_form(operator, at)?;
    let inputs = inputs.into_iter().collect::<Option<_>>()?;
    Some((inputs, JoinSpec { kind, on: on?, within, lateness, prefix }))
}

/// `a`, or `a = b`.
fn pair(text: &str) -> (String, String) {
    let (left, right) = text.split_once('=').unwrap_or((text, text));
    (left.trim().to_owned(), right.trim().to_owned())
}

/// Keys of the operator that a join has no use for.
fn check_keys(operator: &Reader<'_>, kind: JoinKind) -> Option<()> {
    let all = ["input", "sort", "key", "aggregate", "emit", "state", "endpoints"];
    let module: &[&str] = if kind == JoinKind::Cogroup { &[] } else { &["module", "options"] };
    if let Some(key) = all.iter().chain(module).find(|key| operator.has(key)) {
        let message = format!("`{}` and `join` exclude each other", operator.place(key));
        let help = match *key {
            "input" => "the inputs of a join are its `left` and `right`",
            "key" => "rows are joined by the columns in `on`",
            "module" | "options" => {
                "a join puts rows together by itself; let another operator read it, or take `type = \"cogroup\"`"
            }
            _ => "let another operator read the join",
        };
        operator.wrong(operator.span(key), message, "leave this out", help);
        return None;
    }
    if kind == JoinKind::Cogroup && !operator.has("module") {
        operator.missing("module");
        return None;
    }
    Some(())
}

/// Either a window or an interval.
fn check_form(operator: &Reader<'_>, at: &Reader<'_>) -> Option<()> {
    if operator.has("window") && at.has("within") {
        let message = format!("`{}` and `window` exclude each other", at.place("within"));
        at.wrong(
            at.span("within"),
            message,
            "leave out this or `window`",
            "rows are joined by how far they are apart, or within windows",
        );
        return None;
    }
    if at.has("lateness") && !at.has("within") {
        let message = format!("`{}` is for joins with `within`", at.place("lateness"));
        at.wrong(
            at.span("lateness"),
            message,
            "not here",
            "a window has a lateness of its own; joins with a table take every row",
        );
        return None;
    }
    Some(())
}

/// Two bounds in µs, or one for both ways.
fn within(at: &Reader<'_>) -> Option<(i64, i64)> {
    let texts = at.texts("within")?;
    let times = texts.iter().enumerate().map(|(index, text)| match micros(text) {
        Ok(time) => Some(time),
        Err(fault) => {
            let message = format!(
                "`{}` must be durations such as \"10m\" or \"-30s\", not \"{}\"",
                at.place("within"),
                shown(text)
            );
            at.wrong(
                at.span(&format!("within.{index}")),
                message,
                fault,
                "a sign, a number and a unit; \"0s\" is allowed",
            );
            None
        }
    });
    // All mistakes are reported before the first one ends it.
    let times: Option<Vec<i64>> = times.collect::<Vec<_>>().into_iter().collect();
    let bounds = match *times? {
        [both] if both >= 0 => Some((-both, both)),
        [least, most] if least <= most => Some((least, most)),
        _ => None,
    };
    if bounds.is_none() {
        let message = format!("`{}` must be one duration, or the least and the most", at.place("within"));
        let help =
            "`[\"-1m\", \"10m\"]`: the right row happens between one minute before and ten minutes after the left one";
        at.wrong(at.span("within"), message, "no interval", help);
    }
    bounds
}

fn micros(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (sign, length) = match text.strip_prefix('-') {
        Some(length) => (-1, length),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let length = units::duration(length)?.as_micros();
    let length = i64::try_from(length).ok().filter(|length| *length <= WITHIN_MAX);
    Ok(sign * length.ok_or("it is longer than a hundred years")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_times_are_read_with_their_signs() {
        assert_eq!(pair("order"), ("order".into(), "order".into()));
        assert_eq!(pair(" a = b_c "), ("a".into(), "b_c".into()));
        assert_eq!(micros("-1m"), Ok(-60_000_000));
        assert_eq!(micros("+250ms"), Ok(250_000));
        assert!(micros("101y").is_err() && micros("36600d").is_ok() && micros("36601d").is_err());
    }
}
