//! Mistakes of a job for machines: what `--output json` prints and the engine answers; and back, for the engine's client.

use std::ops::Range;

use serde_json::{Value, json};

use super::{Diagnostic, Diagnostics, Sources};
use crate::error::Code;

/// `{"errors": [{code, message, help, labels: [{file, line, column, end_line, end_column, text}]}]}`. Lines and
/// columns count from 1, columns in characters; an end is the place after the last character.
pub fn to_json(diagnostics: &Diagnostics) -> Value {
    let label = |(place, text): &(Range<usize>, String)| {
        let (source, range) = diagnostics.sources.locate(place)?;
        let (line, column) = line_and_column(&source.text, range.start);
        let (end_line, end_column) = line_and_column(&source.text, range.end);
        Some(json!({
            "file": source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column, "text": text
        }))
    };
    let error = |one: &Diagnostic| {
        json!({
            "code": one.code.to_string(),
            "message": one.message,
            "help": one.help,
            "labels": one.labels.iter().filter_map(label).collect::<Vec<_>>(),
        })
    };
    json!({ "errors": diagnostics.list.iter().map(error).collect::<Vec<_>>() })
}

/// What [`to_json`] made of mistakes in a text of which there is a copy here. Places in other texts are left out. None: it is
/// something else.
pub fn from_json(errors: &Value, name: &str, text: &str) -> Option<Diagnostics> {
    let label = |label: &Value| {
        let number = |key: &str| usize::try_from(label.get(key)?.as_u64()?).ok();
        let start = offset(text, number("line")?, number("column")?);
        let end = offset(text, number("end_line")?, number("end_column")?);
        let is_here = label.get("file")?.as_str()?.ends_with(name);
        is_here
            .then(|| (start..end.max(start), label.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()))
    };
    let error = |error: &Value| {
        let text = |key: &str| Some(error.get(key)?.as_str()?.to_owned());
        let labels = error.get("labels")?.as_array()?.iter().filter_map(label).collect();
        Some(Diagnostic { code: Code::parse(&text("code")?)?, message: text("message")?, labels, help: text("help") })
    };
    let list = errors.as_array()?.iter().map(error).collect::<Option<Vec<_>>>()?;
    Some(Diagnostics::new(Sources::new(name, text), list))
}

/// From 1, columns in characters.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}

/// The inverse, or the end of the text.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let mut starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let Some(start) = starts.nth(line.saturating_sub(1)) else { return text.len() };
    let rest = text.get(start..).unwrap_or_default();
    rest.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_back_with_their_places() {
        let text = "a = 1\nä = 22\n";
        let mistake = Diagnostic::new(Code::WrongValue, "it is wrong").at(11..13, "here").help("mend it");
        let whole = Diagnostic::new(Code::MissingKey, "there is no name");
        let diagnostics = Diagnostics::new(Sources::new("/jobs/job.toml", text), vec![mistake, whole]);
        let json = to_json(&diagnostics);
        let back = from_json(&json["errors"], "job.toml", text).expect("mistakes");
        assert_eq!(back.list, diagnostics.list);
        let elsewhere = from_json(&json["errors"], "other.toml", text).expect("mistakes");
        assert!(elsewhere.list.iter().all(|one| one.labels.is_empty()));
        assert!(from_json(&json!("busy"), "job.toml", text).is_none());
    }

    #[test]
    fn places_beyond_the_text_are_its_end() {
        assert_eq!((offset("ab\ncd", 9, 1), offset("ab\ncd", 2, 9), offset("", 0, 0)), (5, 5, 0));
    }
}
