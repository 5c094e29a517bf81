//! What a table of a TOML file may hold, as data.
//!
//! One description serves four readers, so that they cannot drift: [`Reader`](super::reader::Reader) checks files
//! by it, `schema` makes the JSON schema of it, `reference` the tables of docs/job-file.md, and help
//! texts quote it. `tables` has the descriptions themselves.

use std::time::Duration;

/// The keys of one table.
#[derive(Debug)]
pub struct Keys {
    /// Its heading in the reference: `batch`, `source.NAME`, `csv of a source`.
    pub title: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
}

#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub need: Need,
    /// A sentence without its full stop.
    pub about: &'static str,
}

/// Whether a key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    /// Left out it means this TOML value.
    Default(&'static str),
    /// Left out it means what these words say.
    Optional(&'static str),
}

/// What a key's value may be.
#[derive(Debug)]
pub enum Shape {
    Text,
    /// One string, or an array with at least so many.
    Texts {
        min: usize,
    },
    Boolean,
    Integer {
        min: i64,
        max: i64,
    },
    /// A number; an integer will do.
    Number {
        min: f64,
        max: f64,
    },
    Duration {
        min: Duration,
        max: Duration,
    },
    /// A size as text with a unit, or an integer.
    Size {
        min: u64,
        max: u64,
    },
    Choice(&'static [&'static str]),
    /// One of these words, or a table.
    ChoiceOr(&'static [&'static str], &'static Keys),
    /// One ASCII character; `""` where that switches it off.
    Character {
        off: bool,
    },
    /// A time with a zone: a TOML datetime, or a string.
    Instant,
    /// A table: column to type.
    Columns,
    /// A table: column to the rule that fills it.
    Rules,
    /// Any table.
    Free,
    Table(&'static Keys),
    /// A table of tables by name.
    Named(&'static Named),
}

/// Tables that users name, such as `[source.NAME]`.
#[derive(Debug)]
pub struct Named {
    /// `source`
    pub noun: &'static str,
    /// By the value of their key `type`; one with an empty name: there is no such key.
    pub variants: &'static [(&'static str, &'static Keys)],
}

impl Keys {
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }
}

impl Shape {
    /// What fits, for messages: `must be …`.
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "a string".into(),
            Self::Texts { min: 0 } => "a string or an array of strings".into(),
            Self::Texts { .. } => "a string or an array of strings, at least one".into(),
            Self::Boolean => "true or false".into(),
            Self::Integer { min, max } => {
                format!("a whole number{}", within(*min == i64::MIN, min, *max == i64::MAX, max))
            }
            Self::Number { min, max } if *min == f64::MIN_POSITIVE => {
                format!("a number above 0{}", if *max == f64::MAX { String::new() } else { format!(", {max} at most") })
            }
            Self::Number { min, max } => format!("a number{}", within(*min == f64::MIN, min, *max == f64::MAX, max)),
            Self::Duration { min, max } => {
                let bounds = within(min.is_zero(), &seconds(*min), *max == Duration::MAX, &seconds(*max));
                format!("a duration such as \"1s\" or \"250ms\"{}", bounds.replacen(" from", ", from", 1))
            }
            Self::Size { min, max } => {
                let bounds = within(*min == 0, &bytes(*min), *max == u64::MAX, &bytes(*max));
                format!("a size such as \"64MiB\" or 1048576{}", bounds.replacen(" from", ", from", 1))
            }
            Self::Choice(choices) => one_of(choices),
            Self::ChoiceOr(choices, _) => format!("{}, or a table", one_of(choices)),
            Self::Character { off: false } => "one ASCII character".into(),
            Self::Character { off: true } => "one ASCII character, or \"\" for none".into(),
            Self::Instant => "a time such as 2026-01-31T12:00:00Z".into(),
            Self::Columns => "a table of columns, as in { id = \"s64\", name = \"utf8?\" }".into(),
            Self::Rules => "a table of columns, as in { id = { sequence = { start = 1 } } }".into(),
            Self::Free | Self::Table(_) => "a table".into(),
            Self::Named(named) => format!("a table of {0}s, as in [{0}.NAME]", named.noun),
        }
    }
}

/// ` from 1 to 9`, ` of 1 at least`, ` of 9 at most`, or nothing.
fn within<T: std::fmt::Display>(no_min: bool, min: &T, no_max: bool, max: &T) -> String {
    match (no_min, no_max) {
        (true, true) => String::new(),
        (false, true) => format!(", {min} or more"),
        (true, false) => format!(", {max} at most"),
        (false, false) => format!(" from {min} to {max}"),
    }
}

/// `a`, `b` or `c`
pub fn one_of(choices: &[&str]) -> String {
    let quoted: Vec<_> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A bound of a key in the largest unit that divides it.
fn seconds(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let units = [
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
    ];
    let unit = units.into_iter().find(|(_, unit)| nanos >= *unit && nanos.is_multiple_of(*unit));
    unit.map_or(format!("{nanos}ns"), |(name, unit)| format!("{}{name}", nanos / unit))
}

fn bytes(size: u64) -> String {
    let units = [("TiB", 1_u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = units.into_iter().find(|(_, unit)| size >= *unit && size.is_multiple_of(*unit));
    unit.map_or(format!("{size}B"), |(name, unit)| format!("{}{name}", size / unit))
}
