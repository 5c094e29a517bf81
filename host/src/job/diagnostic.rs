//! Mistakes in a text that a user wrote, with their places: what the job file, the planner and the settings report.
//!
//! All texts of one report (the file, each `--set`, each variable) share one range of offsets, so that a place is
//! just a `Range<usize>`, as in a compiler's source map. `cli::report` renders them.

pub mod json;

use std::{fmt, ops::Range, sync::Arc};

use crate::error::Code;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    /// One sentence: what is wrong with which thing.
    pub message: String,
    /// Places and what is to be seen there, the most important first; none: the mistake has no place.
    pub labels: Vec<(Range<usize>, String)>,
    /// What to do next.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), labels: Vec::new(), help: None }
    }

    pub fn at(mut self, place: Range<usize>, label: impl Into<String>) -> Self {
        self.labels.push((place, label.into()));
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All mistakes of one go, in the order of their places, and the texts that they point into.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    pub sources: Sources,
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorts by place; what has none comes first.
    pub fn new(sources: Sources, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.labels.first().map(|(place, _)| (place.start, place.end)));
        Self { sources, list }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.sources.main_name();
        match self.list.as_slice() {
            [one] => write!(f, "{} ({name})", one.message),
            many => write!(f, "{} mistakes in {name}", many.len()),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// Texts by name, side by side in one range of offsets. The first one begins at 0.
#[derive(Debug, Clone)]
pub struct Sources {
    texts: Vec<SourceText>,
}

/// One text of [`Sources`].
#[derive(Debug, Clone)]
pub struct SourceText {
    /// The file's path, or `--set`, or the variable's name.
    pub name: String,
    pub text: Arc<str>,
    base: usize,
}

impl Sources {
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { texts: vec![SourceText { name: name.into(), text: text.into(), base: 0 }] }
    }

    /// Adds a text and returns the offset at which it begins.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> usize {
        // One offset between two texts belongs to the end of the first.
        let base = self.texts.last().map_or(0, |last| last.base + last.text.len() + 1);
        self.texts.push(SourceText { name: name.into(), text: text.into(), base });
        base
    }

    pub fn main_name(&self) -> &str {
        self.texts.first().map_or("", |first| first.name.as_str())
    }

    /// The text that a place points into, and the place within it, widened to whole characters.
    pub fn locate(&self, place: &Range<usize>) -> Option<(&SourceText, Range<usize>)> {
        let source = self.texts.iter().rev().find(|source| source.base <= place.start)?;
        let text = &source.text;
        let start = text.floor_char_boundary((place.start - source.base).min(text.len()));
        let end = text.ceil_char_boundary(place.end.saturating_sub(source.base).clamp(start, text.len()));
        Some((source, start..end))
    }

    /// What is written at a place.
    pub fn slice(&self, place: &Range<usize>) -> &str {
        self.locate(place).and_then(|(source, range)| source.text.get(range)).unwrap_or_default()
    }
}

/// A name or value from outside, fit for a message: short, and without control characters.
pub fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let mut shown: String = text.chars().take(CHARS_MAX).flat_map(plain).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The character, or its escape when a terminal would act on it.
pub fn plain(c: char) -> impl Iterator<Item = char> {
    let escape =
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let escaped = escape.then(|| c.escape_default());
    let itself = (!escape).then_some(c);
    itself.into_iter().chain(escaped.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_the_text_they_point_into() {
        let mut sources = Sources::new("job.toml", "name = \"ä\"");
        let base = sources.add("--set", "threads=many");
        let found = |place: Range<usize>| {
            let (source, range) = sources.locate(&place).expect("a text");
            (source.name.clone(), source.text[range].to_owned())
        };
        assert_eq!(found(0..4), ("job.toml".into(), "name".into()));
        assert_eq!(found(9..10), ("job.toml".into(), "ä".into()), "widened to the character");
        assert_eq!(found(11..11), ("job.toml".into(), String::new()), "the end of the file");
        assert_eq!(found(base + 8..base + 12), ("--set".into(), "many".into()));
        assert_eq!(found(5_000..9_000), ("--set".into(), String::new()));
        assert_eq!(sources.slice(&(base..base + 7)), "threads");
    }

    #[test]
    fn shown_text_is_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}b"), "a\\u{1b}[2J\\u{202e}b");
        assert_eq!(shown(&"x".repeat(100)), format!("{}…", "x".repeat(80)));
    }
}
