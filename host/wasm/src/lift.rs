//! A guest's answer to Arrow arrays: the checks that must pass before anything of it is believed.
//!
//! Every length, bitmap, offset, string and index is checked against the contract that was agreed in `open`; a fault
//! names the column and the value. Allocation here is bounded by what the guest returned, which the limit `output-bytes`
//! bounded before.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, Decimal128Array, GenericByteArray, GenericListArray,
        LargeBinaryArray, LargeStringArray, OffsetSizeTrait, PrimitiveArray, StringArray, StructArray,
    },
    buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{
        ByteArrayType, DataType, Date32Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
        Int64Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};

use crate::{bindings::pelton::operator::types as wit, error::Law};

type Checked<T> = Result<T, String>;

/// The columns of `schema` in an answered table of `rows` rows; `of` names the table in an error.
pub(crate) fn columns(
    schema: &Schema,
    rows: usize,
    nodes: Vec<wit::NodeResult>,
    of: impl FnOnce() -> String,
) -> Result<Vec<ArrayRef>, Law> {
    let want = schema.fields().iter().map(|field| node_count(field)).sum();
    if nodes.len() != want {
        return Err(Law::Nodes { of: of(), want, got: nodes.len() });
    }
    let mut nodes = nodes.into_iter();
    schema.fields().iter().map(|field| lift(field, rows, &mut nodes)).collect()
}

/// Nodes that a column takes up: itself and its children.
fn node_count(field: &Field) -> usize {
    1 + match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) => node_count(item),
        DataType::Struct(fields) => fields.iter().map(|field| node_count(field)).sum(),
        _ => 0,
    }
}

/// Takes the arrays of `field` (itself, then its children) from `nodes`.
fn lift(field: &Field, rows: usize, nodes: &mut impl Iterator<Item = wit::NodeResult>) -> Result<ArrayRef, Law> {
    array(field, rows, nodes).map_err(|fault| Law::Column { column: field.name().clone(), fault })
}

fn array(field: &Field, rows: usize, nodes: &mut impl Iterator<Item = wit::NodeResult>) -> Checked<ArrayRef> {
    let node = nodes.next().ok_or("its array is missing")?;
    if node.rows as usize != rows {
        return Err(format!("it has {} rows, but {rows} are due", node.rows));
    }
    let want = buffer_count(field.data_type());
    if node.buffers.len() != want {
        return Err(format!(
            "{} has {want} buffers, not {}",
            pelton_core::types::name(field.data_type()),
            node.buffers.len()
        ));
    }
    let mut buffers = node.buffers.into_iter();
    let mut next = || buffers.next().unwrap_or_default();
    let nulls = validity(field, rows, next())?;
    Ok(match field.data_type() {
        DataType::Boolean => Arc::new(BooleanArray::new(bits(rows, next(), "its bits")?, nulls)),
        DataType::Int8 => primitive::<Int8Type>(field, rows, next(), nulls)?,
        DataType::Int16 => primitive::<Int16Type>(field, rows, next(), nulls)?,
        DataType::Int32 => primitive::<Int32Type>(field, rows, next(), nulls)?,
        DataType::Int64 => primitive::<Int64Type>(field, rows, next(), nulls)?,
        DataType::UInt8 => primitive::<UInt8Type>(field, rows, next(), nulls)?,
        DataType::UInt16 => primitive::<UInt16Type>(field, rows, next(), nulls)?,
        DataType::UInt32 => primitive::<UInt32Type>(field, rows, next(), nulls)?,
        DataType::UInt64 => primitive::<UInt64Type>(field, rows, next(), nulls)?,
        DataType::Float32 => primitive::<Float32Type>(field, rows, next(), nulls)?,
        DataType::Float64 => primitive::<Float64Type>(field, rows, next(), nulls)?,
        DataType::Date32 => primitive::<Date32Type>(field, rows, next(), nulls)?,
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => primitive::<TimestampSecondType>(field, rows, next(), nulls)?,
            TimeUnit::Millisecond => primitive::<TimestampMillisecondType>(field, rows, next(), nulls)?,
            TimeUnit::Microsecond => primitive::<TimestampMicrosecondType>(field, rows, next(), nulls)?,
            TimeUnit::Nanosecond => primitive::<TimestampNanosecondType>(field, rows, next(), nulls)?,
        },
        DataType::Decimal128(precision, _) => {
            let values = scalars::<i128>(rows, next())?;
            let array = Decimal128Array::new(values, nulls).with_data_type(field.data_type().clone());
            array.validate_decimal_precision(*precision).map_err(|error| error.to_string())?;
            Arc::new(array)
        }
        DataType::Utf8 => {
            let (offsets, values) = bytes::<i32>(rows, next(), next())?;
            Arc::new(StringArray::try_new(offsets, values, nulls).map_err(|error| error.to_string())?)
        }
        DataType::LargeUtf8 => {
            let (offsets, values) = bytes::<i64>(rows, next(), next())?;
            Arc::new(LargeStringArray::try_new(offsets, values, nulls).map_err(|error| error.to_string())?)
        }
        DataType::Binary => {
            byte_array::<arrow::datatypes::BinaryType>(rows, next(), next(), nulls)? as Arc<BinaryArray>
        }
        DataType::LargeBinary => {
            byte_array::<arrow::datatypes::LargeBinaryType>(rows, next(), next(), nulls)? as Arc<LargeBinaryArray>
        }
        DataType::List(item) => list::<i32>(item, rows, next(), nulls, nodes)?,
        DataType::LargeList(item) => list::<i64>(item, rows, next(), nulls, nodes)?,
        DataType::Struct(fields) => {
            let columns = fields
                .iter()
                .map(|child| array(child, rows, nodes).map_err(|fault| format!("field `{}`: {fault}", child.name())))
                .collect::<Checked<Vec<_>>>()?;
            let made = StructArray::try_new_with_length(fields.clone(), columns, nulls, rows);
            Arc::new(made.map_err(|error| error.to_string())?)
        }
        other => return Err(format!("type {other} does not cross")),
    })
}

fn buffer_count(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(_) => 1,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => 3,
        _ => 2,
    }
}

fn validity(field: &Field, rows: usize, bytes: Vec<u8>) -> Checked<Option<NullBuffer>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let nulls = NullBuffer::new(bits(rows, bytes, "its validity bitmap")?);
    match nulls.null_count() {
        0 => Ok(None),
        count if !field.is_nullable() => Err(format!("it is not nullable, but {count} of {rows} rows are null")),
        _ => Ok(Some(nulls)),
    }
}

fn bits(rows: usize, bytes: Vec<u8>, what: &str) -> Checked<BooleanBuffer> {
    let want = rows.div_ceil(8);
    if bytes.len() < want {
        return Err(format!("{what} has {} bytes, but {rows} rows need {want}", bytes.len()));
    }
    Ok(BooleanBuffer::new(Buffer::from_vec(bytes), 0, rows))
}

/// Values of a fixed width, copied only if the guest's bytes arrived misaligned.
fn scalars<T: arrow::datatypes::ArrowNativeType>(rows: usize, bytes: Vec<u8>) -> Checked<ScalarBuffer<T>> {
    let want = rows.saturating_mul(size_of::<T>());
    if bytes.len() < want {
        return Err(format!("its values have {} bytes, but {rows} rows need {want}", bytes.len()));
    }
    let buffer = Buffer::from_vec(bytes);
    let aligned = buffer.as_ptr().align_offset(align_of::<T>()) == 0;
    let buffer = if aligned { buffer } else { Buffer::from(buffer.as_slice()) };
    Ok(ScalarBuffer::new(buffer, 0, rows))
}

fn primitive<T: ArrowPrimitiveType>(
    field: &Field,
    rows: usize,
    bytes: Vec<u8>,
    nulls: Option<NullBuffer>,
) -> Checked<ArrayRef> {
    let values = scalars::<T::Native>(rows, bytes)?;
    Ok(Arc::new(PrimitiveArray::<T>::new(values, nulls).with_data_type(field.data_type().clone())))
}

fn offsets<O: OffsetSizeTrait>(rows: usize, bytes: Vec<u8>) -> Checked<OffsetBuffer<O>> {
    if rows == 0 && bytes.is_empty() {
        return Ok(OffsetBuffer::new_empty());
    }
    let count = rows.checked_add(1).ok_or("it has too many rows")?;
    let offsets = scalars::<O>(count, bytes).map_err(|fault| fault.replace("its values", "its offsets"))?;
    let first = offsets.first().copied().unwrap_or_default();
    if first != O::zero() {
        return Err(format!("its offsets begin at {first:?}, not at 0"));
    }
    let falls = offsets.iter().zip(offsets.iter().skip(1)).position(|(a, b)| a > b);
    if let Some(row) = falls {
        return Err(format!("its offsets decrease after row {row}"));
    }
    Ok(OffsetBuffer::new(offsets))
}

fn bytes<O: OffsetSizeTrait>(
    rows: usize,
    offset_bytes: Vec<u8>,
    values: Vec<u8>,
) -> Checked<(OffsetBuffer<O>, Buffer)> {
    let offsets = offsets::<O>(rows, offset_bytes)?;
    let end = offsets.last().as_usize();
    if end > values.len() {
        return Err(format!("its offsets end at {end}, but its values have {} bytes", values.len()));
    }
    Ok((offsets, Buffer::from_vec(values)))
}

fn byte_array<T: ByteArrayType>(
    rows: usize,
    offset_bytes: Vec<u8>,
    values: Vec<u8>,
    nulls: Option<NullBuffer>,
) -> Checked<Arc<GenericByteArray<T>>> {
    let (offsets, values) = bytes::<T::Offset>(rows, offset_bytes, values)?;
    Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, values, nulls).map_err(|error| error.to_string())?))
}

fn list<O: OffsetSizeTrait>(
    item: &Arc<Field>,
    rows: usize,
    offset_bytes: Vec<u8>,
    nulls: Option<NullBuffer>,
    nodes: &mut impl Iterator<Item = wit::NodeResult>,
) -> Checked<ArrayRef> {
    let offsets = offsets::<O>(rows, offset_bytes)?;
    let length = offsets.last().as_usize();
    let values = array(item, length, nodes).map_err(|fault| format!("its items: {fault}"))?;
    let made = GenericListArray::<O>::try_new(Arc::clone(item), offsets, values, nulls);
    Ok(Arc::new(made.map_err(|error| error.to_string())?))
}

/// One element for each of `rows` rows, and no byte more; `of` names the list in an error.
pub(crate) fn exactly<T: arrow::datatypes::ArrowNativeType>(
    rows: usize,
    bytes: Vec<u8>,
    of: impl Fn() -> String,
) -> Result<ScalarBuffer<T>, Law> {
    let want = rows.saturating_mul(size_of::<T>());
    if bytes.len() != want {
        return Err(Law::Length { of: of(), rows, want, got: bytes.len() });
    }
    scalars::<T>(rows, bytes).map_err(|fault| Law::Column { column: of(), fault })
}

/// The row that each output row came from.
pub(crate) fn origin(
    port: &str,
    rows: u32,
    input_rows: usize,
    reorders: bool,
    bytes: Vec<u8>,
) -> Result<ScalarBuffer<u32>, Law> {
    let count = rows as usize;
    let want = count.saturating_mul(size_of::<u32>());
    if bytes.len() != want {
        return Err(Law::OriginSize { port: port.to_owned(), rows, want, got: bytes.len() });
    }
    let origin = scalars::<u32>(count, bytes).map_err(|fault| Law::Column { column: "origin".into(), fault })?;
    // Without a branch, so that the loop runs in vector registers; where nothing falls, the last is the greatest.
    let falls = origin.iter().zip(origin.iter().skip(1)).fold(false, |falls, (a, b)| falls | (a > b));
    let max = if falls { origin.iter().max() } else { origin.last() };
    if let Some(&max) = max
        && max as usize >= input_rows
    {
        return Err(Law::OriginRange { port: port.to_owned(), origin: max, rows: input_rows });
    }
    if falls && !reorders {
        return Err(Law::OriginOrder { port: port.to_owned() });
    }
    Ok(origin)
}

/// Feeds arbitrary bytes through the checks: they must answer, never panic, and what passes must be valid.
///
/// The first byte chooses a type and the second is the number of rows. Then each array of the type, in pre-order: its
/// rows (but for the first), and each of its buffers behind a byte that says how long it is. What is missing is zero.
pub fn fuzz_lift(data: &[u8]) {
    const TYPES: [&str; 13] = [
        "bool",
        "s64",
        "f32?",
        "utf8",
        "utf8?",
        "binary?",
        "decimal(9, 2)",
        "timestamp[ms]?",
        "list<utf8?>",
        "list<s16>?",
        "struct<a: s64, b: utf8?>",
        "date?",
        "list<struct<a: bool?, b: list<u8>>>",
    ];
    let mut bytes = data.iter().copied();
    let mut next = || bytes.next().unwrap_or_default();
    let text = TYPES.get(usize::from(next()) % TYPES.len()).copied().unwrap_or_default();
    let field = pelton_core::types::parse_column("x", text).expect("a type of the list above");
    let rows = u32::from(next());
    let mut nodes = Vec::new();
    let mut counts = Vec::new();
    buffer_counts(field.data_type(), &mut counts);
    for (index, count) in counts.into_iter().enumerate() {
        let rows = if index == 0 { rows } else { u32::from(next()) };
        let buffers = (0..count).map(|_| (0..next()).map(|_| next()).collect()).collect();
        nodes.push(wit::NodeResult { rows, buffers });
    }
    if let Ok(array) = lift(&field, rows as usize, &mut nodes.into_iter()) {
        use arrow::array::Array;
        array.to_data().validate_full().expect("an array that passed the checks is valid");
    }
}

/// The number of buffers of an array and of its children, in pre-order.
fn buffer_counts(data_type: &DataType, counts: &mut Vec<usize>) {
    counts.push(buffer_count(data_type));
    match data_type {
        DataType::List(item) => buffer_counts(item.data_type(), counts),
        DataType::Struct(fields) => fields.iter().for_each(|field| buffer_counts(field.data_type(), counts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(rows: u32, buffers: &[&[u8]]) -> wit::NodeResult {
        wit::NodeResult { rows, buffers: buffers.iter().map(|buffer| buffer.to_vec()).collect() }
    }

    fn fault(text: &str, rows: usize, nodes: Vec<wit::NodeResult>) -> String {
        let field = pelton_core::types::parse_column("x", text).unwrap();
        lift(&field, rows, &mut nodes.into_iter()).expect_err(text).to_string()
    }

    #[test]
    fn faults_name_the_column_and_the_value() {
        let two = 2_i64.to_le_bytes();
        let cases = [
            (fault("s64", 2, vec![node(1, &[&[], &two])]), "it has 1 rows, but 2 are due"),
            (fault("s64", 1, vec![]), "its array is missing"),
            (fault("s64", 1, vec![node(1, &[&[]])]), "s64 has 2 buffers, not 1"),
            (fault("s64", 2, vec![node(2, &[&[], &two])]), "its values have 8 bytes, but 2 rows need 16"),
            (fault("bool", 9, vec![node(9, &[&[], &[1]])]), "its bits has 1 bytes, but 9 rows need 2"),
            (fault("s8", 9, vec![node(9, &[&[0xff], &[0; 9]])]), "its validity bitmap has 1 bytes"),
            (fault("s8", 2, vec![node(2, &[&[1], &[0; 2]])]), "not nullable, but 1 of 2 rows are null"),
            (fault("utf8", 1, vec![node(1, &[&[], &[1, 0, 0, 0, 1, 0, 0, 0], b"a"])]), "begin at 1, not at 0"),
            (
                fault("utf8", 2, vec![node(2, &[&[], &[0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0], b"ab"])]),
                "decrease after row 1",
            ),
            (
                fault("utf8", 1, vec![node(1, &[&[], &[0, 0, 0, 0, 9, 0, 0, 0], b"ab"])]),
                "end at 9, but its values have 2 bytes",
            ),
            (
                fault("utf8", 1, vec![node(1, &[&[], &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], b"ab"])]),
                "decrease after row 0",
            ),
            (fault("utf8", 1, vec![node(1, &[&[], &[0, 0, 0, 0, 2, 0, 0, 0], &[0xc3, 0x28]])]), "tf"),
            (
                fault("utf8", 2, vec![node(2, &[&[], &[0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0], "é".as_bytes()])]),
                "UTF-8 codepoint",
            ),
            (fault("decimal(3, 0)", 1, vec![node(1, &[&[], &1000_i128.to_le_bytes()])]), "1000"),
            (
                fault("list<s8>", 1, vec![node(1, &[&[], &[0, 0, 0, 0, 3, 0, 0, 0]]), node(2, &[&[], &[1, 2]])]),
                "3 are due",
            ),
            (fault("struct<a: s8>", 1, vec![node(1, &[&[]]), node(2, &[&[], &[1, 2]])]), "field `a`"),
        ];
        for (message, expected) in cases {
            assert!(
                message.starts_with("column `x`: ") && message.contains(expected),
                "{message:?} should contain {expected:?}"
            );
        }
    }

    #[test]
    fn origins_out_of_range_or_order_are_refused() {
        let bytes = |rows: &[u32]| rows.iter().flat_map(|row| row.to_le_bytes()).collect::<Vec<_>>();
        assert!(matches!(origin("o", 2, 5, false, bytes(&[1, 5])), Err(Law::OriginRange { origin: 5, .. })));
        assert!(matches!(origin("o", 2, 5, false, bytes(&[2, 1])), Err(Law::OriginOrder { .. })));
        assert!(matches!(origin("o", 3, 5, false, bytes(&[2, 1])), Err(Law::OriginSize { want: 12, got: 8, .. })));
        assert_eq!(origin("o", 2, 5, true, bytes(&[2, 1])).unwrap().to_vec(), [2, 1]);
        assert_eq!(origin("o", 3, 5, false, bytes(&[0, 0, 4])).unwrap().to_vec(), [0, 0, 4]);
    }
}
