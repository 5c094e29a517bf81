//! The checksum of a column: what the `blackhole` sink reports.
//!
//! ```text
//!  checksum = Σ over rows, wrapping, of   mix(v)        integers, times, booleans (sign-extended to 64 bits)
//!                                         mix(bits)     floats, as f64; every NaN is one NaN
//!                                         mix(low ^ fold(high ^ B, M))    decimals
//!                                         hash of length and bytes        utf8, binary
//!                                         a hash over the parts           lists, structs
//!                                         NULL                            nulls
//!  mix(v)     = s ^ (s >> 32),  s = low half of (v ^ A) × L + high half of (v ^ A) × H
//!  fold(a, b) = low half ^ high half of the 128-bit product a × b
//! ```
//!
//! A sum does not depend on the order of rows, on batch cuts or on threads; the mixing makes it notice values that trade
//! bits with each other (`1 + 3` is not `2 + 2`). It does not notice rows that change places. `mix` multiplies 32 by
//! 32 bits, as SIMD can. Equal values of types of different width have the same checksum. The folded product is
//! wyhash's (public domain, Wang Yi). Not meant against an adversary. Pinned by test vectors: two runs and two
//! versions can be compared.

use arrow::{
    array::{Array, ArrowPrimitiveType, AsArray, BooleanArray, GenericByteArray, OffsetSizeTrait, PrimitiveArray},
    buffer::NullBuffer,
    datatypes::{
        ArrowNativeType, ByteArrayType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
        Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};

const A: u64 = 0xa076_1d64_78bd_642f;
const B: u64 = 0xe703_7ed1_a0b4_28db;
const M: u64 = 0x8ebc_6af0_9c88_c6e3;
const L: u64 = 0x9e37_79b1;
const H: u64 = 0x85eb_ca77;
const NULL: u64 = 0x5899_65cc_7537_4cc3;
const NAN: u64 = 0x7ff8_0000_0000_0000;

/// The checksum of all rows of a column. None: the type has none.
pub fn checksum(array: &dyn Array) -> Option<u64> {
    match array.data_type() {
        DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_) => {
            Some(hashes(array)?.into_iter().fold(0, u64::wrapping_add))
        }
        DataType::Null => Some(NULL.wrapping_mul(array.len() as u64)),
        DataType::Boolean => Some(sum_booleans(array.as_boolean_opt()?)),
        DataType::Int8 => sum::<Int8Type>(array, |value| value as u64),
        DataType::Int16 => sum::<Int16Type>(array, |value| value as u64),
        DataType::Int32 => sum::<Int32Type>(array, |value| value as u64),
        DataType::Int64 => sum::<Int64Type>(array, |value| value as u64),
        DataType::UInt8 => sum::<UInt8Type>(array, u64::from),
        DataType::UInt16 => sum::<UInt16Type>(array, u64::from),
        DataType::UInt32 => sum::<UInt32Type>(array, u64::from),
        DataType::UInt64 => sum::<UInt64Type>(array, |value| value),
        DataType::Float32 => sum::<Float32Type>(array, |value| float_bits(value.into())),
        DataType::Float64 => sum::<Float64Type>(array, float_bits),
        DataType::Date32 => sum::<Date32Type>(array, |value| value as u64),
        DataType::Timestamp(TimeUnit::Second, _) => sum::<TimestampSecondType>(array, |value| value as u64),
        DataType::Timestamp(TimeUnit::Millisecond, _) => sum::<TimestampMillisecondType>(array, |value| value as u64),
        DataType::Timestamp(TimeUnit::Microsecond, _) => sum::<TimestampMicrosecondType>(array, |value| value as u64),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => sum::<TimestampNanosecondType>(array, |value| value as u64),
        DataType::Decimal128(..) => sum::<Decimal128Type>(array, decimal_bits),
        DataType::Utf8 => Some(sum_bytes(array.as_string_opt::<i32>()?)),
        DataType::LargeUtf8 => Some(sum_bytes(array.as_string_opt::<i64>()?)),
        DataType::Binary => Some(sum_bytes(array.as_binary_opt::<i32>()?)),
        DataType::LargeBinary => Some(sum_bytes(array.as_binary_opt::<i64>()?)),
        _ => None,
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

#[inline]
fn mix(value: u64) -> u64 {
    let value = value ^ A;
    let sum = ((value & 0xffff_ffff) * L).wrapping_add((value >> 32) * H);
    sum ^ (sum >> 32)
}

#[inline]
fn float_bits(value: f64) -> u64 {
    if value.is_nan() { NAN } else { value.to_bits() }
}

/// Decimals go through [`mix`] with their high half folded in first.
#[inline]
fn decimal_bits(value: i128) -> u64 {
    (value as u64) ^ fold((value >> 64) as u64 ^ B, M)
}

fn sum<T: ArrowPrimitiveType>(array: &dyn Array, bits: impl Fn(T::Native) -> u64) -> Option<u64> {
    let array: &PrimitiveArray<T> = array.as_primitive_opt()?;
    let values: &[T::Native] = array.values();
    let mixed = |value: &T::Native| mix(bits(*value));
    let all = values.iter().fold(0_u64, |sum, value| sum.wrapping_add(mixed(value)));
    let Some(nulls) = array.nulls() else { return Some(all) };
    // Summing all and taking away what lies under the nulls keeps the loop free of branches.
    let missing = !nulls.inner();
    let hidden = missing.set_indices().filter_map(|row| values.get(row)).map(mixed);
    Some(hidden.fold(all, u64::wrapping_sub).wrapping_add(sum_nulls(Some(nulls))))
}

fn sum_nulls(nulls: Option<&NullBuffer>) -> u64 {
    NULL.wrapping_mul(nulls.map_or(0, NullBuffer::null_count) as u64)
}

fn sum_booleans(array: &BooleanArray) -> u64 {
    let valid = array.len() - array.null_count();
    let trues = array.true_count();
    let sum = |value: bool, count: usize| mix(value.into()).wrapping_mul(count as u64);
    sum(true, trues).wrapping_add(sum(false, valid - trues)).wrapping_add(sum_nulls(array.nulls()))
}

fn sum_bytes<T: ByteArrayType>(array: &GenericByteArray<T>) -> u64 {
    match array.nulls() {
        None => byte_values(array).fold(0, |sum, value| sum.wrapping_add(hash_bytes(value))),
        Some(nulls) => byte_values(array)
            .zip(nulls.iter())
            .fold(0, |sum: u64, (value, valid)| sum.wrapping_add(if valid { hash_bytes(value) } else { NULL })),
    }
}

/// The values, nulls as whatever lies there.
fn byte_values<T: ByteArrayType>(array: &GenericByteArray<T>) -> impl Iterator<Item = &[u8]> {
    let data = array.value_data();
    array.value_offsets().windows(2).map(move |pair| match pair {
        [start, end] => data.get(start.as_usize()..end.as_usize()).unwrap_or_default(),
        _ => &[],
    })
}

/// A hash of bytes and their number, as wyhash reads them: 16 at a time, the last ones overlapping.
#[inline]
fn hash_bytes(bytes: &[u8]) -> u64 {
    let (low, high, seed) = match bytes.len() {
        0 => (0, 0, B),
        1..=3 => (short_word(bytes), 0, B),
        4..=8 => (first4(bytes), last4(bytes), B),
        9..=16 => (first8(bytes), last8(bytes), B),
        _ => {
            let (blocks, _) = bytes.as_chunks::<16>();
            let whole = blocks.split_last().map(|(_, whole)| whole).unwrap_or_default();
            let seed = whole.iter().fold(B, |seed, block| fold(first8(block) ^ A, last8(block) ^ seed));
            // The last 17 to 31 bytes: what the last whole block holds, and the 16 bytes that end the value.
            let block = blocks.last().map(|block| fold(first8(block) ^ M, last8(block) ^ seed)).unwrap_or_default();
            let tail = bytes.last_chunk::<16>().map(|tail| (first8(tail), last8(tail))).unwrap_or_default();
            (tail.0, tail.1, block)
        }
    };
    fold(low ^ A, high ^ seed ^ M).wrapping_add(bytes.len() as u64).wrapping_mul(M) ^ fold(low ^ B, A)
}

fn short_word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn first4(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word).into())
}

fn last4(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |word| u32::from_le_bytes(*word).into())
}

fn first8(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

fn last8(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

/// One hash for each row, of any type that has a checksum: what a nested value is made of.
fn hashes(array: &dyn Array) -> Option<Vec<u64>> {
    let mut hashes = match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list_opt::<i32>()?;
            list_hashes(list.value_offsets(), &hashes_of(list.values())?)
        }
        DataType::LargeList(_) => {
            let list = array.as_list_opt::<i64>()?;
            list_hashes(list.value_offsets(), &hashes_of(list.values())?)
        }
        DataType::Struct(_) => {
            let mut rows = vec![B; array.len()];
            for column in array.as_struct_opt()?.columns() {
                let parts = hashes_of(column)?;
                rows.iter_mut().zip(parts).for_each(|(row, part)| *row = fold(*row ^ part, M));
            }
            rows
        }
        _ => return (0..array.len()).map(|row| checksum(&array.slice(row, 1))).collect(),
    };
    if let Some(nulls) = array.nulls() {
        hashes.iter_mut().zip(nulls).filter(|(_, valid)| !valid).for_each(|(hash, _)| *hash = NULL);
    }
    Some(hashes)
}

fn hashes_of(array: &arrow::array::ArrayRef) -> Option<Vec<u64>> {
    hashes(array.as_ref())
}

/// A list's hash is that of its items in their order, and of their number.
fn list_hashes<O: OffsetSizeTrait>(offsets: &[O], items: &[u64]) -> Vec<u64> {
    let hash = |pair: &[O]| match pair {
        [start, end] => {
            let items = items.get(start.as_usize()..end.as_usize()).unwrap_or_default();
            items.iter().fold(B ^ items.len() as u64, |hash, item| fold(hash ^ item, M))
        }
        _ => B,
    };
    offsets.windows(2).map(hash).collect()
}

#[cfg(test)]
#[path = "checksum_tests.rs"]
mod tests;
