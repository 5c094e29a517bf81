//! What is wrong with an expression, and where: the owner of the job sees it when the job is planned.

use std::ops::Range;

/// Where something stands in an expression, in bytes.
pub type Span = Range<usize>;

/// An expression that cannot be.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// Where it stands.
    pub at: Span,
    /// What is wrong, and what to do.
    pub what: String,
}

impl Mistake {
    pub fn new(at: &Span, what: impl Into<String>) -> Self {
        Self { at: at.clone(), what: what.into() }
    }

    /// A sentence: where it is in `text`, which stands in option `option`.
    pub fn explain(&self, option: &str, text: &str) -> String {
        let before = text.get(..self.at.start).unwrap_or(text);
        let place = match before.matches('\n').count() {
            0 => format!("character {}", before.chars().count() + 1),
            lines => {
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                format!("line {}, character {column}", lines + 1)
            }
        };
        match snippet(text, &self.at) {
            snippet if snippet.is_empty() => format!("in `{option}`, at its end: {}", self.what),
            snippet => format!("in `{option}`, at {place}, `{snippet}`: {}", self.what),
        }
    }
}

/// The part of an expression at `at`, on one line and not long.
pub fn snippet(text: &str, at: &Span) -> String {
    const SHOWN_MAX: usize = 50;
    let words: Vec<&str> = text.get(at.clone()).unwrap_or_default().split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_and_lines() {
        let explain = |text: &str, at: Span| Mistake::new(&at, "no").explain("where", text);
        assert_eq!(explain("é = pric", 5..9), "in `where`, at character 5, `pric`: no");
        assert_eq!(explain("a\nand b", 6..7), "in `where`, at line 2, character 5, `b`: no");
        assert_eq!(explain("a +", 3..3), "in `where`, at its end: no");
        assert_eq!(explain("é", 1..2), "in `where`, at its end: no", "no panic inside of a character");
    }
}
