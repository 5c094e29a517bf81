//! The words of a line, one row each. Run by tests/bench/jobs/wc.toml.
//!
//! Written as a module author would write it, at row level: what the benchmark shows is what an author gets.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Line<'a> {
    line: &'a str,
}

#[derive(Row)]
struct Word<'a> {
    word: &'a str,
}

/// What stands between commas.
#[transform(drop = ["line"])]
fn words<'a>(line: Line<'a>) -> impl Iterator<Item = Word<'a>> {
    line.line.split(',').map(|word| Word { word })
}
