use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int32Array,
        Int64Array, ListArray, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array,
    },
    buffer::OffsetBuffer,
    datatypes::Field,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

/// Never change these: they are what makes the checksums of two versions comparable.
#[test]
fn the_algorithm_is_pinned() {
    let numbers = |values: &[i64]| checksum(&Int64Array::from(values.to_vec())).unwrap();
    let texts = |values: &[&str]| checksum(&StringArray::from(values.to_vec())).unwrap();
    let alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
    let pinned = [
        numbers(&[]),
        numbers(&[0]),
        numbers(&[1]),
        numbers(&[-1, i64::MIN, i64::MAX]),
        checksum(&Float64Array::from(vec![0.0, -0.0, 1.5, f64::NAN])).unwrap(),
        checksum(&BooleanArray::from(vec![Some(true), Some(false), None])).unwrap(),
        checksum(&Decimal128Array::from(vec![1, -1, i128::MAX])).unwrap(),
        texts(&[""]),
        texts(&["a"]),
        texts(&["abcd"]),
        texts(&["abcdefghi"]),
        texts(&["abcdefghijklmnopq"]),
        texts(&[alphabet]),
    ];
    let expected: [u64; 13] = [
        0x0000_0000_0000_0000,
        0x9e90_3684_deda_3a7f,
        0x9e90_3683_3c82_a5c9,
        0xa9b6_51c9_8cec_5d35,
        0x57d3_2c14_10f3_33ea,
        0x95b9_d2d4_9094_2d0b,
        0x1497_fdbf_3f6f_c90e,
        0xb98b_daa0_8f26_6f4a,
        0xc014_fa8d_a8ee_1eda,
        0x8fbf_7de7_0972_7c9f,
        0x1d3e_18a0_5f53_bcb4,
        0xf688_bcf2_223c_4d4e,
        0x5dcf_b83d_8cca_5417,
    ];
    assert_eq!(pinned, expected, "{pinned:#018x?}");
}

/// The same, one row at a time and without tricks.
fn slow_mix(value: u64) -> u64 {
    let (low, high) = ((value as u32 ^ 0x78bd_642f) as u64, (value >> 32) as u32 ^ 0xa076_1d64);
    let sum = (u128::from(low) * 0x9e37_79b1 + u128::from(high) * 0x85eb_ca77) as u64;
    sum ^ sum >> 32
}

#[test]
fn the_fast_sum_is_the_sum_of_the_rows() {
    let mut random = StdRng::seed_from_u64(1);
    for len in [0, 1, 63, 64, 65, 127, 128, 1000] {
        let values: Vec<Option<i64>> = (0..len).map(|_| random.random_bool(0.7).then(|| random.random())).collect();
        let array = Int64Array::from(values.clone());
        let sum = |values: &[Option<i64>]| {
            values.iter().fold(0_u64, |sum, value| sum.wrapping_add(value.map_or(NULL, |value| slow_mix(value as u64))))
        };
        assert_eq!(checksum(&array), Some(sum(&values)), "{len} rows");
        for start in [1, 5, 64].into_iter().filter(|start| *start < len) {
            assert_eq!(checksum(&array.slice(start, len - start)), Some(sum(&values[start..])));
        }
    }
}

/// One array for each type with a checksum, with nulls.
fn arrays() -> Vec<ArrayRef> {
    let mut random = StdRng::seed_from_u64(2);
    let mut ints = || (0..500).map(|_| random.random_bool(0.8).then(|| random.random::<i64>())).collect::<Vec<_>>();
    let strings: StringArray =
        ints().into_iter().map(|n| n.map(|n| format!("{n}").repeat(n.unsigned_abs() as usize % 5))).collect();
    let list = ListArray::new(
        Arc::new(Field::new("item", DataType::Int64, true)),
        OffsetBuffer::from_lengths((0..500).map(|n| n % 3)),
        Arc::new(Int64Array::from_iter((0..499).map(|n| (n % 5 != 0).then_some(n)))),
        Some(NullBuffer::from_iter((0..500).map(|n| n % 7 != 0))),
    );
    let fields = StructArray::from(vec![
        (Arc::new(Field::new("a", DataType::Utf8, true)), Arc::new(strings.clone()) as ArrayRef),
        (
            Arc::new(Field::new("b", DataType::List(Arc::new(Field::new("item", DataType::Int64, true))), true)),
            Arc::new(list.clone()),
        ),
    ]);
    vec![
        Arc::new(Int64Array::from(ints())),
        Arc::new(ints().into_iter().map(|n| n.map(|n| n as i32)).collect::<Int32Array>()),
        Arc::new(ints().into_iter().map(|n| n.map(|n| n as i8)).collect::<Int8Array>()),
        Arc::new(ints().into_iter().map(|n| n.map(|n| n as u64)).collect::<UInt64Array>()),
        Arc::new(ints().into_iter().map(|n| n.map(|n| f64::from_bits(n as u64))).collect::<Float64Array>()),
        Arc::new(ints().into_iter().map(|n| n.map(|n| f32::from_bits(n as u32))).collect::<Float32Array>()),
        Arc::new(ints().into_iter().map(|n| n.map(|n| n > 0)).collect::<BooleanArray>()),
        Arc::new(ints().into_iter().map(|n| n.map(|n| n as i32)).collect::<Date32Array>()),
        Arc::new(TimestampMicrosecondArray::from(ints())),
        Arc::new(ints().into_iter().map(|n| n.map(|n| i128::from(n) * 12_345)).collect::<Decimal128Array>()),
        Arc::new(ints().iter().map(|n| n.as_ref().map(|n| n.to_le_bytes())).collect::<BinaryArray>()),
        Arc::new(strings),
        Arc::new(list),
        Arc::new(fields),
    ]
}

#[test]
fn cuts_do_not_change_the_sum() {
    for array in arrays() {
        let whole = checksum(&array).unwrap();
        for cut in [0, 1, 63, 64, 65, 250, 499, 500] {
            let head = checksum(&array.slice(0, cut)).unwrap();
            let tail = checksum(&array.slice(cut, array.len() - cut)).unwrap();
            assert_eq!(head.wrapping_add(tail), whole, "{} cut at {cut}", array.data_type());
        }
    }
}

#[test]
fn a_changed_row_changes_the_sum() {
    for array in arrays() {
        let sums: Vec<_> = (0..array.len()).map(|row| checksum(&array.slice(row, 1)).unwrap()).collect();
        let distinct: std::collections::HashSet<_> = sums.iter().collect();
        let few = matches!(array.data_type(), DataType::Boolean | DataType::Int8);
        assert!(few || distinct.len() > 250, "{}: {} distinct", array.data_type(), distinct.len());
    }
    let sum = |values: &[i64]| checksum(&Int64Array::from(values.to_vec()));
    assert_ne!(sum(&[1, 3]), sum(&[2, 2]));
}

#[test]
fn every_byte_and_the_length_of_a_string_count() {
    let mut seen = std::collections::HashSet::new();
    for len in 0..80 {
        let mut bytes = vec![0_u8; len];
        assert!(seen.insert(hash_bytes(&bytes)), "{len} zeros");
        for at in 0..len {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert!(seen.insert(hash_bytes(&bytes)), "bit {bit} of byte {at} of {len}");
                bytes[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn all_nans_are_one_and_width_does_not_count() {
    let nans = Float64Array::from(vec![f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)]);
    let canonical = mix(NAN);
    assert_eq!(checksum(&nans), Some(canonical.wrapping_mul(3)));
    assert_eq!(checksum(&Float32Array::from(vec![1.5, -2.0])), checksum(&Float64Array::from(vec![1.5, -2.0])));
    assert_eq!(checksum(&Int8Array::from(vec![-1, 5])), checksum(&Int64Array::from(vec![-1, 5])));
}

#[test]
fn what_lies_under_a_null_does_not_count() {
    let nulls = Some(NullBuffer::from(vec![true, false]));
    let left = Int64Array::new(vec![1, 2].into(), nulls.clone());
    let right = Int64Array::new(vec![1, 99].into(), nulls);
    assert_eq!(checksum(&left), checksum(&right));
}
