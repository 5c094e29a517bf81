//! Arrow arrays in a snapshot: their length, validity, buffers and children, as the columnar format lays them out.
//!
//! Used for keys that are encoded otherwise in memory, and for the rows that joins keep. The type is not stored, the plan
//! knows it. Arrow's own check of untrusted data decides what is an array; what it takes for granted is checked here before.

use arrow::{
    array::{Array, ArrayData, ArrayRef, MutableArrayData, RecordBatch, RecordBatchOptions, make_array},
    buffer::{BooleanBuffer, Buffer, NullBuffer},
    datatypes::{DataType, Field, SchemaRef},
};
use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// An array as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedArray {
    rows: u32,
    validity: Option<Bytes>,
    buffers: Vec<Bytes>,
    children: Vec<SavedArray>,
}

/// A batch as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedBatch {
    pub rows: u32,
    columns: Vec<SavedArray>,
}

/// A buffer, which the array that it is of shares.
#[derive(Debug)]
struct Bytes(Buffer);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Packed::from(self.0.as_slice()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Copied: a vector of bytes need not be aligned as values of other types are.
        Ok(Self(Buffer::from(Packed::<u8>::deserialize(deserializer)?.0.as_ref())))
    }
}

const NOT_A_COLUMN: Damage = Damage("a column that is not of its type");

impl SavedArray {
    /// Arrays of state and of joins have fewer than 2³² rows.
    pub fn of(array: &dyn Array) -> Self {
        Self::of_data(&array.to_data())
    }

    fn of_data(data: &ArrayData) -> Self {
        let is_sliced = data.offset() != 0 || data.nulls().is_some_and(|nulls| nulls.offset() != 0);
        if is_sliced {
            let mut copy = MutableArrayData::new(vec![data], false, data.len());
            copy.try_extend(0, 0, data.len()).expect("no more than there was");
            return Self::of_data(&copy.freeze());
        }
        Self {
            rows: data.len() as u32,
            validity: data.nulls().map(|nulls| Bytes(nulls.buffer().clone())),
            buffers: data.buffers().iter().map(|buffer| Bytes(buffer.clone())).collect(),
            children: data.child_data().iter().map(Self::of_data).collect(),
        }
    }

    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// The array, of the type of `field`.
    pub fn load(self, field: &Field) -> Result<ArrayRef, Damage> {
        let array = make_array(self.data(field.data_type())?);
        Damage::unless(field.is_nullable() || array.null_count() == 0, "a null in a column that has none")?;
        Ok(array)
    }

    fn data(self, data_type: &DataType) -> Result<ArrayData, Damage> {
        let rows = self.rows as usize;
        let nulls = match self.validity {
            Some(Bytes(bits)) if bits.len() >= rows.div_ceil(8) => {
                Some(NullBuffer::new(BooleanBuffer::new(bits, 0, rows)))
            }
            Some(_) => return Err(NOT_A_COLUMN),
            None => None,
        };
        let types = children(data_type);
        Damage::unless(types.len() == self.children.len(), NOT_A_COLUMN.0)?;
        let children = self.children.into_iter().zip(types).map(|(child, data_type)| child.data(data_type));
        ArrayData::builder(data_type.clone())
            .len(rows)
            .nulls(nulls)
            .buffers(self.buffers.into_iter().map(|Bytes(buffer)| buffer).collect())
            .child_data(children.collect::<Result<_, _>>()?)
            .build()
            .map_err(|_| NOT_A_COLUMN)
    }
}

impl SavedBatch {
    pub fn of(batch: &RecordBatch) -> Self {
        let columns = batch.columns().iter().map(|column| SavedArray::of(column.as_ref()));
        Self { rows: batch.num_rows() as u32, columns: columns.collect() }
    }

    /// The batch; `schema` is that of the one that was saved.
    pub fn load(self, schema: &SchemaRef) -> Result<RecordBatch, Damage> {
        Damage::unless(self.columns.len() == schema.fields().len(), "another number of columns")?;
        let columns = self.columns.into_iter().zip(schema.fields()).map(|(column, field)| column.load(field));
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows as usize));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &options)
            .map_err(|_| Damage("columns of different lengths"))
    }
}

/// The types of an array's children.
fn children(data_type: &DataType) -> Vec<&DataType> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => vec![item.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::Union(fields, _) => fields.iter().map(|(_, field)| field.data_type()).collect(),
        DataType::RunEndEncoded(ends, values) => vec![ends.data_type(), values.data_type()],
        DataType::Dictionary(_, values) => vec![values],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{BooleanArray, Int64Array, ListArray, StringArray, StructArray},
        datatypes::{Int32Type, Schema},
    };

    use super::*;

    fn batch() -> RecordBatch {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(7)]),
        ]);
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("é"), Some("")]));
        let bits: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]));
        let field = |name: &str, array: &dyn Array| Arc::new(Field::new(name, array.data_type().clone(), true));
        let pair =
            StructArray::from(vec![(field("t", &texts), Arc::clone(&texts)), (field("b", &bits), Arc::clone(&bits))]);
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![1, 2, 3, 4])), texts, bits, Arc::new(list), Arc::new(pair)];
        let fields = columns
            .iter()
            .enumerate()
            .map(|(at, column)| Field::new(format!("c{at}"), column.data_type().clone(), at > 0));
        RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns).unwrap()
    }

    #[test]
    fn batches_come_back_whole_and_sliced() {
        let batch = batch();
        for start in 0..4 {
            let part = batch.slice(start, 4 - start);
            let bytes = rmp_serde::to_vec_named(&SavedBatch::of(&part)).unwrap();
            let loaded = rmp_serde::from_slice::<SavedBatch>(&bytes).unwrap().load(&batch.schema()).unwrap();
            assert_eq!(loaded, part);
            assert_eq!(rmp_serde::to_vec_named(&SavedBatch::of(&loaded)).unwrap(), bytes);
        }
    }

    #[test]
    fn damaged_bytes_are_an_error_or_a_batch() {
        let batch = batch();
        let bytes = rmp_serde::to_vec_named(&SavedBatch::of(&batch)).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let Ok(saved) = rmp_serde::from_slice::<SavedBatch>(&damaged) else { continue };
                if let Ok(loaded) = saved.load(&batch.schema()) {
                    // Whatever it is, it can be looked at.
                    assert_eq!(loaded.slice(0, loaded.num_rows()), loaded);
                }
            }
        }
    }
}
