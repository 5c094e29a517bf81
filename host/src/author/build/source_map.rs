//! Where the lines of a bundle came from: a source map, boiled down to what an error of a module needs.
//!
//! A bundler's map has every token, and to read it takes an interpreter seconds; a stack needs lines. Called by `javascript` and
//! `java`, whose SDK looks lines up when something has failed.

use serde_json::{Value, json};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The names of the sources, and for each line of the bundle `SOURCE:LINE` from 0, or an empty text. None if it is no map.
pub(super) fn lines(map: &str) -> Option<String> {
    let map: Value = serde_json::from_str(map).ok()?;
    let sources: Vec<&str> = map.get("sources")?.as_array()?.iter().filter_map(Value::as_str).collect();
    Some(written(&sources, &places(map.get("mappings")?.as_str()?)))
}

fn written(sources: &[&str], places: &[Option<(i64, i64)>]) -> String {
    let lines: Vec<String> = places
        .iter()
        .map(|place| place.map_or_else(String::new, |(source, line)| format!("{source}:{line}")))
        .collect();
    json!({ "sources": sources, "lines": lines.join(",") }).to_string()
}

/// The same of a bundle with the text `code`, for a translation whose lines are of several sources: code of others in a function of the author's
/// has the line of his that comes before it, for that is where he called it. `is_own` says which lines, counted from 0, are his.
pub(super) fn own_lines(map: &str, code: &str, mut is_own: impl FnMut(&str, usize) -> bool) -> Option<String> {
    let map: Value = serde_json::from_str(map).ok()?;
    let sources: Vec<&str> = map.get("sources")?.as_array()?.iter().filter_map(Value::as_str).collect();
    let mut own = |place: Option<(i64, i64)>| {
        let (source, line) = place?;
        let source = sources.get(usize::try_from(source).ok()?)?;
        is_own(source, usize::try_from(line).ok()?).then_some(place)?
    };
    let mut places = places(map.get("mappings")?.as_str()?);
    places.resize(places.len().max(code.lines().count()), None);
    // A line that is not indented begins a function, or closes one.
    let begins = |line: &str| !line.starts_with([' ', '}', '\t']) && !line.is_empty();
    let mut left = places.as_mut_slice();
    let mut lines = code.lines().peekable();
    while lines.next().is_some() {
        let mut length = 1;
        while lines.next_if(|line| !begins(line)).is_some() {
            length += 1;
        }
        let (function, rest) = left.split_at_mut(length);
        if let Some(first) = function.iter().find_map(|place| own(*place)) {
            let mut last = first;
            for place in function {
                last = own(*place).unwrap_or(last);
                *place = Some(last);
            }
        }
        left = rest;
    }
    Some(written(&sources, &places))
}

/// Of each line, the source and the line of its first mapping.
fn places(mappings: &str) -> Vec<Option<(i64, i64)>> {
    let (mut source, mut line) = (0, 0);
    let place = |segments: &str| {
        let mut first = None;
        for segment in segments.split(',') {
            // The column made, and as differences to the mapping before: source, line and column. A mapping may have the first alone.
            if let [_, sources, lines, ..] = *decoded(segment) {
                source += sources;
                line += lines;
                first = first.or(Some((source, line)));
            }
        }
        first
    };
    mappings.split(';').map(place).collect()
}

/// The numbers of a mapping: base 64, least digits first, with a bit for "more" in each and the sign in the lowest bit.
fn decoded(segment: &str) -> Box<[i64]> {
    let mut numbers = Vec::new();
    let (mut value, mut shift) = (0_i64, 0_u32);
    for letter in segment.bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == letter).unwrap_or_default() as i64;
        value |= (digit & 31) << shift.min(40);
        shift += 5;
        if digit & 32 == 0 {
            numbers.push(if value & 1 == 1 { -(value >> 1) } else { value >> 1 });
            (value, shift) = (0, 0);
        }
    }
    numbers.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_their_first_mapping() {
        let map = r#"{ "sources": ["a.ts", "b.ts"], "mappings": "AAAA,IACE;;AAgBA,GCfF;A" }"#;
        let lines = lines(map).expect("a map");
        assert_eq!(lines, r#"{"sources":["a.ts","b.ts"],"lines":"0:0,,0:17,"}"#);
        assert_eq!(places("AAAA;ACDA"), [Some((0, 0)), Some((1, -1))]);
        assert_eq!(super::lines("{}"), None);
    }

    #[test]
    fn lines_of_others_in_a_function_are_the_callers() {
        // A helper; a function that begins with inlined code, has two lines of its own, and inlined code and code of nobody's after each.
        let code = "help() {\n  x;\n}\nmain() {\n  a;\n  b;\n  c;\n\n  d;\n}\nlast";
        let map = r#"{ "sources": ["sdk.java", "own.java"], "mappings": ";AAAA;;;AAAA;ACKA;ADLA;;ACCA;;ADA" }"#;
        let lines = own_lines(map, code, |source, _| source == "own.java").expect("a map");
        assert_eq!(lines, r#"{"sources":["sdk.java","own.java"],"lines":",0:0,,1:5,1:5,1:5,1:5,1:5,1:1,1:1,0:1"}"#);
    }
}
