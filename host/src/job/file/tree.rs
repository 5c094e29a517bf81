//! A TOML document as a plain tree in which everything knows its place.
//!
//! Made by [`Table::parse`] from a file, and by [`Value::parse`] from what follows `--set` or a variable. Every
//! span is an offset into `Sources`, so that values of both origins live in one tree. Depth is bounded, so
//! that whoever walks the tree may recurse.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, TomlError};

/// Where a key or value is written, in the offsets of `Sources`.
pub type Span = Range<usize>;

#[derive(Debug, Clone)]
pub struct Table {
    /// The header, or the braces and all between them; the start of the file for the root.
    pub span: Span,
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub struct Value {
    pub span: Span,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// As it is written.
    Datetime(String),
    Array(Vec<Value>),
    Table(Table),
}

/// Why a text is not a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    pub span: Span,
    pub message: String,
}

/// Tables and arrays inside each other, at most.
const DEPTH_MAX: usize = 64;

impl Table {
    /// Reads a file that begins at offset `base`.
    pub fn parse(text: &str, base: usize) -> Result<Self, SyntaxError> {
        let document = Document::parse(text).map_err(|error| SyntaxError::new(&error, text, base))?;
        let root = Origin { base, enclosing: 0..0 };
        root.table(document.as_table(), Some(0..0), 0)
    }

    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }

    /// The span of the value at a dotted place, or of the nearest place around it that has one.
    pub fn span_of(&self, place: &str) -> Option<Span> {
        let entry = self
            .entries
            .iter()
            .filter(|entry| below(place, &entry.key).is_some())
            .max_by_key(|entry| entry.key.len())?;
        match below(place, &entry.key)? {
            "" => Some(entry.value.span.clone()),
            rest => Some(entry.value.span_of(rest).unwrap_or_else(|| entry.value.span.clone())),
        }
    }
}

/// What follows `key` in a dotted place.
fn below<'a>(place: &'a str, key: &str) -> Option<&'a str> {
    let rest = place.strip_prefix(key)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

impl Value {
    /// Reads one value that begins at offset `base`; what is not TOML is a string.
    pub fn parse(text: &str, base: usize) -> Self {
        const KEY: &str = "v=";
        let span = base..base + text.len();
        let whole = Self { span: span.clone(), kind: Kind::Text(text.to_owned()) };
        // A line break would let the text go on with keys of its own.
        if text.contains(['\n', '\r']) {
            return whole;
        }
        let document = format!("{KEY}{text}");
        let Ok(document) = Document::parse(document.as_str()) else { return whole };
        let mut table = match (Origin { base: base.wrapping_sub(KEY.len()), enclosing: span }).table(
            document.as_table(),
            None,
            0,
        ) {
            Ok(table) => table,
            Err(_) => return whole,
        };
        table.entries.pop().map_or(whole, |entry| entry.value)
    }

    fn span_of(&self, place: &str) -> Option<Span> {
        match &self.kind {
            Kind::Table(table) => table.span_of(place),
            Kind::Array(values) => {
                let (index, rest) = place.split_once('.').unwrap_or((place, ""));
                let value = values.get(index.parse::<usize>().ok()?)?;
                if rest.is_empty() {
                    Some(value.span.clone())
                } else {
                    value.span_of(rest).or(Some(value.span.clone()))
                }
            }
            _ => None,
        }
    }
}

impl SyntaxError {
    fn new(error: &TomlError, text: &str, base: usize) -> Self {
        let span = error.span().unwrap_or(text.len()..text.len());
        Self { span: base.wrapping_add(span.start)..base.wrapping_add(span.end), message: error.message().to_owned() }
    }
}

/// Carries what a part of the document needs to find its place.
struct Origin {
    base: usize,
    /// The place of what has none of its own.
    enclosing: Span,
}

impl Origin {
    fn span(&self, span: Option<Span>) -> Span {
        match span {
            Some(span) => self.base.wrapping_add(span.start)..self.base.wrapping_add(span.end),
            None => self.enclosing.clone(),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, SyntaxError> {
        if depth >= DEPTH_MAX {
            return Err(SyntaxError {
                span: self.enclosing.clone(),
                message: format!("tables and arrays are more than {DEPTH_MAX} deep"),
            });
        }
        Ok(depth + 1)
    }

    fn table(&self, table: &dyn TableLike, span: Option<Span>, depth: usize) -> Result<Table, SyntaxError> {
        let span = self.span(span);
        let depth = self.deeper(depth)?;
        let entries = table.iter().map(|(name, item)| {
            let key_span = self.span(table.key(name).and_then(toml_edit::Key::span));
            let inner = Self { base: self.base, enclosing: key_span.clone() };
            let value = inner.item(item, depth)?;
            Ok(Entry { key: name.to_owned(), key_span, value })
        });
        Ok(Table { span, entries: entries.collect::<Result<_, _>>()? })
    }

    fn item(&self, item: &Item, depth: usize) -> Result<Value, SyntaxError> {
        match item {
            Item::Value(value) => self.value(value, depth),
            Item::Table(table) => self.header_table(table, depth),
            Item::ArrayOfTables(tables) => {
                let depth = self.deeper(depth)?;
                let values = tables.iter().map(|table| self.header_table(table, depth));
                Ok(Value { span: self.span(tables.span()), kind: Kind::Array(values.collect::<Result<_, _>>()?) })
            }
            Item::None => Err(SyntaxError { span: self.enclosing.clone(), message: "a value is missing".into() }),
        }
    }

    fn header_table(&self, table: &toml_edit::Table, depth: usize) -> Result<Value, SyntaxError> {
        let table = self.table(table, table.span(), depth)?;
        Ok(Value { span: table.span.clone(), kind: Kind::Table(table) })
    }

    fn value(&self, value: &toml_edit::Value, depth: usize) -> Result<Value, SyntaxError> {
        let span = self.span(value.span());
        let kind = match value {
            toml_edit::Value::Boolean(value) => Kind::Boolean(*value.value()),
            toml_edit::Value::Integer(value) => Kind::Integer(*value.value()),
            toml_edit::Value::Float(value) => Kind::Float(*value.value()),
            toml_edit::Value::String(value) => Kind::Text(value.value().clone()),
            toml_edit::Value::Datetime(value) => Kind::Datetime(value.value().to_string()),
            toml_edit::Value::Array(values) => {
                let depth = self.deeper(depth)?;
                let inner = Self { base: self.base, enclosing: span.clone() };
                Kind::Array(values.iter().map(|value| inner.value(value, depth)).collect::<Result<_, _>>()?)
            }
            toml_edit::Value::InlineTable(table) => Kind::Table(self.table(table, table.span(), depth)?),
        };
        Ok(Value { span, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"name = "x"
threads = 2
[source.bids]
schema = { price = "f64", "a.b" = "s64" }
[source.bids.csv]
quote = ""
[operator]
[operator.two.limits]
[operator.to-euro] # a comment
input = ["bids", "other"]
options.deep.er = 1
"#;

    fn at(place: &str) -> Option<&'static str> {
        Table::parse(TEXT, 0).expect("TOML").span_of(place).map(|span| &TEXT[span])
    }

    #[test]
    fn places_lead_to_what_is_written_there() {
        assert_eq!(at("source.bids.schema.price"), Some("\"f64\""));
        assert_eq!(at("source.bids.schema.a.b"), Some("\"s64\""));
        assert_eq!(at("operator.to-euro.input.1"), Some("\"other\""));
        assert_eq!(at("operator.to-euro.options.deep.er"), Some("1"));
        assert_eq!(at("operator.to-euro"), Some("[operator.to-euro]"));
        assert_eq!(at("operator.two"), Some("two"), "an implied table is where its name is");
    }

    #[test]
    fn unknown_places_fall_back_to_what_is_around_them() {
        assert_eq!(at("operator.to-euro.input.7"), Some("[\"bids\", \"other\"]"));
        assert_eq!(at("operator.to-euro.module"), Some("[operator.to-euro]"));
        assert_eq!(at("source.bids.schema.price.0"), Some("\"f64\""));
        assert_eq!(at("sink.out"), None);
    }

    #[test]
    fn values_are_toml_or_else_strings() {
        let kind = |text: &str| format!("{:?}", Value::parse(text, 100).kind);
        assert_eq!(kind("4"), "Integer(4)");
        assert_eq!(kind("many"), "Text(\"many\")");
        assert_eq!(kind("1\nx = 2"), "Text(\"1\\nx = 2\")");
        assert_eq!(kind(""), "Text(\"\")");
        let Kind::Array(values) = Value::parse("[1, \"a\"]", 100).kind else { panic!("an array") };
        assert_eq!(values[1].span, 104..107);
        assert_eq!(Value::parse("4", 0).span, 0..1);
    }

    #[test]
    fn nesting_is_bounded() {
        for text in [
            format!("a = {}{}", "[".repeat(70), "]".repeat(70)),
            format!("a = {}1{}", "{a.a.a.a.a.a.a.a.a.a = ".repeat(60), "}".repeat(60)),
            format!("[{}a]", "a.".repeat(70)),
        ] {
            assert!(Table::parse(&text, 0).is_err(), "{text}");
        }
    }
}
