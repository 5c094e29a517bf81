//! Rows of state: typed columns that grow, read and written by slot.
//!
//! What a guest sees of state is gathered into Arrow arrays, and what it answers is scattered back. Fixed-width
//! values lie in one vector a column; text and bytes, of which sketches are made, in one allocation a row.

mod evolve;
mod snapshot;

use arrow::{
    array::{Array, ArrayData, ArrayRef, AsArray, BinaryArray, BooleanArray, StringArray, make_array},
    buffer::{Buffer, NullBuffer},
    datatypes::{ArrowNativeType, DataType, SchemaRef},
};
use std::sync::Arc;

pub use self::snapshot::SavedRows;

/// Rows of one table of state.
#[derive(Debug)]
pub struct StateRows {
    columns: Vec<Column>,
    rows: usize,
    /// Slots whose rows were given back.
    free: Vec<u32>,
}

#[derive(Debug)]
enum Column {
    Bits(Fixed<u8>),
    W1(DataType, Fixed<u8>),
    W2(DataType, Fixed<u16>),
    W4(DataType, Fixed<u32>),
    W8(DataType, Fixed<u64>),
    W16(DataType, Fixed<i128>),
    /// `held`: the bytes of all values.
    Bytes {
        is_text: bool,
        values: Vec<Option<Box<[u8]>>>,
        held: usize,
    },
}

/// Whether state can hold a column of this type.
pub fn holds(data_type: &DataType) -> bool {
    Column::new(data_type).is_some()
}

impl StateRows {
    /// No rows yet. The types are those that [`holds`] allows.
    pub fn new(schema: &SchemaRef) -> Self {
        let columns = schema.fields().iter();
        let columns = columns.map(|field| Column::new(field.data_type()).expect("the contract's check allows these"));
        Self { columns: columns.collect(), rows: 0, free: Vec::new() }
    }

    /// An empty table of the same columns.
    pub fn like(other: &Self) -> Self {
        Self { columns: other.columns.iter().map(Column::like).collect(), rows: 0, free: Vec::new() }
    }

    /// Bytes held, about. Cheap.
    pub fn held_bytes(&self) -> usize {
        self.columns.iter().map(Column::held_bytes).sum()
    }

    /// A slot for a new row, all null. Slots given back come first.
    pub fn allocate(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        let slot = self.rows as u32;
        self.grow_to(self.rows + 1);
        slot
    }

    /// Appends to `slots` so many of them, as [`Self::allocate`] gives them.
    pub fn allocate_many(&mut self, count: usize, slots: &mut Vec<u32>) {
        let kept = self.free.len().saturating_sub(count);
        let again = self.free.drain(kept..).rev();
        let new = count - again.len();
        slots.extend(again);
        slots.extend((self.rows..self.rows + new).map(|slot| slot as u32));
        self.grow_to(self.rows + new);
    }

    /// Makes sure that there is a row for each slot below `rows`: for tables whose slots are given out elsewhere.
    pub fn grow_to(&mut self, rows: usize) {
        if rows > self.rows {
            self.rows = rows;
            self.columns.iter_mut().for_each(|column| column.grow_to(rows));
        }
    }

    /// Makes rows null again.
    pub fn clear(&mut self, slots: &[u32]) {
        self.columns.iter_mut().for_each(|column| slots.iter().for_each(|slot| column.clear(*slot)));
    }

    /// Gives slots back; what they held is gone.
    pub fn release(&mut self, slots: &[u32]) {
        self.clear(slots);
        self.free.extend(slots.iter().rev());
    }

    /// The rows of these slots.
    pub fn gather(&self, slots: &[u32]) -> Vec<ArrayRef> {
        self.columns.iter().map(|column| column.gather(slots)).collect()
    }

    /// Adds copies of these rows of another table with the same columns.
    pub fn append(&mut self, other: &Self, slots: &[u32]) {
        self.rows += slots.len();
        self.columns.iter_mut().zip(&other.columns).for_each(|(column, other)| column.append(other, slots));
    }

    /// All rows; none is left.
    pub fn take_all(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        self.free.clear();
        self.columns.iter_mut().map(Column::take_all).collect()
    }

    /// Writes row i of `arrays` to `slots[i]`.
    pub fn scatter(&mut self, slots: &[u32], arrays: &[ArrayRef]) {
        self.columns.iter_mut().zip(arrays).for_each(|(column, array)| column.scatter(slots, array));
    }
}

impl Column {
    fn new(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Bits(Fixed::default()),
            DataType::Utf8 => Self::Bytes { is_text: true, values: Vec::new(), held: 0 },
            DataType::Binary => Self::Bytes { is_text: false, values: Vec::new(), held: 0 },
            other => match other.primitive_width()? {
                1 => Self::W1(other.clone(), Fixed::default()),
                2 => Self::W2(other.clone(), Fixed::default()),
                4 => Self::W4(other.clone(), Fixed::default()),
                8 => Self::W8(other.clone(), Fixed::default()),
                16 => Self::W16(other.clone(), Fixed::default()),
                _ => return None,
            },
        })
    }

    fn like(&self) -> Self {
        match self {
            Self::Bits(_) => Self::Bits(Fixed::default()),
            Self::W1(data_type, _) => Self::W1(data_type.clone(), Fixed::default()),
            Self::W2(data_type, _) => Self::W2(data_type.clone(), Fixed::default()),
            Self::W4(data_type, _) => Self::W4(data_type.clone(), Fixed::default()),
            Self::W8(data_type, _) => Self::W8(data_type.clone(), Fixed::default()),
            Self::W16(data_type, _) => Self::W16(data_type.clone(), Fixed::default()),
            Self::Bytes { is_text, .. } => Self::Bytes { is_text: *is_text, values: Vec::new(), held: 0 },
        }
    }

    /// Adds nulls, so that there are so many rows.
    fn grow_to(&mut self, rows: usize) {
        match self {
            Self::Bits(fixed) | Self::W1(_, fixed) => fixed.grow_to(rows),
            Self::W2(_, fixed) => fixed.grow_to(rows),
            Self::W4(_, fixed) => fixed.grow_to(rows),
            Self::W8(_, fixed) => fixed.grow_to(rows),
            Self::W16(_, fixed) => fixed.grow_to(rows),
            Self::Bytes { values, .. } => values.resize(rows, None),
        }
    }

    fn clear(&mut self, slot: u32) {
        match self {
            Self::Bits(fixed) | Self::W1(_, fixed) => fixed.clear(slot),
            Self::W2(_, fixed) => fixed.clear(slot),
            Self::W4(_, fixed) => fixed.clear(slot),
            Self::W8(_, fixed) => fixed.clear(slot),
            Self::W16(_, fixed) => fixed.clear(slot),
            Self::Bytes { values, held, .. } => {
                if let Some(value) = values.get_mut(slot as usize) {
                    *held -= value.take().map_or(0, |bytes| bytes.len());
                }
            }
        }
    }

    fn gather(&self, slots: &[u32]) -> ArrayRef {
        match self {
            Self::Bits(fixed) => {
                let (values, nulls) = fixed.gather(slots);
                Arc::new(BooleanArray::new(values.iter().map(|value| *value != 0).collect(), nulls))
            }
            Self::W1(data_type, fixed) => array(data_type, fixed.gather(slots)),
            Self::W2(data_type, fixed) => array(data_type, fixed.gather(slots)),
            Self::W4(data_type, fixed) => array(data_type, fixed.gather(slots)),
            Self::W8(data_type, fixed) => array(data_type, fixed.gather(slots)),
            Self::W16(data_type, fixed) => array(data_type, fixed.gather(slots)),
            Self::Bytes { is_text, values, .. } => {
                bytes(*is_text, slots.iter().map(|slot| values.get(*slot as usize).and_then(Option::as_deref)))
            }
        }
    }

    fn append(&mut self, other: &Self, slots: &[u32]) {
        match (self, other) {
            (Self::Bits(to), Self::Bits(from)) | (Self::W1(_, to), Self::W1(_, from)) => to.append(from, slots),
            (Self::W2(_, to), Self::W2(_, from)) => to.append(from, slots),
            (Self::W4(_, to), Self::W4(_, from)) => to.append(from, slots),
            (Self::W8(_, to), Self::W8(_, from)) => to.append(from, slots),
            (Self::W16(_, to), Self::W16(_, from)) => to.append(from, slots),
            (Self::Bytes { values, held, .. }, Self::Bytes { values: from, .. }) => {
                for slot in slots {
                    let value = from.get(*slot as usize).cloned().flatten();
                    *held += value.as_ref().map_or(0, |bytes| bytes.len());
                    values.push(value);
                }
            }
            _ => unreachable!("both tables have the same columns"),
        }
    }

    fn take_all(&mut self) -> ArrayRef {
        match self {
            Self::Bits(fixed) => {
                let (values, nulls) = fixed.take_all();
                Arc::new(BooleanArray::new(values.iter().map(|value| *value != 0).collect(), nulls))
            }
            Self::W1(data_type, fixed) => array(data_type, fixed.take_all()),
            Self::W2(data_type, fixed) => array(data_type, fixed.take_all()),
            Self::W4(data_type, fixed) => array(data_type, fixed.take_all()),
            Self::W8(data_type, fixed) => array(data_type, fixed.take_all()),
            Self::W16(data_type, fixed) => array(data_type, fixed.take_all()),
            Self::Bytes { is_text, values, held } => {
                *held = 0;
                bytes(*is_text, std::mem::take(values).iter().map(Option::as_deref))
            }
        }
    }

    fn scatter(&mut self, slots: &[u32], from: &ArrayRef) {
        match self {
            Self::Bits(fixed) => {
                let values: Vec<u8> = from.as_boolean().values().iter().map(u8::from).collect();
                fixed.scatter(slots, &values, from.nulls());
            }
            Self::W1(_, fixed) => fixed.scatter(slots, from.to_data().buffer(0), from.nulls()),
            Self::W2(_, fixed) => fixed.scatter(slots, from.to_data().buffer(0), from.nulls()),
            Self::W4(_, fixed) => fixed.scatter(slots, from.to_data().buffer(0), from.nulls()),
            Self::W8(_, fixed) => fixed.scatter(slots, from.to_data().buffer(0), from.nulls()),
            Self::W16(_, fixed) => fixed.scatter(slots, from.to_data().buffer(0), from.nulls()),
            Self::Bytes { is_text, values, held } => {
                let mut put = |slot: &u32, value: Option<&[u8]>| {
                    if let Some(at) = values.get_mut(*slot as usize) {
                        *held -= at.as_ref().map_or(0, |bytes| bytes.len());
                        *at = value.map(Box::from);
                        *held += value.map_or(0, <[u8]>::len);
                    }
                };
                if *is_text {
                    let rows = slots.iter().zip(from.as_string::<i32>());
                    rows.for_each(|(slot, value)| put(slot, value.map(str::as_bytes)));
                } else {
                    slots.iter().zip(from.as_binary::<i32>()).for_each(|(slot, value)| put(slot, value));
                }
            }
        }
    }

    fn held_bytes(&self) -> usize {
        match self {
            Self::Bits(fixed) | Self::W1(_, fixed) => fixed.held_bytes(),
            Self::W2(_, fixed) => fixed.held_bytes(),
            Self::W4(_, fixed) => fixed.held_bytes(),
            Self::W8(_, fixed) => fixed.held_bytes(),
            Self::W16(_, fixed) => fixed.held_bytes(),
            Self::Bytes { values, held, .. } => size_of_val(values.as_slice()) + held,
        }
    }
}

/// Values of one width, and which of them are not null.
#[derive(Debug)]
struct Fixed<T> {
    values: Vec<T>,
    valid: Vec<bool>,
}

impl<T> Default for Fixed<T> {
    fn default() -> Self {
        Self { values: Vec::new(), valid: Vec::new() }
    }
}

impl<T: ArrowNativeType> Fixed<T> {
    fn grow_to(&mut self, rows: usize) {
        self.values.resize(rows, T::default());
        self.valid.resize(rows, false);
    }

    fn clear(&mut self, slot: u32) {
        if let Some(valid) = self.valid.get_mut(slot as usize) {
            *valid = false;
        }
    }

    fn gather(&self, slots: &[u32]) -> (Vec<T>, Option<NullBuffer>) {
        let values = slots.iter().map(|slot| self.values.get(*slot as usize).copied().unwrap_or_default()).collect();
        let is_valid = |slot: &u32| self.valid.get(*slot as usize).copied().unwrap_or_default();
        let nulls = (!slots.iter().all(is_valid)).then(|| slots.iter().map(is_valid).collect());
        (values, nulls)
    }

    fn append(&mut self, other: &Self, slots: &[u32]) {
        self.values.extend(slots.iter().map(|slot| other.values.get(*slot as usize).copied().unwrap_or_default()));
        self.valid.extend(slots.iter().map(|slot| other.valid.get(*slot as usize).copied().unwrap_or_default()));
    }

    fn take_all(&mut self) -> (Vec<T>, Option<NullBuffer>) {
        let valid = std::mem::take(&mut self.valid);
        let nulls = valid.contains(&false).then(|| NullBuffer::from(valid));
        (std::mem::take(&mut self.values), nulls)
    }

    fn scatter(&mut self, slots: &[u32], values: &[T], nulls: Option<&NullBuffer>) {
        for (slot, value) in slots.iter().zip(values) {
            if let (Some(at), Some(valid)) = (self.values.get_mut(*slot as usize), self.valid.get_mut(*slot as usize)) {
                *at = *value;
                *valid = true;
            }
        }
        for (slot, is_valid) in slots.iter().zip(nulls.into_iter().flatten()) {
            if !is_valid {
                self.clear(*slot);
            }
        }
    }

    fn held_bytes(&self) -> usize {
        size_of_val(self.values.as_slice()) + self.valid.len()
    }
}

/// Text, or bytes.
fn bytes<'a>(is_text: bool, rows: impl Iterator<Item = Option<&'a [u8]>>) -> ArrayRef {
    if is_text {
        let text = |bytes| std::str::from_utf8(bytes).expect("it came as text");
        Arc::new(StringArray::from_iter(rows.map(|row| row.map(text))))
    } else {
        Arc::new(BinaryArray::from_iter(rows))
    }
}

fn array<T: ArrowNativeType>(data_type: &DataType, (values, nulls): (Vec<T>, Option<NullBuffer>)) -> ArrayRef {
    let data = ArrayData::builder(data_type.clone()).len(values.len()).add_buffer(Buffer::from_vec(values));
    make_array(data.nulls(nulls).build().expect("as many values as rows, of the type's width"))
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Decimal128Array, Int64Array, TimestampMillisecondArray},
        datatypes::Schema,
    };
    use pelton_core::types::parse_column;

    use super::*;

    #[test]
    fn rows_of_every_width_come_back_from_their_slots() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("bool?", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("s64?", Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MIN)]))),
            ("timestamp[ms]?", Arc::new(TimestampMillisecondArray::from(vec![Some(5), Some(6), None]))),
            (
                "decimal(38, 2)?",
                Arc::new(
                    Decimal128Array::from(vec![Some(1), None, Some(-(1 << 90))])
                        .with_precision_and_scale(38, 2)
                        .unwrap(),
                ),
            ),
            ("utf8?", Arc::new(StringArray::from(vec![Some("a"), Some(""), None]))),
            ("binary?", Arc::new(BinaryArray::from(vec![Some(&b"\xff"[..]), None, Some(b"xyz")]))),
        ];
        let fields: Vec<_> =
            columns.iter().enumerate().map(|(at, (ty, _))| parse_column(&format!("c{at}"), ty).unwrap()).collect();
        let arrays: Vec<ArrayRef> = columns.into_iter().map(|(_, array)| array).collect();
        let mut rows = StateRows::new(&Schema::new(fields).into());
        let slots = [rows.allocate(), rows.allocate(), rows.allocate()];
        rows.scatter(&slots, &arrays);
        assert_eq!(rows.gather(&slots), arrays);
        let reversed: Vec<ArrayRef> = rows.gather(&[2, 1, 0]);
        rows.scatter(&slots, &reversed);
        assert_eq!(rows.gather(&[2, 1, 0]), arrays);
        let mut copies = StateRows::like(&rows);
        copies.append(&rows, &[2]);
        copies.append(&rows, &[1, 0]);
        assert_eq!((copies.take_all(), copies.held_bytes()), (arrays, 0));
        rows.release(&[1]);
        assert_eq!(rows.allocate(), 1, "slots are used again");
        rows.release(&[2, 0]);
        let mut many = Vec::new();
        rows.allocate_many(3, &mut many);
        assert_eq!(many, [2, 0, 3], "in the order in which they would come one by one");
        assert!(rows.gather(&[1]).iter().all(|column| column.null_count() == 1), "and are null again");
    }
}
