//! Which keys are wanted: values of the first key columns, and the beginning of the text in the next one.
//!
//! Values come as text, from a command line or a request, and are read as the types of the key columns. Null is a key like any other.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, LargeBinaryArray, LargeStringArray, Scalar, StringArray,
        new_null_array,
    },
    compute::{CastOptions, and, cast_with_options, kernels::cmp::not_distinct},
    datatypes::{DataType, Field, FieldRef},
};
use pelton_core::types;

use super::LookError;
use crate::{job::diagnostic::shown, operator::partitions::partition, state::keys};

/// What is asked of the state of an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub operator: String,
    /// None: all of a key, or the only one that is the module's own.
    pub table: Option<String>,
    /// Values of the first key columns; none is null.
    pub key: Vec<Option<String>>,
    /// How the text in the key column after those begins.
    pub prefix: Option<String>,
    /// One key is meant: less than all of its values is refused.
    pub is_one: bool,
}

#[derive(Debug)]
pub(super) struct Filter {
    /// One value for each of the first key columns.
    equal: Vec<ArrayRef>,
    prefix: Option<String>,
    /// All key columns are given.
    is_whole: bool,
}

impl Filter {
    pub(super) fn new(wanted: &Wanted, fields: &[FieldRef]) -> Result<Self, LookError> {
        let Wanted { key, prefix, operator, is_one, .. } = wanted;
        let wrong = |what: String| LookError::Key { what, key: key_in_words(fields) };
        if key.len() > fields.len() || (*is_one && key.len() < fields.len()) {
            let (given, has) = (key.len(), fields.len());
            return Err(wrong(format!(
                "{given} values are given for the key of operator `{operator}`, which has {has}"
            )));
        }
        let equal =
            key.iter().zip(fields).map(|(text, field)| value("key column", field, text.as_deref()).map_err(wrong));
        let equal = equal.collect::<Result<Vec<_>, _>>()?;
        if prefix.is_some() {
            let next = fields.get(key.len()).map(|field| (field.name(), field.data_type()));
            match next {
                Some((_, DataType::Utf8 | DataType::LargeUtf8)) => {}
                Some((name, other)) => {
                    return Err(wrong(format!(
                        "key column `{name}` is {}, and only text has a beginning",
                        types::name(other)
                    )));
                }
                None => return Err(wrong("the key is given whole, and nothing is left for a prefix".into())),
            }
        }
        Ok(Self { is_whole: key.len() == fields.len(), equal, prefix: prefix.clone() })
    }

    /// All key columns are given.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The only partition that may hold such keys; none: any.
    pub(super) fn partition(&self, partitions: u16) -> Option<u16> {
        let hash = self.is_whole.then(|| keys::hashes(&self.equal, 1).first().copied())??;
        Some(partition(hash, partitions))
    }

    /// Those of `entries` whose key columns, row for row, are wanted.
    pub(super) fn choose(&self, entries: &[u32], columns: &[ArrayRef]) -> Result<Vec<u32>, LookError> {
        let mut mask: Option<BooleanArray> = None;
        let mut further = |next: BooleanArray| -> Result<(), LookError> {
            mask = Some(match mask.take() {
                Some(mask) => and(&mask, &next)?,
                None => next,
            });
            Ok(())
        };
        for (column, value) in columns.iter().zip(&self.equal) {
            further(not_distinct(column, &Scalar::new(Arc::clone(value)))?)?;
        }
        if let (Some(prefix), Some(column)) = (&self.prefix, columns.get(self.equal.len())) {
            further(match column.data_type() {
                DataType::LargeUtf8 => begins(column.as_string::<i64>().iter(), prefix),
                _ => begins(column.as_string::<i32>().iter(), prefix),
            })?;
        }
        Ok(match mask {
            None => entries.to_vec(),
            Some(mask) => {
                let chosen = entries.iter().zip(mask.iter()).filter(|(_, is_wanted)| *is_wanted == Some(true));
                chosen.map(|(entry, _)| *entry).collect()
            }
        })
    }
}

fn begins<'a>(column: impl Iterator<Item = Option<&'a str>>, prefix: &str) -> BooleanArray {
    column.map(|text| Some(text.is_some_and(|text| text.starts_with(prefix)))).collect()
}

/// `user utf8, day date`
fn key_in_words(fields: &[FieldRef]) -> String {
    let one = |field: &FieldRef| format!("`{}` {}", field.name(), types::name(field.data_type()));
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A value of a column, as an array of one; `what` the column is to whom it is told.
pub(in crate::job) fn value(what: &str, field: &Field, text: Option<&str>) -> Result<ArrayRef, String> {
    let (name, data_type) = (field.name(), field.data_type());
    let Some(text) = text else {
        return match field.is_nullable() {
            true => Ok(new_null_array(data_type, 1)),
            false => Err(format!("{what} `{name}` is never null")),
        };
    };
    let wrong = || format!("`{}` is no {} for {what} `{name}`", shown(text), types::name(data_type));
    Ok(match data_type {
        DataType::Utf8 => Arc::new(StringArray::from(vec![text])),
        DataType::LargeUtf8 => Arc::new(LargeStringArray::from(vec![text])),
        DataType::Binary => Arc::new(BinaryArray::from_vec(vec![hex(text).ok_or_else(wrong)?.as_slice()])),
        DataType::LargeBinary => Arc::new(LargeBinaryArray::from_vec(vec![hex(text).ok_or_else(wrong)?.as_slice()])),
        other => {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            let value =
                cast_with_options(&StringArray::from(vec![text.trim()]), other, &strict).map_err(|_| wrong())?;
            // What cannot be read is null for some types.
            if value.is_null(0) {
                return Err(wrong());
            }
            value
        }
    })
}

/// Bytes from pairs of hexadecimal digits, as JSON shows them.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pairs = pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok());
    pairs.collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    fn fields(columns: &[(&str, &str)]) -> Vec<FieldRef> {
        columns.iter().map(|(name, ty)| Arc::new(types::parse_column(name, ty).unwrap()) as FieldRef).collect()
    }

    fn wanted(key: &[Option<&str>], prefix: Option<&str>) -> Wanted {
        let key = key.iter().map(|value| value.map(str::to_owned)).collect();
        Wanted { operator: "op".into(), table: None, key, prefix: prefix.map(str::to_owned), is_one: false }
    }

    #[test]
    fn keys_are_chosen_by_values_and_beginnings() {
        let fields = fields(&[("n", "s64?"), ("t", "utf8?")]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(1), None, Some(1), Some(2), None])),
            Arc::new(StringArray::from(vec![Some("ada"), Some("ada"), None, Some("adam"), Some("bob")])),
        ];
        let chosen = |key: &[Option<&str>], prefix: Option<&str>| {
            let filter = Filter::new(&wanted(key, prefix), &fields).unwrap();
            filter.choose(&[10, 11, 12, 13, 14], &columns).unwrap()
        };
        assert_eq!(chosen(&[], None), [10, 11, 12, 13, 14]);
        assert_eq!(chosen(&[Some("1")], None), [10, 12]);
        assert_eq!(chosen(&[None], None), [11, 14]);
        assert_eq!(chosen(&[None], Some("b")), [14]);
        assert_eq!(chosen(&[Some("1"), None], None), [12]);
        assert_eq!(chosen(&[Some("2"), Some("adam")], None), [13]);
        assert_eq!(chosen(&[Some("7"), Some("adam")], None), [0; 0]);
    }

    #[test]
    fn values_are_read_as_the_types_of_the_key() {
        let read = |ty: &str, text: Option<&str>| value("key column", &types::parse_column("k", ty).unwrap(), text);
        for (ty, text) in [
            ("s8", "-128"),
            ("u64", "18446744073709551615"),
            ("bool", "true"),
            ("date", "2026-01-31"),
            ("timestamp[ms]", "2026-01-31T12:00:00.250Z"),
            ("decimal(9, 2)", "12.50"),
            ("binary", "00ff"),
            ("utf8", ""),
        ] {
            let array = read(ty, Some(text)).unwrap_or_else(|why| panic!("{ty} {text}: {why}"));
            assert_eq!((array.len(), array.null_count()), (1, 0), "{ty} {text}");
        }
        for (ty, text) in [("s8", "128"), ("s64", "x"), ("bool", "perhaps"), ("date", "yesterday"), ("binary", "0f0")] {
            let why = read(ty, Some(text)).unwrap_err();
            assert!(why.contains(text) && why.contains("`k`"), "{why}");
        }
        assert_eq!(read("s64", None).unwrap_err(), "key column `k` is never null");
        assert_eq!(read("s64?", None).unwrap().null_count(), 1);
    }

    #[test]
    fn what_does_not_fit_the_key_is_refused_with_the_key() {
        let fields = fields(&[("n", "s64"), ("t", "utf8")]);
        let refused = |key: &[Option<&str>], prefix: Option<&str>| {
            Filter::new(&wanted(key, prefix), &fields).unwrap_err().to_string()
        };
        assert!(refused(&[Some("1"), Some("a"), Some("b")], None).contains("3 values"));
        assert!(refused(&[], Some("a")).contains("only text has a beginning"));
        assert!(refused(&[Some("1"), Some("a")], Some("b")).contains("nothing is left"));
        let one = Wanted { is_one: true, ..wanted(&[Some("1")], None) };
        assert!(Filter::new(&one, &fields).is_err_and(|error| error.to_string().contains("1 values")));
        let whole = Filter::new(&wanted(&[Some("1"), Some("a")], None), &fields).unwrap();
        assert!(whole.partition(8).is_some_and(|partition| partition < 8));
        assert_eq!(Filter::new(&wanted(&[Some("1")], None), &fields).unwrap().partition(8), None);
    }
}
