//! JSON columns from a sample of rows.
//!
//! Every column is nullable, for a sample cannot know. Integers are s64, and f64 where one is larger or has a
//! fraction; strings are utf8, and timestamp[us] if all of them are ISO 8601 with a time of day; arrays are lists, objects
//! structs. A column that was null throughout is utf8. An object that was always empty says nothing and is left out.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use serde_json::{Map, Value};

use crate::source::file::newline;
use crate::source::file::time::is_iso_timestamp;

/// Rows of a sample that are looked at.
const ROWS_MAX: usize = 10_000;

/// The columns of the rows in `sample`, in the order in which they first came. A last row without newline counts
/// only if the sample reaches the file's end. Rows that are not JSON objects are passed over, unless all are.
/// The error is a reason why there are none.
pub fn infer(sample: &[u8], at_end: bool) -> Result<Schema, String> {
    let mut members = Members::default();
    let (mut objects, mut first_bad) = (0_usize, None);
    let mut rest = sample;
    while objects < ROWS_MAX && !rest.is_empty() {
        let (row, next) = newline::split_row(rest);
        let cut = next.is_empty() && !rest.ends_with(b"\n") && !at_end;
        rest = next;
        if cut || row.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Map<String, Value>>(row) {
            Ok(object) => {
                objects += 1;
                members.merge(object, "")?;
            }
            Err(error) => {
                first_bad.get_or_insert_with(|| error.to_string());
            }
        }
    }
    if objects == 0 {
        return Err(match first_bad {
            Some(error) => format!("its first rows hold no JSON object ({error})"),
            None => "it has no rows to go by".to_owned(),
        });
    }
    Ok(Schema::new(members.into_fields()))
}

/// What has been seen of one value.
#[derive(Debug, Default)]
enum Seen {
    #[default]
    Null,
    Bool,
    Integer,
    Float,
    Timestamp,
    Text,
    List(Box<Seen>),
    Object(Members),
}

impl Seen {
    /// Widens this to what also holds `value`; `path` names it in the error.
    fn merge(&mut self, value: Value, path: &str) -> Result<(), String> {
        let merged = match (std::mem::take(self), value) {
            (seen, Value::Null) => seen,
            (Self::Null | Self::Bool, Value::Bool(_)) => Self::Bool,
            (Self::Null | Self::Integer, Value::Number(number)) if number.is_i64() => Self::Integer,
            (Self::Null | Self::Integer | Self::Float, Value::Number(_)) => Self::Float,
            (Self::Null | Self::Timestamp, Value::String(text)) if is_timestamp(&text) => Self::Timestamp,
            (Self::Null | Self::Timestamp | Self::Text, Value::String(_)) => Self::Text,
            (Self::Null, Value::Array(items)) => Self::list(Self::Null, items, path)?,
            (Self::List(item), Value::Array(items)) => Self::list(*item, items, path)?,
            (Self::Null, Value::Object(object)) => Self::object(Members::default(), object, path)?,
            (Self::Object(members), Value::Object(object)) => Self::object(members, object, path)?,
            (seen, value) => return Err(format!("`{path}` holds {} and {}", seen.plural(), plural(&value))),
        };
        *self = merged;
        Ok(())
    }

    fn list(mut item: Self, items: Vec<Value>, path: &str) -> Result<Self, String> {
        let path = format!("{path}[]");
        items.into_iter().try_for_each(|value| item.merge(value, &path))?;
        Ok(Self::List(Box::new(item)))
    }

    fn object(mut members: Members, object: Map<String, Value>, path: &str) -> Result<Self, String> {
        members.merge(object, &format!("{path}."))?;
        Ok(Self::Object(members))
    }

    fn into_type(self) -> Option<DataType> {
        Some(match self {
            Self::Null | Self::Text => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::List(item) => DataType::List(Arc::new(Field::new("item", item.into_type()?, true))),
            Self::Object(members) => DataType::Struct(Some(members.into_fields()).filter(|fields| !fields.is_empty())?),
        })
    }

    fn plural(&self) -> &'static str {
        match self {
            Self::Null => "nulls",
            Self::Bool => "booleans",
            Self::Integer | Self::Float => "numbers",
            Self::Timestamp | Self::Text => "strings",
            Self::List(_) => "arrays",
            Self::Object(_) => "objects",
        }
    }
}

fn plural(value: &Value) -> &'static str {
    match value {
        Value::Null => "nulls",
        Value::Bool(_) => "booleans",
        Value::Number(_) => "numbers",
        Value::String(_) => "strings",
        Value::Array(_) => "arrays",
        Value::Object(_) => "objects",
    }
}

/// Whether it shows a day and a time of day. A day alone is text: it may be anything.
fn is_timestamp(text: &str) -> bool {
    text.len() > "2024-02-29".len() && is_iso_timestamp(text.as_bytes())
}

/// The members of an object, in the order in which they first came.
#[derive(Debug, Default)]
struct Members {
    places: HashMap<String, usize>,
    seen: Vec<(String, Seen)>,
}

/// Members of one object that can be columns. More of them mean that the keys are data.
const MEMBERS_MAX: usize = 4096;

impl Members {
    fn merge(&mut self, object: Map<String, Value>, prefix: &str) -> Result<(), String> {
        for (key, value) in object {
            let place = *self.places.entry(key).or_insert_with_key(|key| {
                self.seen.push((key.clone(), Seen::Null));
                self.seen.len() - 1
            });
            if place >= MEMBERS_MAX {
                return Err(format!("its objects have more than {MEMBERS_MAX} different keys"));
            }
            if let Some((name, seen)) = self.seen.get_mut(place) {
                seen.merge(value, &format!("{prefix}{name}"))?;
            }
        }
        Ok(())
    }

    fn into_fields(self) -> Fields {
        let fields = self.seen.into_iter().filter_map(|(name, seen)| Some(Field::new(name, seen.into_type()?, true)));
        fields.collect()
    }
}

#[cfg(test)]
mod tests {
    use pelton_core::types;

    use super::*;

    fn inferred(sample: &str) -> Result<String, String> {
        let schema = infer(sample.as_bytes(), true)?;
        Ok(types::name(&DataType::Struct(schema.fields().clone())))
    }

    #[test]
    fn types_widen_until_they_hold_every_row() {
        let sample = r#"
            {"i": 1, "f": 1, "b": true, "t": "2024-02-29T12:00:00Z", "s": "2024-02-29T12:00:00Z", "n": null}
            {"f": 1.5, "s": "x", "d": "2024-02-29", "l": [1, null], "o": {"a": 1}, "e": {}, "big": 9223372036854775808}
            {"l": [], "o": {"b": ["x"]}, "i": null}
        "#;
        let expected = "struct<i: s64?, f: f64?, b: bool?, t: timestamp[us]?, s: utf8?, n: utf8?, d: utf8?, l: list<s64?>?, \
                        o: struct<a: s64?, b: list<utf8?>?>?, big: f64?>";
        assert_eq!(inferred(sample).as_deref(), Ok(expected));
    }

    #[test]
    fn what_no_type_holds_is_an_error_that_names_it() {
        let error = inferred("{\"a\": [{\"b\": 1}]}\n{\"a\": [{\"b\": \"x\"}]}").expect_err("mixed");
        assert!(error.ends_with("`a[].b` holds numbers and strings"), "{error}");
        assert!(inferred("").expect_err("empty").contains("no rows"));
        assert!(inferred("[1]\nfoo\n").expect_err("no objects").contains("no JSON object"));
        let many: String = (0..5000).map(|i| format!("{{\"k{i}\": 1}}\n")).collect();
        assert!(inferred(&many).expect_err("keys are data").contains("4096"));
    }

    #[test]
    fn bad_and_cut_rows_do_not_count() {
        assert_eq!(inferred("nonsense\n{\"a\": 1}\r\n").as_deref(), Ok("struct<a: s64?>"));
        let cut = infer(b"{\"a\": 1}\n{\"a\": 1.5}", false).expect("one row");
        assert_eq!(cut.field(0).data_type(), &DataType::Int64);
    }
}
