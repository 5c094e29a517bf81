//! Where the lines of a bundle came from: a source map, boiled down to what an error of a module needs.
//!
//! A bundler's map has every token, and to read it takes an interpreter seconds; a stack needs lines. Called by `javascript`
//! alone, whose SDK looks lines up when something has failed.

use serde_json::{Value, json};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The names of the sources, and for each line of the bundle `SOURCE:LINE` from 0, or an empty text. None if it is no map.
pub(super) fn lines(map: &str) -> Option<String> {
    let map: Value = serde_json::from_str(map).ok()?;
    let lines: Vec<String> = places(map.get("mappings")?.as_str()?)
        .into_iter()
        .map(|place| place.map_or_else(String::new, |(source, line)| format!("{source}:{line}")))
        .collect();
    Some(json!({ "sources": map.get("sources")?, "lines": lines.join(",") }).to_string())
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
}
