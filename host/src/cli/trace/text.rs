//! A trace for people: the row, where it was read, and the way between the two.

#![expect(clippy::indexing_slicing, reason = "indexing a JSON value answers null where there is nothing")]

use indicatif::HumanCount;
use serde_json::Value;

use crate::cli::{terminal::counted, time::shown_time};

/// Rows of sources that are shown before the way.
const SOURCES_SHOWN: usize = 20;
/// Epochs of which it is shown how many rows each had.
const EPOCHS_SHOWN: usize = 8;
/// Digits of a digest that tell modules apart.
const DIGEST_SHOWN: usize = 12;

pub(super) fn of(traced: &Value) -> String {
    let mut text = format!(
        "{}: row {} of epoch {} of sink {}{}",
        plain(&traced["job"]),
        traced["number"],
        traced["epoch"],
        plain(&traced["sink"]),
        revision(&traced["revision"])
    );
    text.push_str(&format!("\n  {}", plain(&traced["row"])));
    let alike = number(&traced["alike"]);
    if alike > 1 {
        let searched = list(&traced["searched"]).iter().map(Value::to_string).collect::<Vec<_>>().join(" to ");
        text.push_str(&format!(
            "\n  the last of {} in epochs {searched}: more of `--row`, or `--epoch N`, tell another one",
            counted(alike, "such row")
        ));
    }
    let sources = list(&traced["sources"]);
    text.push_str(if sources.is_empty() { "\nno row of a source was found" } else { "\nread from" });
    for place in sources.iter().take(SOURCES_SHOWN) {
        text.push_str(&format!("\n  {}", at(place)));
        if let Some(raw) = place["raw"].as_str() {
            text.push_str(&format!(": {}", clean(raw)));
        }
    }
    match sources.len().saturating_sub(SOURCES_SHOWN) {
        0 => {}
        more => text.push_str(&format!("\n  … {} more, below", HumanCount(more as u64))),
    }
    text.push_str("\nby way of");
    node(&mut text, &traced["trace"], &traced["epoch"], "  ");
    text
}

/// A row on an edge, and below it what it was made of.
fn node(text: &mut String, of: &Value, epoch: &Value, indent: &str) {
    let when = if of["epoch"] == *epoch { String::new() } else { format!("  (epoch {})", of["epoch"]) };
    text.push_str(&format!("\n{indent}{} {}{when}", plain(&of["output"]), plain(&of["row"])));
    let from = &of["from"];
    match from["kind"].as_str() {
        Some("source") => {
            text.push_str(&format!("\n{indent}└ {}", at(from)));
            if let Some(reason) = from["reason"].as_str() {
                text.push_str(&format!(", rejected: {}", clean(reason)));
            }
        }
        Some("dead-letters") => {
            text.push_str(&format!("\n{indent}└ a dead letter of {} that was replayed", plain(&from["operator"])));
        }
        Some(_) => step(text, from, epoch, indent),
        None => {}
    }
}

fn step(text: &mut String, from: &Value, epoch: &Value, indent: &str) {
    let mut about = format!("{} {}", plain(&from["kind"]), plain(&from["operator"]));
    if let Some(modules) = from["modules"].as_str().filter(|modules| !modules.is_empty()) {
        about.push_str(&format!(", {}", clean(modules)));
    }
    let digests = list(&from["digests"]).iter().filter_map(Value::as_str);
    let mut digests: Vec<String> = digests.map(|digest| digest.chars().take(DIGEST_SHOWN).collect()).collect();
    // Several of the standard modules are one.
    digests.dedup();
    if !digests.is_empty() {
        about.push_str(&format!(", digest {}", digests.join(", ")));
    }
    if let Some(table) = from["table"].as_str() {
        about.push_str(&format!(", with table {}", clean(table)));
    }
    text.push_str(&format!("\n{indent}└ {about}: {}", made_of(from)));
    let below = format!("{indent}  ");
    let rows = list(&from["rows"]);
    rows.iter().for_each(|row| node(text, row, epoch, &below));
    let more = number(&from["count"]).saturating_sub(rows.len() as u64);
    if more > 0 {
        text.push_str(&format!("\n{below}… {} more: `--rows N`", HumanCount(more)));
    }
    if from["complete"] == false {
        text.push_str(&format!(
            "\n{below}what it had of epochs before {} is not seen: `--back N` looks further, as far as epochs are kept",
            from["looked_from"]
        ));
    }
}

/// `3 rows of its key, in the window … (2 of epoch 1, 1 of epoch 2)`
fn made_of(from: &Value) -> String {
    let rows = counted(number(&from["count"]), "row");
    let mut text = match from["how"].as_str() {
        Some("row-by-row") => return "row by row".into(),
        Some("itself") if number(&from["count"]) == 1 => "the row itself".into(),
        Some("itself") => format!("{rows} like it"),
        Some("key") => format!("{rows} of its key"),
        Some("values") => format!("{rows} with its values"),
        _ => format!("its key is not in the row: {rows} in all"),
    };
    if let (Some(start), Some(end)) = (from["window"][0].as_i64(), from["window"][1].as_i64()) {
        text.push_str(&format!(", in the window {} to {}", shown_time(start), shown_time(end)));
    }
    let by_epoch = list(&from["by_epoch"]);
    let of_epoch = |count: &Value| format!("{} of epoch {}", HumanCount(number(&count["rows"])), count["epoch"]);
    match by_epoch {
        [] => {}
        [only] => text.push_str(&format!(" (epoch {})", only["epoch"])),
        [first, .., last] if by_epoch.len() > EPOCHS_SHOWN => {
            text.push_str(&format!(" (of {} epochs, {} to {})", by_epoch.len(), first["epoch"], last["epoch"]));
        }
        several => text.push_str(&format!(" ({})", several.iter().map(of_epoch).collect::<Vec<_>>().join(", "))),
    }
    text
}

/// `bids/1.csv, line 4, byte 93, of source bids`
fn at(place: &Value) -> String {
    let mut parts: Vec<String> = place["file"].as_str().map(clean).into_iter().collect();
    if let Some(line) = place["line"].as_u64() {
        parts.push(format!("line {line}"));
    }
    if let Some(offset) = place["offset"].as_u64() {
        parts.push(format!("{} {offset}", plain(&place["unit"])));
    }
    parts.push(format!("of source {}", plain(&place["source"])));
    parts.join(", ")
}

fn revision(revision: &Value) -> String {
    match number(revision) {
        0 => String::new(),
        revision => format!(", revision {revision}"),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Without what a terminal would act on.
fn clean(text: &str) -> String {
    text.chars().flat_map(crate::job::diagnostic::plain).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| clean(&value.to_string()), clean)
}
