//! A replayed epoch for people: the verdict first, then rows, then what differs.

#![expect(clippy::indexing_slicing, reason = "indexing a JSON value answers null where there is nothing")]

use indicatif::{HumanBytes, HumanCount};
use serde_json::Value;

use crate::cli::terminal::counted;

/// `is_diff`: with the rows that differ instead of all rows.
pub(super) fn of(replayed: &Value, is_diff: bool) -> String {
    let mut text = head(replayed);
    for sink in list(&replayed["sinks"]) {
        text.push_str(&format!("\n  sink {}: {}", plain(&sink["name"]), verdict(sink)));
    }
    let changed: Vec<String> = list(&replayed["changed"]).iter().map(plain).collect();
    if !changed.is_empty() {
        text.push_str(&format!("\n  changed since the epoch was committed, which may be why: {}", changed.join(", ")));
    }
    if !replayed["candidate"].is_null() {
        text.push_str(&candidate(&replayed["candidate"], is_diff));
    }
    if !is_diff {
        list(&replayed["rows"]).iter().for_each(|rows| text.push_str(&of_sink(rows)));
    }
    if let Some(bytes) = replayed["saved"]["bytes"].as_u64() {
        let input = HumanBytes(replayed["saved"]["input_bytes"].as_u64().unwrap_or_default());
        let file = plain(&replayed["saved"]["file"]);
        text.push_str(&format!("\nsaved as {file}: {}, with {input} of input", HumanBytes(bytes)));
    }
    text
}

fn head(replayed: &Value) -> String {
    let mut text = format!("{}: epoch {}", plain(&replayed["job"]), replayed["epoch"]);
    match replayed["revision"].as_u64() {
        None | Some(0) => {}
        Some(revision) => text.push_str(&format!(" (revision {revision})")),
    }
    let before = replayed["computed"].as_u64().unwrap_or(1).saturating_sub(1);
    if before > 0 {
        text.push_str(&format!(", after {} that its state takes", counted(before, "epoch")));
    }
    let differing: Vec<String> = list(&replayed["differing"]).iter().map(Value::to_string).collect();
    if !differing.is_empty() {
        text.push_str(&format!("\n  epochs before it that came to something else: {}", differing.join(", ")));
    }
    text
}

fn verdict(sink: &Value) -> String {
    let rows = |value: &Value| counted(value["rows"].as_u64().unwrap_or_default(), "row");
    if sink["same"] == true {
        return format!("{}, bit for bit the same as committed", rows(sink));
    }
    match &sink["committed"] {
        Value::Null => format!("{}; the epoch had no such sink", rows(sink)),
        committed => format!(
            "{} with the hash {}, instead of {} with {}",
            rows(sink),
            plain(&sink["hash"]),
            rows(committed),
            plain(&committed["hash"])
        ),
    }
}

fn candidate(candidate: &Value, is_diff: bool) -> String {
    let (module, operator) = (plain(&candidate["module"]), plain(&candidate["operator"]));
    let mut text = format!("\nwith {module} in the place of {operator}");
    for sink in list(&candidate["sinks"]) {
        let count = |key: &str| sink[key].as_u64().unwrap_or_default();
        let (gone, new) = (count("rows_gone"), count("rows_new"));
        let said = match (gone + new, count("epochs_skipped")) {
            (_, 1..) => "too many rows to be compared".to_owned(),
            (0, _) => format!("{}, all the same", counted(count("rows_same"), "row")),
            (differing, _) => format!(
                "{} differ: {} only as committed (-), {} only now (+); {} the same",
                counted(differing, "row"),
                HumanCount(gone),
                HumanCount(new),
                HumanCount(count("rows_same"))
            ),
        };
        text.push_str(&format!("\n  sink {}: {said}", plain(&sink["operator"])));
        if !is_diff {
            continue;
        }
        let examples = list(&sink["examples"]);
        for example in examples {
            let sign = if example["is_new"] == true { '+' } else { '-' };
            text.push_str(&format!("\n    {sign} {}", plain(&example["row"])));
        }
        let left = (gone + new).saturating_sub(examples.len() as u64);
        if left > 0 {
            text.push_str(&format!("\n    … {} more", HumanCount(left)));
        }
    }
    text
}

fn of_sink(rows: &Value) -> String {
    let shown = list(&rows["rows"]);
    let count = rows["count"].as_u64().unwrap_or_default();
    // Who asks for none (`--rows 0`) wants the verdict.
    if shown.is_empty() && count > 0 {
        return String::new();
    }
    let mut text = format!("\n{}:", plain(&rows["sink"]));
    shown.iter().for_each(|row| text.push_str(&format!("\n  {row}")));
    let left = count.saturating_sub(shown.len() as u64);
    match (count, left) {
        (0, _) => text.push_str(" no rows"),
        (_, 0) => {}
        _ => text.push_str(&format!("\n  … {} more: `--rows N`, or `--out DIR` for all", HumanCount(left))),
    }
    text
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().flat_map(crate::job::diagnostic::plain).collect()
}
