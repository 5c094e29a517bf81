//! A schema for CSV files whose owner declared none, from the first rows.
//!
//! Called when a source is opened. A column gets the narrowest of s64, f64, bool, date and timestamp[us] that fits all
//! its values in the sample, else utf8; all columns are nullable, since the sample cannot say what comes later.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use pelton_core::job::CsvDialect;

use super::{
    super::time::{self, TimeReader},
    row::{Field as Text, Fields, Row},
    run::FieldRules,
    value::{Float64, Integer, Parser},
};
use crate::source::file::lines::Head;

/// Rows that are looked at.
const ROWS_MAX: usize = 10_000;

/// Guesses the columns of the rows in `bytes`, which follow `head`; `at_end`: they are all there are.
pub fn infer(bytes: &[u8], at_end: bool, dialect: &CsvDialect, head: &Head) -> Result<Schema, String> {
    let rules = FieldRules::new(dialect);
    let mut guesses: Vec<Guess> =
        head.names.as_ref().map_or_else(Vec::new, |names| vec![Guess::new(dialect); names.len()]);
    let mut fields = Fields::default();
    let (mut at, mut rows) = (0, 0);
    while rows < ROWS_MAX && at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        match fields.read(rest, dialect, at_end) {
            Row::Incomplete => break,
            Row::Nothing { end } => at += end,
            Row::Fields { end, closed, .. } => {
                at += end;
                if guesses.is_empty() {
                    guesses = vec![Guess::new(dialect); fields.len()];
                }
                // A bad row says nothing about columns.
                if closed && fields.len() == guesses.len() {
                    rows += 1;
                    for (index, guess) in guesses.iter_mut().enumerate() {
                        guess.look(fields.get(rest, index), &rules);
                    }
                }
            }
        }
    }
    if guesses.is_empty() {
        return Err("it has no rows".to_owned());
    }
    schema(&guesses, head)
}

fn schema(guesses: &[Guess], head: &Head) -> Result<Schema, String> {
    let mut seen = HashSet::new();
    let fields = guesses.iter().enumerate().map(|(index, guess)| {
        let given = head.names.as_ref().and_then(|names| names.get(index)).filter(|name| !name.is_empty());
        let name = given.cloned().unwrap_or_else(|| format!("column_{}", index + 1));
        if seen.insert(name.clone()) {
            Ok(Field::new(name, guess.data_type(), true))
        } else {
            Err(format!("two of its columns have the name `{name}`"))
        }
    });
    Ok(Schema::new(fields.collect::<Result<Vec<_>, _>>()?))
}

/// What all values of a column so far could be.
#[derive(Debug, Clone)]
struct Guess {
    seen: bool,
    integer: bool,
    float: bool,
    boolean: bool,
    date: bool,
    timestamp: bool,
    date_pattern: Option<String>,
    times: TimeReader,
}

impl Guess {
    fn new(dialect: &CsvDialect) -> Self {
        let form = dialect.timestamp_format.as_deref();
        let times = TimeReader::new(TimeUnit::Microsecond, None, form).expect("UTC needs no zone");
        Self {
            seen: false,
            integer: true,
            float: true,
            boolean: true,
            date: true,
            timestamp: true,
            date_pattern: dialect.date_format.clone(),
            times,
        }
    }

    fn look(&mut self, field: Option<Text<'_>>, rules: &FieldRules) {
        let Some(Text { text, quoted }) = field else { return };
        if text.is_empty() || !quoted && rules.is_null_token(text) {
            return;
        }
        self.seen = true;
        self.integer = self.integer && Integer::<Int64Type>::new().exact(text).is_ok();
        self.float = self.float && Float64.exact(text).is_ok();
        self.boolean = self.boolean && (text.eq_ignore_ascii_case(b"true") || text.eq_ignore_ascii_case(b"false"));
        self.date = self.date && time::date(text, self.date_pattern.as_deref()).is_ok();
        self.timestamp = self.timestamp && self.times.read(text).is_ok();
    }

    fn data_type(&self) -> DataType {
        match self {
            Self { seen: false, .. } => DataType::Utf8,
            Self { integer: true, .. } => DataType::Int64,
            Self { float: true, .. } => DataType::Float64,
            Self { boolean: true, .. } => DataType::Boolean,
            Self { date: true, .. } => DataType::Date32,
            Self { timestamp: true, .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => DataType::Utf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use pelton_core::types;

    use super::*;

    fn inferred(text: &str, dialect: &CsvDialect) -> Result<Vec<String>, String> {
        let head = super::super::head(text.as_bytes(), true, dialect)?.expect("all is there");
        let schema = infer(&text.as_bytes()[head.rows_at as usize..], true, dialect, &head)?;
        Ok(schema.fields().iter().map(|f| format!("{} {}", f.name(), types::column(f))).collect())
    }

    #[test]
    fn columns_get_the_narrowest_type_that_fits() {
        let dialect = CsvDialect { header: true, null_tokens: vec!["NA".into()], ..CsvDialect::default() };
        let text = "a,b,c,d,e,f,,h\n1,2,true,2024-02-29,2024-02-29T10:00:00Z,x,,1\nNA,2.5,FALSE,1999-01-01,2024-02-29,1,,y,\n-5,nan,,NA,,\"\",,\"NA\"\n";
        let expected =
            ["a s64?", "b f64?", "c bool?", "d date?", "e timestamp[us]?", "f utf8?", "column_7 utf8?", "h utf8?"];
        assert_eq!(inferred(text, &dialect).expect("inferred"), expected);
    }

    #[test]
    fn files_without_header_number_their_columns() {
        assert_eq!(inferred("1,x\n", &CsvDialect::default()).expect("inferred"), ["column_1 s64?", "column_2 utf8?"]);
    }

    #[test]
    fn what_cannot_be_inferred_is_an_error() {
        assert!(inferred("", &CsvDialect::default()).is_err());
        let header = CsvDialect { header: true, ..CsvDialect::default() };
        assert!(inferred("a,a\n1,2\n", &header).is_err());
        assert_eq!(inferred("a,b\n", &header).expect("a header is enough"), ["a utf8?", "b utf8?"]);
    }
}
