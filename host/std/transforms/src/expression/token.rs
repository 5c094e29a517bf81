//! From text to tokens.

use super::mistake::{Mistake, Span};

#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub kind: Kind,
    pub at: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A word: a column, a function or a keyword.
    Word(String),
    /// A column in double quotes or backticks, which may have any name.
    Quoted(String),
    Number(String),
    Text(String),
    Symbol(&'static str),
    End,
}

/// Longer ones first. The last three are parts of types' names.
const SYMBOLS: [&str; 21] =
    ["<>", "<=", ">=", "!=", "==", "||", "<", ">", "=", "(", ")", ",", "+", "-", "*", "/", "%", ".", "[", "]", ":"];

/// All tokens, and an end behind them.
pub fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else {
            tokens.push(Token { kind: Kind::End, at: at..at });
            return Ok(tokens);
        };
        let (kind, length) = next(trimmed, first).map_err(|what| Mistake::new(&(at..at + first.len_utf8()), what))?;
        tokens.push(Token { kind, at: at..at + length });
        at += length;
    }
}

/// The first token of a text that begins with `first`, and its length.
fn next(text: &str, first: char) -> Result<(Kind, usize), String> {
    if first == '\'' {
        let (value, length) =
            quoted(text, first).ok_or("this text has no `'` at its end; a `'` inside of text is written twice")?;
        return Ok((Kind::Text(value), length));
    }
    if first == '"' || first == '`' {
        let (name, length) = quoted(text, first).ok_or("the quote of this column's name is not closed")?;
        return if name.is_empty() { Err("a column has a name".to_owned()) } else { Ok((Kind::Quoted(name), length)) };
    }
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    if first.is_ascii_digit() || (first == '.' && text.as_bytes().get(1).is_some_and(u8::is_ascii_digit)) {
        let length = number(text.as_bytes());
        let number = text.get(..length).unwrap_or_default();
        if text.get(length..).unwrap_or_default().starts_with(is_word) {
            return Err("a number ends in letters; a column with such a name is written in double quotes".to_owned());
        }
        return Ok((Kind::Number(number.to_owned()), length));
    }
    if is_word(first) {
        let length = text.find(|letter| !is_word(letter)).unwrap_or(text.len());
        return Ok((Kind::Word(text.get(..length).unwrap_or_default().to_owned()), length));
    }
    match SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol)) {
        Some(symbol) => Ok((Kind::Symbol(symbol), symbol.len())),
        None if first == '&' => Err("write `and`".to_owned()),
        None if first == '|' => Err("write `or`".to_owned()),
        None if first == '!' => Err("write `not`, or `!=` for different".to_owned()),
        None => {
            Err("this is no part of an expression; a column with such a name is written in double quotes".to_owned())
        }
    }
}

/// What stands between the quotes at the beginning of `text`, where two are one; and how long it is with them.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != quote {
            value.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            value.push(quote);
        } else {
            return Some((value, at + 1));
        }
    }
    None
}

/// The length of the number at the beginning of `text`.
fn number(text: &[u8]) -> usize {
    let digits =
        |from: usize| text.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits(0);
    if text.get(length) == Some(&b'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(text.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        match digits(length + 1 + sign) {
            0 => {}
            exponent => length += 1 + sign + exponent,
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).expect(text).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn tokens_are_words_names_numbers_text_and_symbols() {
        let (word, quoted, number) =
            (|w: &str| Kind::Word(w.into()), |w: &str| Kind::Quoted(w.into()), |w: &str| Kind::Number(w.into()));
        assert_eq!(
            kinds(r#"price>=1.5e-3 and "net price" != 'it''s'"#),
            [
                word("price"),
                Kind::Symbol(">="),
                number("1.5e-3"),
                word("and"),
                quoted("net price"),
                Kind::Symbol("!="),
                Kind::Text("it's".into()),
                Kind::End
            ]
        );
        assert_eq!(kinds("`a`.5"), [quoted("a"), number(".5"), Kind::End]);
        assert_eq!(kinds(" \n"), [Kind::End]);
    }

    #[test]
    fn what_cannot_be_a_token_says_what_to_write() {
        for (text, at, what) in [
            ("a && b", 2..3, "write `and`"),
            ("!a", 0..1, "`!=`"),
            ("'abc", 0..1, "at its end"),
            ("\"a", 0..1, "not closed"),
            ("1e", 0..1, "ends in letters"),
            ("a # b", 2..3, "no part"),
            ("\u{1F980}", 0..4, "no part"),
            ("\"\"", 0..1, "has a name"),
        ] {
            let mistake = tokens(text).expect_err(text);
            assert_eq!(mistake.at, at, "{text}");
            assert!(mistake.what.contains(what), "{text}: {}", mistake.what);
        }
    }
}
