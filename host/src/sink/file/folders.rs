//! Folders by the values of columns, in Hive's layout: `country=DE/day=2026-11-22/part-00000.parquet`.
//!
//! ```text
//!  compute threads                                        sink thread
//!  batch ─► rows by folder, without these columns ─► text or batch of each ─► the open part of each folder
//! ```
//!
//! Called by encoders. Names and values are escaped as Hive does, `%` and two hexadecimal digits, so that a value never leaves its folder; null,
//! and an empty text, is `__HIVE_DEFAULT_PARTITION__`. Invariant: the folders of a batch, and the rows in them, are in the order in which the batch
//! has them.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, RecordBatch, UInt32Array},
    compute::take_record_batch,
    datatypes::{DataType, Schema, SchemaRef},
};

use crate::sink::{
    Encoded, Encoder, Payload, SinkError,
    value::{
        plain::{Plain, TimeFormats},
        strings::Strings,
    },
};

const NULL: &[u8] = b"__HIVE_DEFAULT_PARTITION__";

/// What stands for a column in a message.
const NAME: &str = "the name of a folder";

/// The columns of `partition-by`.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Their places, with what precedes each value: `country=`, `/day=`.
    by: Arc<[(usize, Vec<u8>)]>,
    /// The places of the columns that files hold.
    left: Arc<[usize]>,
    /// Of these.
    schema: SchemaRef,
}

impl Folders {
    /// None: all rows go to one folder. Refuses columns that are not there, or have no text of their own.
    pub fn new(columns: &[String], schema: &Schema) -> Result<Option<Self>, SinkError> {
        if columns.is_empty() {
            return Ok(None);
        }
        let mut by = Vec::new();
        for column in columns {
            let Ok(index) = schema.index_of(column) else {
                return Err(SinkError::NoFolderColumn { column: column.clone() });
            };
            let field = schema.field(index);
            if !has_name(field.data_type()) {
                return Err(SinkError::unsupported(NAME, field));
            }
            let mut before = if by.is_empty() { Vec::new() } else { b"/".to_vec() };
            escape(column.as_bytes(), &mut before);
            before.push(b'=');
            by.push((index, before));
        }
        let left: Vec<usize> =
            (0..schema.fields().len()).filter(|index| !by.iter().any(|(taken, _)| taken == index)).collect();
        if left.is_empty() {
            return Err(SinkError::Columns {
                format: "a file",
                needs: "a column besides those of `partition-by`",
                count: 0,
            });
        }
        let schema = schema.project(&left).expect("they are columns of it");
        Ok(Some(Self { by: by.into(), left: left.into(), schema: Arc::new(schema) }))
    }

    /// The columns that files hold.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows of each folder.
    fn split(&self, rows: &RecordBatch) -> Result<Vec<(String, RecordBatch)>, SinkError> {
        let failed = |reason: String| SinkError::Encode { format: NAME, reason };
        let formats = TimeFormats::default();
        let column = |(index, before): &'_ (usize, Vec<u8>)| {
            let array = rows.columns().get(*index)?.as_ref();
            Some((before.clone(), array, Values::bind(array, &formats)?))
        };
        let columns: Vec<_> = self
            .by
            .iter()
            .map(column)
            .collect::<Option<_>>()
            .ok_or_else(|| failed("a batch has other types than the sink".into()))?;
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut folders: Vec<(Vec<u8>, Vec<u32>)> = Vec::new();
        let (mut folder, mut value) = (Vec::new(), Vec::new());
        for row in 0..rows.num_rows() {
            folder.clear();
            for (before, array, values) in &columns {
                folder.extend_from_slice(before);
                value.clear();
                if array.is_valid(row) {
                    values.write(row, &mut value);
                }
                if value.is_empty() { folder.extend_from_slice(NULL) } else { escape(&value, &mut folder) }
            }
            let place = match places.get(&folder) {
                Some(place) => *place,
                None => {
                    places.insert(folder.clone(), folders.len());
                    folders.push((folder.clone(), Vec::new()));
                    folders.len() - 1
                }
            };
            if let (Some((_, of_folder)), Ok(row)) = (folders.get_mut(place), u32::try_from(row)) {
                of_folder.push(row);
            }
        }
        let left = rows.project(&self.left).map_err(|error| failed(error.to_string()))?;
        let one = |(folder, rows): (Vec<u8>, Vec<u32>)| {
            let folder = String::from_utf8(folder).map_err(|error| failed(error.to_string()))?;
            let rows = take_record_batch(&left, &UInt32Array::from(rows)).map_err(|error| failed(error.to_string()))?;
            Ok((folder, rows))
        };
        folders.into_iter().map(one).collect()
    }
}

/// A column of `partition-by`, bound to a batch.
enum Values<'a> {
    Plain(Plain<'a>),
    Text(Strings<'a>),
}

impl<'a> Values<'a> {
    fn bind(array: &'a dyn Array, formats: &'a TimeFormats) -> Option<Self> {
        Strings::bind(array).map(Self::Text).or_else(|| Plain::bind(array, formats).map(Self::Plain))
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Plain(plain) => plain.write(row, out),
            Self::Text(strings) => out.extend_from_slice(strings.value(row).as_bytes()),
        }
    }
}

/// Floats have several texts for a number, and none of a folder's.
fn has_name(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Date32
                | DataType::Timestamp(..)
                | DataType::Decimal128(..)
        )
}

/// Writes a name or a value as Hive does.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    for byte in text {
        if byte.is_ascii_control() || b"\"#%'*/:=?\\{[]^".contains(byte) {
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
}

/// Gives the rows of each folder to an encoder of the format.
pub struct FolderEncoder {
    pub folders: Folders,
    pub inner: Box<dyn Encoder>,
}

impl Encoder for FolderEncoder {
    fn encode(&mut self, rows: &RecordBatch) -> Result<Encoded, SinkError> {
        let mut encoded = Vec::new();
        for (folder, rows) in self.folders.split(rows)? {
            encoded.push((folder, self.inner.encode(&rows)?));
        }
        Ok(Encoded { rows: rows.num_rows() as u64, payload: Payload::Folders(encoded) })
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{ArrayRef, AsArray, Date32Array, Int64Array, StringArray},
        datatypes::{Field, Int64Type},
    };

    use super::*;

    fn rows() -> RecordBatch {
        let countries: ArrayRef =
            Arc::new(StringArray::from(vec![Some("DE"), Some("a/b=%"), None, Some("DE"), Some("")]));
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(20_779), Some(0), Some(0), Some(20_779), None]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]));
        RecordBatch::try_from_iter_with_nullable([
            ("country", countries, true),
            ("n", numbers, true),
            ("day of", days, true),
        ])
        .unwrap()
    }

    #[test]
    fn rows_go_to_the_folder_of_their_values_in_order() {
        let rows = rows();
        let folders = Folders::new(&["country".into(), "day of".into()], rows.schema_ref()).unwrap().unwrap();
        let split = folders.split(&rows).unwrap();
        let found: Vec<(&str, Vec<i64>)> = split
            .iter()
            .map(|(folder, rows)| (folder.as_str(), rows.column(0).as_primitive::<Int64Type>().values().to_vec()))
            .collect();
        let expected = [
            ("country=DE/day of=2026-11-22", vec![1, 4]),
            ("country=a%2Fb%3D%25/day of=1970-01-01", vec![2]),
            ("country=__HIVE_DEFAULT_PARTITION__/day of=1970-01-01", vec![3]),
            ("country=__HIVE_DEFAULT_PARTITION__/day of=__HIVE_DEFAULT_PARTITION__", vec![5]),
        ];
        assert_eq!(found, expected);
        assert_eq!(folders.schema().fields().len(), 1);
    }

    #[test]
    fn columns_without_a_name_are_refused() {
        let schema =
            Schema::new(vec![Field::new("f", DataType::Float64, true), Field::new("n", DataType::Int64, true)]);
        let refusal = |columns: &[&str]| {
            let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
            Folders::new(&columns, &schema).unwrap_err().to_string()
        };
        assert_eq!(refusal(&["f"]), "the name of a folder cannot hold column `f` of type f64");
        assert!(refusal(&["x"]).contains("`x`"));
        let only = Schema::new(vec![Field::new("n", DataType::Int64, true)]);
        assert!(Folders::new(&["n".into()], &only).is_err());
    }
}
