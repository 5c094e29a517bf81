//! Text and binary columns, whatever their offsets, and the scan that spares most values a look.
//!
//! Quoting and escaping are rarely needed, so the bytes of a whole column are searched at once, by SIMD, for anything
//! that would need it; only when something is found is each value searched by itself.

use arrow::{
    array::{Array, AsArray, GenericByteArray},
    datatypes::{ArrowNativeType, ByteArrayType, DataType},
};

/// A column of utf8.
#[derive(Debug, Clone, Copy)]
pub enum Strings<'a> {
    Utf8(&'a arrow::array::StringArray),
    LargeUtf8(&'a arrow::array::LargeStringArray),
    Utf8View(&'a arrow::array::StringViewArray),
}

impl<'a> Strings<'a> {
    /// None: not a column of utf8.
    pub fn bind(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => array.as_string_opt().map(Self::Utf8),
            DataType::LargeUtf8 => array.as_string_opt().map(Self::LargeUtf8),
            DataType::Utf8View => array.as_string_view_opt().map(Self::Utf8View),
            _ => None,
        }
    }

    #[inline]
    pub fn value(&self, row: usize) -> &'a str {
        match self {
            Self::Utf8(array) => array.value(row),
            Self::LargeUtf8(array) => array.value(row),
            Self::Utf8View(array) => array.value(row),
        }
    }

    /// The bytes of all values, side by side. None: they lie apart.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Utf8(array) => Some(used_bytes(array)),
            Self::LargeUtf8(array) => Some(used_bytes(array)),
            Self::Utf8View(_) => None,
        }
    }
}

/// A column of bytes.
#[derive(Debug, Clone, Copy)]
pub enum Binaries<'a> {
    Binary(&'a arrow::array::BinaryArray),
    LargeBinary(&'a arrow::array::LargeBinaryArray),
    BinaryView(&'a arrow::array::BinaryViewArray),
    FixedSize(&'a arrow::array::FixedSizeBinaryArray),
}

impl<'a> Binaries<'a> {
    /// None: not a column of bytes.
    pub fn bind(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Binary => array.as_binary_opt().map(Self::Binary),
            DataType::LargeBinary => array.as_binary_opt().map(Self::LargeBinary),
            DataType::BinaryView => array.as_binary_view_opt().map(Self::BinaryView),
            DataType::FixedSizeBinary(_) => array.as_fixed_size_binary_opt().map(Self::FixedSize),
            _ => None,
        }
    }

    #[inline]
    pub fn value(&self, row: usize) -> &'a [u8] {
        match self {
            Self::Binary(array) => array.value(row),
            Self::LargeBinary(array) => array.value(row),
            Self::BinaryView(array) => array.value(row),
            Self::FixedSize(array) => array.value(row),
        }
    }

    /// Two lower-case hexadecimal digits a byte: what the JSON lines source, and Arrow's own, read.
    pub fn write_hex(&self, row: usize, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
        out.extend(self.value(row).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    }
}

/// The bytes of all values, which lie side by side.
fn used_bytes<T: ByteArrayType>(array: &GenericByteArray<T>) -> &[u8] {
    let offsets = array.value_offsets();
    let (Some(start), Some(end)) = (offsets.first(), offsets.last()) else { return &[] };
    array.value_data().get(start.as_usize()..end.as_usize()).unwrap_or_default()
}

/// Whether a byte is `special`. Blocks are searched without an early exit, which lets the compiler use SIMD.
#[inline]
pub fn holds(bytes: &[u8], special: impl Fn(u8) -> bool) -> bool {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let any = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | special(*byte));
    blocks.iter().any(|block| any(block)) || any(rest)
}

/// Whether a byte is one of `specials`: as [`holds`], for a choice that is made at run time.
#[inline]
pub fn holds_any(bytes: &[u8], specials: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let any = |bytes: &[u8], special: u8| bytes.iter().fold(false, |found, byte| found | (*byte == special));
    blocks.iter().any(|block| specials.iter().fold(false, |found, special| found | any(block, *special)))
        || specials.iter().any(|special| any(rest, *special))
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    #[test]
    fn a_special_byte_is_found_wherever_it_is() {
        for len in 0..100 {
            let mut bytes = vec![b'a'; len];
            assert!(!holds(&bytes, |byte| byte == b'"') && !holds_any(&bytes, b",\""));
            for at in 0..len {
                bytes[at] = b'"';
                assert!(holds(&bytes, |byte| byte == b'"') && holds_any(&bytes, b",\""), "{at} of {len}");
                bytes[at] = b'a';
            }
        }
    }

    #[test]
    fn bytes_are_two_hexadecimal_digits_each() {
        let array = arrow::array::BinaryArray::from_iter_values([&[][..], &[0x00, 0x0f, 0xa5, 0xff][..]]);
        let binaries = Binaries::bind(&array).unwrap();
        let text = |row| {
            let mut out = Vec::new();
            binaries.write_hex(row, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!((0..array.len()).map(text).collect::<Vec<_>>(), ["", "000fa5ff"]);
    }

    #[test]
    fn only_the_bytes_of_a_slice_count() {
        let array = StringArray::from(vec!["\"", "a", "b", "\""]);
        let slice = array.slice(1, 2);
        assert_eq!(Strings::bind(&slice).unwrap().bytes(), Some(&b"ab"[..]));
        assert_eq!(Strings::bind(&array).unwrap().bytes(), Some(&b"\"ab\""[..]));
    }
}
