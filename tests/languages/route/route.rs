//! The words of a line, its numbers and empty lines, each by an output of its own; a line with `!` is refused as a whole.
use pelton_guest::prelude::*;

#[derive(Row)]
struct Line<'a> {
    line: &'a str,
}

#[derive(Row)]
struct Number {
    n: i64,
}

#[derive(Row)]
struct Word<'a> {
    word: &'a str,
    place: i32,
}

#[derive(Ports)]
enum Token<'a> {
    #[port("numbers")]
    Number(Number),
    #[port("words", pass = ["id"], rename(id = "row"))]
    Word(Word<'a>),
    #[port("blanks", pass = all)]
    Blank,
}

#[transform(drop = ["line"])]
fn route(line: Line<'_>) -> Result<Vec<Token<'_>>, String> {
    if line.line.is_empty() {
        return Ok(vec![Token::Blank]);
    }
    let tokens = line.line.split(' ').filter(|token| !token.is_empty()).zip(0..);
    tokens
        .map(|(token, place)| match token {
            "!" => Err(format!("`{}` is a shout", line.line)),
            _ => Ok(token.parse().map_or(Token::Word(Word { word: token, place }), |n| Token::Number(Number { n }))),
        })
        .collect()
}
