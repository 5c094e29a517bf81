//! `columns` of a generator: each column with its rule.

use std::time::Duration;

use pelton_core::job::ColumnRule;

use super::{
    reader::Reader,
    tables::RULE,
    tree::{Kind, Table},
};
use crate::job::diagnostic::shown;

const RULES: [&str; 6] = ["sequence", "uniform", "zipf", "choice", "text", "time"];

/// The columns in the order of the file; those with mistakes have been reported and are left out.
pub fn read(at: &Reader<'_>, columns: &Table) -> Vec<(String, ColumnRule)> {
    if columns.entries.is_empty() {
        let message = format!("`{}` declares no column", at.place("columns"));
        at.wrong(columns.span.clone(), message, "it is empty", "give at least one column and its rule");
    }
    let rules = columns.entries.iter().filter_map(|entry| {
        let place = at.place(&format!("columns.{}", shown(&entry.key)));
        let Kind::Table(table) = &entry.value.kind else {
            let message = format!("`{place}` must be a rule, not {}", at.report.written(&entry.value));
            let help = "a rule is a table, as in { sequence = { start = 1 } }";
            at.wrong(entry.value.span.clone(), message, "not a rule", help);
            return None;
        };
        let rule = rule(&Reader::new(at.report, table, &RULE, place))?;
        Some((entry.key.clone(), rule))
    });
    rules.collect()
}

fn rule(at: &Reader<'_>) -> Option<ColumnRule> {
    let given: Vec<&str> = RULES.into_iter().filter(|name| at.has(name)).collect();
    let help = format!("give one of {}", RULES.map(|name| format!("`{name}`")).join(", "));
    let rule = match given.as_slice() {
        [] => {
            at.wrong(
                at.table.span.clone(),
                format!("`{}` has no rule", at.place("").trim_end_matches('.')),
                "no rule",
                help,
            );
            return None;
        }
        ["sequence"] => sequence(&at.table("sequence")?),
        ["uniform"] => uniform(&at.table("uniform")?)?,
        ["zipf"] => zipf(&at.table("zipf")?)?,
        ["choice"] => ColumnRule::Choice { values: at.texts("choice")?.into_iter().map(str::to_owned).collect() },
        ["text"] => text(&at.table("text")?)?,
        ["time"] => time(&at.table("time")?)?,
        [_, second, ..] => {
            let message = format!("`{}` is a second rule for the same column", at.place(second));
            at.wrong(at.span(second), message, "one too many", help);
            return None;
        }
        [_] => return None,
    };
    Some(match at.number("null") {
        Some(probability) if probability > 0.0 => ColumnRule::Nullable { rule: Box::new(rule), probability },
        _ => rule,
    })
}

fn sequence(at: &Reader<'_>) -> ColumnRule {
    ColumnRule::Sequence { start: at.integer("start").unwrap_or(0), step: at.integer("step").unwrap_or(1) }
}

fn uniform(at: &Reader<'_>) -> Option<ColumnRule> {
    let (min, max) = (at.number("min")?, at.number("max")?);
    let whole = |key: &str| match at.table.get(key)?.value.kind {
        Kind::Integer(number) => Some(number),
        _ => None,
    };
    match (whole("min"), whole("max")) {
        (Some(min), Some(max)) if min <= max => Some(ColumnRule::UniformInt { min, max }),
        (Some(_), Some(_)) => below(at),
        // The width must be a number too, so that it can be scaled.
        _ if min < max && (max - min).is_finite() => Some(ColumnRule::UniformFloat { min, max }),
        _ => below(at),
    }
}

/// Reports that `max` is below `min`.
fn below(at: &Reader<'_>) -> Option<ColumnRule> {
    let message = format!("`{}` is not above `min`", at.place("max"));
    at.wrong(at.span("max"), message, "too small", "there is no number between the two");
    None
}

fn zipf(at: &Reader<'_>) -> Option<ColumnRule> {
    let n = at.integer("n").and_then(|n| u64::try_from(n).ok())?;
    Some(ColumnRule::Zipf { n, s: at.number("s").unwrap_or(1.0) })
}

fn text(at: &Reader<'_>) -> Option<ColumnRule> {
    let letters = |key: &str| at.integer(key).and_then(|letters| u32::try_from(letters).ok());
    let (min_len, max_len) = (letters("min").unwrap_or(1), letters("max")?);
    if min_len > max_len {
        return below(at);
    }
    Some(ColumnRule::Text { min_len, max_len })
}

fn time(at: &Reader<'_>) -> Option<ColumnRule> {
    let micros = |key: &str, default: Duration| i64::try_from(at.duration(key).unwrap_or(default).as_micros()).ok();
    let step = micros("step", Duration::from_millis(1));
    let jitter = micros("jitter", Duration::ZERO);
    Some(ColumnRule::Time { start: at.instant("start")?, step: step?, jitter: jitter? })
}
