//! Key columns as keys: hashed by value, and encoded so that they can be compared and kept.
//!
//! A key of one fixed-width column is a 64-bit word, one of text its bytes, any other the row format of
//! arrow-row. The hash is pelton-core's, column by column over the values, so that it does not depend on the encoding:
//! equal numbers of different width hash the same. Null is a key like any other here; joins leave such rows out before.

mod snapshot;

use std::{hint::black_box, sync::Arc};

use arrow::{
    array::{ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray},
    datatypes::{
        DataType, Date32Type, FieldRef, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
    row::{RowConverter, Rows, SortField},
};
use pelton_core::hash;

pub use self::snapshot::SavedKeys;
use super::table;

/// Why columns cannot be a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("column `{0}` is a float, and floats are no keys: NaN differs from itself and 0.1 + 0.2 from 0.3")]
    Float(String),
    #[error("column `{0}` is of type {1}, which cannot be a key")]
    Type(String, String),
}

/// How the key columns of an operator become keys, and keys columns again.
#[derive(Debug)]
pub struct KeyCodec {
    fields: Vec<FieldRef>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// No key column: all rows are one group.
    Unit,
    Word,
    Text,
    Rows(RowConverter),
}

/// The keys of a batch, row for row.
#[derive(Debug)]
pub enum Keys {
    Words(Vec<u64>),
    Text(StringArray),
    Rows(Rows),
}

/// Keys that are kept, by slot.
#[derive(Debug, Clone)]
pub enum KeyStore {
    Words(Vec<u64>),
    /// One after another: for keys that are added, and forgotten all together.
    Bytes {
        ends: Vec<usize>,
        bytes: Vec<u8>,
    },
    /// Each on its own, so that another key can take a slot.
    Boxes(Vec<Box<[u8]>>),
}

impl KeyCodec {
    pub fn new(fields: &[FieldRef]) -> Result<Self, KeyError> {
        if let Some(field) = fields.iter().find(|field| field.data_type().is_floating()) {
            return Err(KeyError::Float(field.name().clone()));
        }
        let form = match fields {
            [] => Form::Unit,
            [field] if !field.is_nullable() && is_word(field.data_type()) => Form::Word,
            [field] if !field.is_nullable() && *field.data_type() == DataType::Utf8 => Form::Text,
            _ => {
                let refused = |field: &&FieldRef| field.data_type().is_nested() || !is_hashed(field.data_type());
                if let Some(field) = fields.iter().find(refused) {
                    let name = pelton_core::types::name(field.data_type());
                    return Err(KeyError::Type(field.name().clone(), name));
                }
                let sorts = fields.iter().map(|field| SortField::new(field.data_type().clone())).collect();
                Form::Rows(RowConverter::new(sorts).expect("scalar types have a row format"))
            }
        };
        Ok(Self { fields: fields.to_vec(), form })
    }

    pub fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// Keys of `rows` rows; `columns` have the types that the codec was made for.
    pub fn encode(&self, columns: &[ArrayRef], rows: usize) -> Keys {
        match (&self.form, columns) {
            (Form::Word, [column]) => Keys::Words(words(column)),
            (Form::Text, [column]) => Keys::Text(column.as_string().clone()),
            (Form::Rows(converter), _) => {
                Keys::Rows(converter.convert_columns(columns).expect("the plan typed the key columns"))
            }
            _ => Keys::Words(vec![0; rows]),
        }
    }

    pub fn store(&self) -> KeyStore {
        match self.form {
            Form::Unit | Form::Word => KeyStore::Words(Vec::new()),
            Form::Text | Form::Rows(_) => KeyStore::Bytes { ends: Vec::new(), bytes: Vec::new() },
        }
    }

    /// A store whose slots can be used again.
    pub fn slots(&self) -> KeyStore {
        match self.form {
            Form::Unit | Form::Word => KeyStore::Words(Vec::new()),
            Form::Text | Form::Rows(_) => KeyStore::Boxes(Vec::new()),
        }
    }

    /// The key columns of these slots.
    pub fn decode(&self, store: &KeyStore, slots: &[u32]) -> Vec<ArrayRef> {
        match (&self.form, self.fields.as_slice()) {
            (Form::Word, [field]) => {
                let words: Vec<u64> = slots.iter().map(|slot| store.word(*slot)).collect();
                vec![from_words(field.data_type(), &words)]
            }
            (Form::Text, [_]) => {
                let text = |slot: &u32| std::str::from_utf8(store.bytes(*slot)).unwrap_or_default();
                vec![Arc::new(StringArray::from_iter_values(slots.iter().map(text)))]
            }
            (Form::Rows(converter), _) => {
                let parser = converter.parser();
                let rows = slots.iter().map(|slot| parser.parse(store.bytes(*slot)));
                converter.convert_rows(rows).expect("these bytes came from this converter")
            }
            _ => Vec::new(),
        }
    }
}

impl KeyStore {
    pub fn len(&self) -> usize {
        match self {
            Self::Words(words) => words.len(),
            Self::Bytes { ends, .. } => ends.len(),
            Self::Boxes(boxes) => boxes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn clear(&mut self) {
        match self {
            Self::Words(words) => words.clear(),
            Self::Bytes { ends, bytes } => {
                ends.clear();
                bytes.clear();
            }
            Self::Boxes(boxes) => boxes.clear(),
        }
    }

    #[inline]
    pub fn word(&self, slot: u32) -> u64 {
        match self {
            Self::Words(words) => words.get(slot as usize).copied().unwrap_or_default(),
            Self::Bytes { .. } | Self::Boxes(_) => 0,
        }
    }

    #[inline]
    pub fn bytes(&self, slot: u32) -> &[u8] {
        let slot = slot as usize;
        match self {
            Self::Words(_) => &[],
            Self::Bytes { ends, bytes } => {
                let start = slot.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
                ends.get(slot).and_then(|end| bytes.get(start..*end)).unwrap_or_default()
            }
            Self::Boxes(boxes) => boxes.get(slot).map(Box::as_ref).unwrap_or_default(),
        }
    }

    /// Loads the keys of these slots into the caches, as many as there are at once.
    pub fn load(&self, slots: &[u32]) {
        let places = slots.iter().map(|slot| *slot as usize);
        match self {
            Self::Words(words) => table::load(words, places),
            Self::Bytes { ends, bytes } => {
                // Ends lie side by side: the one before is mostly in the same line.
                let ends: Vec<usize> = places.map(|slot| ends.get(slot).copied().unwrap_or_default()).collect();
                table::load(bytes, ends.into_iter().map(|end| end.wrapping_sub(1)));
            }
            Self::Boxes(boxes) => {
                let first = |slot: usize| boxes.get(slot).and_then(|key| key.first()).copied().unwrap_or_default();
                black_box(places.fold(0, |sum, slot| sum ^ first(slot)));
            }
        }
    }

    /// Adds keys of another store of the same codec.
    pub fn extend_of(&mut self, other: &Self, slots: &[u32]) {
        match self {
            Self::Words(words) => words.extend(slots.iter().map(|slot| other.word(*slot))),
            Self::Bytes { .. } | Self::Boxes(_) => slots.iter().for_each(|slot| other.bytes(*slot).push(self)),
        }
    }

    /// Adds keys as they came, these rows of them.
    pub fn extend_from(&mut self, keys: &Keys, rows: &[u32]) {
        match keys {
            Keys::Words(words) => {
                let word = |row: &u32| words.get(*row as usize).copied().unwrap_or_default();
                rows.iter().for_each(|row| word(row).push(self));
            }
            Keys::Text(text) => rows.iter().for_each(|row| text.value(*row as usize).as_bytes().push(self)),
            Keys::Rows(encoded) => rows.iter().for_each(|row| encoded.row(*row as usize).data().push(self)),
        }
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Words(words) => size_of_val(words.as_slice()),
            Self::Bytes { ends, bytes } => size_of_val(ends.as_slice()) + bytes.len(),
            Self::Boxes(boxes) => size_of_val(boxes.as_slice()) + boxes.iter().map(|key| key.len()).sum::<usize>(),
        }
    }
}

/// One key, in either form.
pub trait Key: Copy {
    fn is_at(self, store: &KeyStore, slot: u32) -> bool;
    fn push(self, store: &mut KeyStore);
    /// Puts the key in the place of another; only in a store whose slots can be used again.
    fn replace(self, store: &mut KeyStore, slot: u32);
}

impl Key for u64 {
    #[inline(always)]
    fn is_at(self, store: &KeyStore, slot: u32) -> bool {
        store.word(slot) == self
    }

    #[inline(always)]
    fn push(self, store: &mut KeyStore) {
        if let KeyStore::Words(words) = store {
            words.push(self);
        }
    }

    fn replace(self, store: &mut KeyStore, slot: u32) {
        if let KeyStore::Words(words) = store
            && let Some(at) = words.get_mut(slot as usize)
        {
            *at = self;
        }
    }
}

impl Key for &[u8] {
    #[inline(always)]
    fn is_at(self, store: &KeyStore, slot: u32) -> bool {
        is_same(store.bytes(slot), self)
    }

    #[inline(always)]
    fn push(self, store: &mut KeyStore) {
        match store {
            KeyStore::Words(_) => {}
            KeyStore::Bytes { ends, bytes } => {
                bytes.extend_from_slice(self);
                ends.push(bytes.len());
            }
            KeyStore::Boxes(boxes) => boxes.push(self.into()),
        }
    }

    fn replace(self, store: &mut KeyStore, slot: u32) {
        if let KeyStore::Boxes(boxes) = store
            && let Some(at) = boxes.get_mut(slot as usize)
        {
            *at = self.into();
        }
    }
}

/// Whether two keys are equal; most are short, and then a call would cost more than the comparison.
#[inline(always)]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0..=3 => one.iter().eq(other),
        4..=8 => one.first_chunk::<4>() == other.first_chunk() && one.last_chunk::<4>() == other.last_chunk(),
        9..=16 => one.first_chunk::<8>() == other.first_chunk() && one.last_chunk::<8>() == other.last_chunk(),
        _ => one == other,
    }
}

/// One stable hash for each row.
pub fn hashes(columns: &[ArrayRef], rows: usize) -> Vec<u64> {
    let Some((first, rest)) = columns.split_first() else { return vec![hash::hash_null(); rows] };
    let mut all = column_hashes(first);
    for column in rest {
        let more = column_hashes(column);
        all.iter_mut().zip(more).for_each(|(all, more)| *all = hash::combine(*all, more));
    }
    all
}

fn column_hashes(column: &ArrayRef) -> Vec<u64> {
    let array = column.as_ref();
    let mut hashes: Vec<u64> = match array.data_type() {
        DataType::Utf8 => bytes_hashes(array.as_string::<i32>().iter().map(|value| value.map(str::as_bytes))),
        DataType::LargeUtf8 => bytes_hashes(array.as_string::<i64>().iter().map(|value| value.map(str::as_bytes))),
        DataType::Binary => bytes_hashes(array.as_binary::<i32>().iter()),
        DataType::LargeBinary => bytes_hashes(array.as_binary::<i64>().iter()),
        DataType::Decimal128(..) => {
            let values = array.as_primitive::<arrow::datatypes::Decimal128Type>().values();
            let halves = |value: &i128| hash::combine(hash::hash_word(*value as u64), (*value >> 64) as u64);
            values.iter().map(halves).collect()
        }
        _ => words(column).into_iter().map(hash::hash_word).collect(),
    };
    if let Some(nulls) = array.nulls() {
        let missing = hashes.iter_mut().zip(nulls).filter(|(_, valid)| !valid);
        missing.for_each(|(hash, _)| *hash = hash::hash_null());
    }
    hashes
}

fn bytes_hashes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Vec<u64> {
    values.map(|value| value.map_or_else(hash::hash_null, hash::hash_bytes)).collect()
}

fn is_word(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Boolean | DataType::Date32 | DataType::Timestamp(..))
}

fn is_hashed(data_type: &DataType) -> bool {
    is_word(data_type)
        || matches!(
            data_type,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary | DataType::Decimal128(..)
        )
}

/// Values as words, sign-extended; whatever lies under nulls.
fn words(column: &ArrayRef) -> Vec<u64> {
    fn of<T: ArrowPrimitiveType>(column: &ArrayRef, word: impl Fn(T::Native) -> u64) -> Vec<u64> {
        column.as_primitive::<T>().values().iter().map(|value| word(*value)).collect()
    }
    match column.data_type() {
        DataType::Boolean => column.as_boolean().values().iter().map(u64::from).collect(),
        DataType::Int8 => of::<Int8Type>(column, |value| value as u64),
        DataType::Int16 => of::<Int16Type>(column, |value| value as u64),
        DataType::Int32 => of::<Int32Type>(column, |value| value as u64),
        DataType::Int64 => of::<Int64Type>(column, |value| value as u64),
        DataType::UInt8 => of::<UInt8Type>(column, u64::from),
        DataType::UInt16 => of::<UInt16Type>(column, u64::from),
        DataType::UInt32 => of::<UInt32Type>(column, u64::from),
        DataType::UInt64 => of::<UInt64Type>(column, |value| value),
        DataType::Date32 => of::<Date32Type>(column, |value| value as u64),
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(column, |value| value as u64),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType>(column, |value| value as u64),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(column, |value| value as u64),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType>(column, |value| value as u64),
        other => unreachable!("`is_word` lets no column of type {other} be a word"),
    }
}

/// The column that [`words`] read.
fn from_words(data_type: &DataType, words: &[u64]) -> ArrayRef {
    fn of<T: ArrowPrimitiveType>(data_type: &DataType, words: &[u64], value: impl Fn(u64) -> T::Native) -> ArrayRef {
        let values = words.iter().map(|word| value(*word));
        Arc::new(PrimitiveArray::<T>::from_iter_values(values).with_data_type(data_type.clone()))
    }
    match data_type {
        DataType::Boolean => Arc::new(BooleanArray::from_iter(words.iter().map(|word| Some(*word != 0)))),
        DataType::Int8 => of::<Int8Type>(data_type, words, |word| word as i8),
        DataType::Int16 => of::<Int16Type>(data_type, words, |word| word as i16),
        DataType::Int32 => of::<Int32Type>(data_type, words, |word| word as i32),
        DataType::UInt8 => of::<UInt8Type>(data_type, words, |word| word as u8),
        DataType::UInt16 => of::<UInt16Type>(data_type, words, |word| word as u16),
        DataType::UInt32 => of::<UInt32Type>(data_type, words, |word| word as u32),
        DataType::UInt64 => of::<UInt64Type>(data_type, words, |word| word),
        DataType::Date32 => of::<Date32Type>(data_type, words, |word| word as i32),
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(data_type, words, |word| word as i64),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            of::<TimestampMillisecondType>(data_type, words, |word| word as i64)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            of::<TimestampMicrosecondType>(data_type, words, |word| word as i64)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            of::<TimestampNanosecondType>(data_type, words, |word| word as i64)
        }
        _ => of::<Int64Type>(data_type, words, |word| word as i64),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, TimestampMillisecondArray};
    use pelton_core::types::parse_column;

    use super::*;

    fn codec(columns: &[(&str, &str)]) -> Result<KeyCodec, KeyError> {
        let fields: Vec<FieldRef> =
            columns.iter().map(|(name, ty)| Arc::new(parse_column(name, ty).unwrap())).collect();
        KeyCodec::new(&fields)
    }

    fn round_trip(codec: &KeyCodec, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut store = codec.store();
        match codec.encode(columns, rows) {
            Keys::Words(words) => words.into_iter().for_each(|word| word.push(&mut store)),
            Keys::Text(text) => text.iter().flatten().for_each(|text| text.as_bytes().push(&mut store)),
            Keys::Rows(encoded) => encoded.iter().for_each(|row| row.data().push(&mut store)),
        }
        assert_eq!(store.len(), rows);
        codec.decode(&store, &(0..rows as u32).collect::<Vec<_>>())
    }

    #[test]
    fn keys_of_every_form_come_back_as_their_columns() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, -1, 0, i64::MAX]));
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, -5, i64::MAX, 7]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["", "a", "é", "long enough to be more than one block…"]));
        let nullable: ArrayRef = Arc::new(StringArray::from(vec![None, Some(""), Some("x"), None]));
        for (columns, arrays) in [
            (vec![("a", "s64")], vec![Arc::clone(&numbers)]),
            (vec![("a", "timestamp[ms]")], vec![times]),
            (vec![("a", "utf8")], vec![texts]),
            (vec![("a", "utf8?")], vec![Arc::clone(&nullable)]),
            (vec![("a", "s64"), ("b", "utf8?")], vec![numbers, nullable]),
        ] {
            assert_eq!(round_trip(&codec(&columns).unwrap(), &arrays), arrays, "{columns:?}");
        }
    }

    #[test]
    fn keys_of_every_length_differ_by_any_byte() {
        let key: Vec<u8> = (0..40).collect();
        for length in 0..key.len() {
            let (one, copy) = (&key[..length], key[..length].to_vec());
            assert!(is_same(one, &copy) && !is_same(one, &key[..length + 1]));
            for at in 0..length {
                let mut other = one.to_vec();
                other[at] ^= 1;
                assert!(!is_same(one, &other), "byte {at} of {length}");
            }
        }
    }

    #[test]
    fn floats_are_refused_with_the_reason() {
        let error = codec(&[("a", "s64"), ("b", "f32")]).expect_err("a float");
        assert!(error.to_string().contains("`b` is a float"), "{error}");
        assert!(codec(&[("a", "list<s64>"), ("b", "s64")]).is_err());
    }

    #[test]
    fn a_number_hashes_the_same_in_every_width_and_nulls_differ_from_zero() {
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![Some(-7), None, Some(0)]));
        let narrow: ArrayRef = Arc::new(PrimitiveArray::<Int8Type>::from(vec![Some(-7), None, Some(0)]));
        let (wide, narrow) = (hashes(&[wide], 3), hashes(&[narrow], 3));
        assert_eq!(wide, narrow);
        assert_ne!(wide.get(1), wide.get(2));
    }
}
