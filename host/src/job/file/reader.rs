//! Reads the values of one table by its [`Keys`], and reports every mistake at its place.
//!
//! A getter answers `None` when its key is missing or its value is wrong; the mistake has then been reported, so that
//! callers just go on with a default and find all other mistakes too. Once a report is not empty, nothing that was
//! read is used.

use std::{cell::RefCell, time::Duration};

use super::{
    keys::{Key, Keys, Named, Need, Shape, one_of},
    nearest::nearest,
    tree::{Entry, Kind, Span, Table, Value},
    units,
};
use crate::{
    error::Code,
    job::diagnostic::{Diagnostic, Sources, shown},
};

/// Mistakes collected so far.
#[derive(Debug)]
pub struct Report<'a> {
    sources: &'a Sources,
    list: RefCell<Vec<Diagnostic>>,
}

/// No one reads more; a hostile file could make millions.
pub const MISTAKES_MAX: usize = 200;

impl<'a> Report<'a> {
    pub fn new(sources: &'a Sources) -> Self {
        Self { sources, list: RefCell::default() }
    }

    pub fn push(&self, diagnostic: Diagnostic) {
        let mut list = self.list.borrow_mut();
        if list.len() < MISTAKES_MAX {
            list.push(diagnostic);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    pub fn into_list(self) -> Vec<Diagnostic> {
        self.list.into_inner()
    }

    /// A value as its author wrote it, never with variables filled in: those may be secret.
    pub fn written(&self, value: &Value) -> String {
        match &value.kind {
            Kind::Array(values) if values.is_empty() => "an empty array".into(),
            Kind::Array(_) => "an array".into(),
            Kind::Table(_) => "a table".into(),
            _ => {
                let text = self.sources.slice(&value.span);
                format!("`{}`", shown(text.lines().next().unwrap_or(text)))
            }
        }
    }
}

/// Why a value does not fit its key.
pub enum Fault {
    /// It is of another type.
    Type,
    /// What the label says.
    Because(String),
    /// A value of the array has another type.
    Inside(Span, &'static str),
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

/// One table and the keys that it may have.
pub struct Reader<'a> {
    pub report: &'a Report<'a>,
    pub table: &'a Table,
    keys: &'static Keys,
    /// Its dotted place; empty for the file itself.
    place: String,
}

impl<'a> Reader<'a> {
    /// Reports what is unknown or missing in `table`.
    pub fn new(report: &'a Report<'a>, table: &'a Table, keys: &'static Keys, place: String) -> Self {
        let reader = Self { report, table, keys, place };
        reader.check_unknown(|_| Some(None));
        reader.check_missing();
        reader
    }

    /// Reports the unknown keys for which `note` has an answer, with that note.
    fn check_unknown(&self, note: impl Fn(&Entry) -> Option<Option<String>>) {
        let missing: Vec<&str> = self.keys.names().filter(|name| !self.has(name)).collect();
        let unknown = self.table.entries.iter().filter(|entry| self.keys.get(&entry.key).is_none());
        for entry in unknown.take(MISTAKES_MAX) {
            if let Some(note) = note(entry) {
                self.unknown(entry, note, &missing);
            }
        }
    }

    /// A table that has a name and, where `named` has several variants, a `type`, which is returned with it.
    pub fn named(report: &'a Report<'a>, named: &'static Named, entry: &'a Entry) -> Option<(&'static str, Self)> {
        let place = format!("{}.{}", named.noun, shown(&entry.key));
        if let Some(fault) = name_fault(&entry.key) {
            let message = format!("`{}` is not a name for a {}", shown(&entry.key), named.noun);
            report.push(Diagnostic::new(Code::WrongValue, message).at(entry.key_span.clone(), fault).help(NAME_HELP));
        }
        let Kind::Table(table) = &entry.value.kind else {
            let message = format!("`{place}` must be a table, not {}", report.written(&entry.value));
            let help = format!("begin it with a line `[{place}]`");
            report.push(
                Diagnostic::new(Code::WrongValue, message).at(entry.value.span.clone(), "not a table").help(help),
            );
            return None;
        };
        let (_, any) = named.variants.first()?;
        if let [(only, keys)] = named.variants {
            return Some((only, Self::new(report, table, keys, place)));
        }
        let kind = Self { report, table, keys: any, place: place.clone() }.choice("type");
        let variant = kind.and_then(|kind| named.variants.iter().find(|(name, _)| *name == kind));
        let keys = variant.map_or(*any, |(_, keys)| *keys);
        let reader = Self { report, table, keys, place };
        reader.check_unknown(|entry| {
            let having = named.variants.iter().filter(|(_, keys)| keys.get(&entry.key).is_some());
            let having: Vec<_> = having.map(|(name, _)| *name).collect();
            match kind {
                _ if having.is_empty() => Some(None),
                Some(kind) => {
                    let types = one_of(&having);
                    Some(Some(format!("`{}` is for the type {types}, and this has the type \"{kind}\"", entry.key)))
                }
                // Of an unknown type it may well be a key.
                None => None,
            }
        });
        match variant {
            Some((name, _)) => {
                reader.check_missing();
                Some((name, reader))
            }
            None => {
                reader.check_missing_key("type");
                None
            }
        }
    }

    /// The dotted place of a key, for messages.
    pub fn place(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// Where a key's value, or a part of it (`columns.1`), is written; the table, if it is not there.
    pub fn span(&self, place: &str) -> Span {
        self.table.span_of(place).unwrap_or_else(|| self.table.span.clone())
    }

    pub fn has(&self, name: &str) -> bool {
        self.table.get(name).is_some()
    }

    /// `missing` are the keys that it could have been meant for.
    fn unknown(&self, entry: &Entry, note: Option<String>, missing: &[&str]) {
        let key = shown(&entry.key);
        let message = match self.place.as_str() {
            "" => format!("unknown key `{key}`"),
            place => format!("unknown key `{key}` in `{place}`"),
        };
        let known: Vec<_> = self.keys.names().map(|name| format!("`{name}`")).collect();
        let known = format!("known here: {}", known.join(", "));
        let label = match nearest(&entry.key, missing.iter().copied()) {
            Some(name) if note.is_none() => format!("did you mean `{name}`?"),
            _ => "not known here".into(),
        };
        let help = note.map_or(known.clone(), |note| format!("{note}; {known}"));
        self.report.push(Diagnostic::new(Code::UnknownKey, message).at(entry.key_span.clone(), label).help(help));
    }

    fn check_missing(&self) {
        for key in self.keys.keys {
            // Without any source or sink the graph says so.
            if key.need == Need::Required && !matches!(key.shape, Shape::Named(_)) {
                self.check_missing_key(key.name);
            }
        }
    }

    fn check_missing_key(&self, name: &str) {
        if !self.has(name) {
            self.missing(name);
        }
    }

    /// Reports that a key should be there.
    pub fn missing(&self, name: &str) {
        let Some(key) = self.keys.get(name) else { return };
        let message = match self.place.as_str() {
            "" => format!("`{name}` is missing"),
            place => format!("`{place}` has no `{name}`"),
        };
        let help = format!("`{name}` is {}. {}", key.shape.expected(), key.about);
        self.report.push(
            Diagnostic::new(Code::MissingKey, message)
                .at(self.table.span.clone(), format!("add `{name} = …`"))
                .help(help),
        );
    }

    /// Reports that one of two keys should be there.
    pub fn missing_one(&self, one: &str, other: &str) {
        let message = format!("`{}` has neither `{one}` nor `{other}`", self.place);
        let about = |name: &str| self.keys.get(name).map_or_else(String::new, |key| sentence(key.about));
        let help = format!("`{one}` is for {}, `{other}` for {}", about(one), about(other));
        self.report
            .push(Diagnostic::new(Code::MissingKey, message).at(self.table.span.clone(), "add one of them").help(help));
    }

    /// Reports a value that fits its key but not the rest.
    pub fn wrong(&self, span: Span, message: String, label: impl Into<String>, help: impl Into<String>) {
        self.report.push(Diagnostic::new(Code::WrongValue, message).at(span, label).help(help));
    }

    fn misfit(&self, key: &Key, value: &Value, fault: Fault) {
        let written = self.report.written(value);
        let (span, found, label) = match fault {
            Fault::Type => (value.span.clone(), written, format!("this is {}", type_name(&value.kind))),
            Fault::Because(why) => (value.span.clone(), written, why),
            Fault::Inside(span, found) => (span, format!("{written} with {found}"), format!("this is {found}")),
        };
        let message = format!("`{}` must be {}, not {found}", self.place(key.name), key.shape.expected());
        self.report.push(Diagnostic::new(Code::WrongValue, message).at(span, label).help(sentence(key.about)));
    }

    fn read<T>(&self, name: &str, parse: impl FnOnce(&'static Shape, &'a Value) -> Result<T, Fault>) -> Option<T> {
        let value = &self.table.get(name)?.value;
        let key = self.keys.get(name)?;
        match parse(&key.shape, value) {
            Ok(read) => Some(read),
            Err(fault) => {
                self.misfit(key, value, fault);
                None
            }
        }
    }

    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.read(name, |_, value| text(value))
    }

    /// One or several strings.
    pub fn texts(&self, name: &str) -> Option<Vec<&'a str>> {
        self.read(name, |shape, value| {
            let texts = match &value.kind {
                Kind::Array(values) => values
                    .iter()
                    .map(|value| text(value).map_err(|_| Fault::Inside(value.span.clone(), type_name(&value.kind))))
                    .collect::<Result<Vec<_>, _>>()?,
                _ => vec![text(value)?],
            };
            match shape {
                Shape::Texts { min } if texts.len() < *min => Err("it is empty".to_owned().into()),
                _ => Ok(texts),
            }
        })
    }

    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.read(name, |_, value| if let Kind::Boolean(value) = value.kind { Ok(value) } else { Err(Fault::Type) })
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        self.read(name, |shape, value| match (shape, &value.kind) {
            (Shape::Integer { min, max }, Kind::Integer(value)) if (min..=max).contains(&value) => Ok(*value),
            (_, Kind::Integer(_)) => Err("out of range".to_owned().into()),
            _ => Err(Fault::Type),
        })
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        self.read(name, |shape, value| {
            let number = match value.kind {
                Kind::Float(number) => number,
                #[expect(clippy::cast_precision_loss, reason = "a number with a fraction is wanted")]
                Kind::Integer(number) => number as f64,
                _ => return Err(Fault::Type),
            };
            match shape {
                Shape::Number { min, max } if (*min..=*max).contains(&number) => Ok(number),
                _ => Err("out of range".to_owned().into()),
            }
        })
    }

    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.read(name, |shape, value| {
            let duration = units::duration(text(value)?).map_err(Fault::from)?;
            match shape {
                Shape::Duration { min, max } if (*min..=*max).contains(&duration) => Ok(duration),
                _ => Err("out of range".to_owned().into()),
            }
        })
    }

    /// Bytes.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.read(name, |shape, value| {
            let size = match &value.kind {
                Kind::Integer(size) => u64::try_from(*size).map_err(|_| "out of range".to_owned())?,
                _ => units::size(text(value)?).map_err(Fault::from)?,
            };
            match shape {
                Shape::Size { min, max } if (min..=max).contains(&&size) => Ok(size),
                _ => Err("out of range".to_owned().into()),
            }
        })
    }

    pub fn choice(&self, name: &str) -> Option<&'static str> {
        self.read(name, |shape, value| {
            let text = text(value)?;
            let (Shape::Choice(choices) | Shape::ChoiceOr(choices, _)) = shape else { return Err(Fault::Type) };
            choices.iter().find(|choice| **choice == text).copied().ok_or_else(|| {
                let near = nearest(text, choices.iter().copied());
                near.map_or("not one of them".to_owned(), |near| format!("did you mean \"{near}\"?")).into()
            })
        })
    }

    /// One ASCII character; the inner none: switched off.
    pub fn character(&self, name: &str) -> Option<Option<u8>> {
        self.read(name, |shape, value| match (text(value)?.as_bytes(), shape) {
            ([], Shape::Character { off: true }) => Ok(None),
            ([byte], _) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(Some(*byte)),
            ([_], _) => Err("rows end with it".to_owned().into()),
            (bytes, _) if bytes.is_ascii() => Err(format!("{} characters", bytes.len()).into()),
            _ => Err("not ASCII".to_owned().into()),
        })
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn instant(&self, name: &str) -> Option<i64> {
        self.read(name, |_, value| {
            let text = match &value.kind {
                Kind::Datetime(text) | Kind::Text(text) => text,
                _ => return Err(Fault::Type),
            };
            let time: jiff::Timestamp = text.parse().map_err(|_| "not a time with a zone, such as `Z`".to_owned())?;
            Ok(time.as_microsecond())
        })
    }

    /// A table with keys of its own.
    pub fn table(&self, name: &str) -> Option<Self> {
        let table = self.free(name)?;
        let (Shape::Table(keys) | Shape::ChoiceOr(_, keys)) = self.keys.get(name)?.shape else { return None };
        Some(Self::new(self.report, table, keys, self.place(name)))
    }

    /// Whether a key holds a table.
    pub fn has_table(&self, name: &str) -> bool {
        self.table.get(name).is_some_and(|entry| matches!(entry.value.kind, Kind::Table(_)))
    }

    /// A table as it is.
    pub fn free(&self, name: &str) -> Option<&'a Table> {
        self.read(name, |_, value| if let Kind::Table(table) = &value.kind { Ok(table) } else { Err(Fault::Type) })
    }
}

fn text(value: &Value) -> Result<&str, Fault> {
    if let Kind::Text(text) = &value.kind { Ok(text) } else { Err(Fault::Type) }
}

/// A description as the help of a message: in lower case, unless it begins with a name.
fn sentence(about: &str) -> String {
    let mut chars = about.chars();
    match (chars.next(), about.chars().nth(1)) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => about.to_owned(),
    }
}

/// With its article.
pub fn type_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Boolean(_) => "a boolean",
        Kind::Integer(_) => "a whole number",
        Kind::Float(_) => "a number",
        Kind::Text(_) => "a string",
        Kind::Datetime(_) => "a date or time",
        Kind::Array(_) => "an array",
        Kind::Table(_) => "a table",
    }
}

pub const NAME_HELP: &str = "names are letters, digits, `-` and `_`, 100 characters at most";

/// What is wrong with the name of a job, a source, an operator or a sink.
pub fn name_fault(name: &str) -> Option<String> {
    let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match name.chars().find(odd) {
        Some(odd) => Some(format!("`{}` is not allowed", shown(&odd.to_string()))),
        None if name.is_empty() => Some("it is empty".into()),
        None if name.len() > 100 => Some("it is too long".into()),
        None => None,
    }
}
