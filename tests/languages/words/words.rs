//! Words of a line with their places; drops the line.
use pelton_guest::prelude::*;

#[derive(Row)]
struct Line<'a> {
    line: &'a str,
}

#[derive(Row)]
struct Word<'a> {
    word: &'a str,
    place: i32,
}

#[transform(drop = ["line"])]
fn words(line: Line<'_>) -> Result<Vec<Word<'_>>, String> {
    if line.line.ends_with('?') {
        return Err(format!("`{}` is a question", line.line));
    }
    Ok(line.line.split(' ').filter(|word| !word.is_empty()).zip(0..).map(|(word, place)| Word { word, place }).collect())
}
