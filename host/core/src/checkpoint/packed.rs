//! Vectors of numbers and of bits in a snapshot: as bytes, little endian, and not element by element.
//!
//! Used by whatever saves state through serde. A vector is a list of byte strings of at most [`CHUNK_BYTES`], so that neither
//! its length nor what a reader allocates depends on a length that is only announced. Invariant: what is read takes
//! as much memory as it has bytes in the snapshot, bits eight times that.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
    ser::SerializeSeq,
};

/// A whole number of numbers of each width.
const CHUNK_BYTES: usize = 1 << 20;

/// Numbers of one width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed<'a, T: Number>(pub Cow<'a, [T]>);

/// A number that is stored as its bytes.
pub trait Number: Copy + Default + fmt::Debug + 'static {
    const BYTES: usize;

    /// Overwrites `bytes`, which are [`Self::BYTES`] for each number.
    fn write(numbers: &[Self], bytes: &mut [u8]);

    /// None: the bytes do not come out even.
    fn read(bytes: &[u8], numbers: &mut Vec<Self>) -> Option<()>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Number for $number {
            const BYTES: usize = size_of::<Self>();

            fn write(numbers: &[Self], bytes: &mut [u8]) {
                let (places, _) = bytes.as_chunks_mut::<{ size_of::<Self>() }>();
                places.iter_mut().zip(numbers).for_each(|(place, number)| *place = number.to_le_bytes());
            }

            fn read(bytes: &[u8], numbers: &mut Vec<Self>) -> Option<()> {
                let (places, []) = bytes.as_chunks::<{ size_of::<Self>() }>() else { return None };
                numbers.extend(places.iter().map(|place| Self::from_le_bytes(*place)));
                Some(())
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, i64, i128);

/// The bytes of numbers.
pub fn to_bytes<T: Number>(numbers: &[T]) -> Vec<u8> {
    let mut bytes = vec![0; numbers.len() * T::BYTES];
    T::write(numbers, &mut bytes);
    bytes
}

/// The numbers of bytes. None: the bytes do not come out even.
pub fn from_bytes<T: Number>(bytes: &[u8]) -> Option<Vec<T>> {
    let mut numbers = Vec::with_capacity(bytes.len() / T::BYTES);
    T::read(bytes, &mut numbers)?;
    Some(numbers)
}

impl<T: Number> Packed<'_, T> {
    pub fn into_vec(self) -> Vec<T> {
        self.0.into_owned()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + Clone {
        self.0.iter().copied()
    }
}

impl<'a, T: Number> From<&'a [T]> for Packed<'a, T> {
    fn from(numbers: &'a [T]) -> Self {
        Self(Cow::Borrowed(numbers))
    }
}

impl<T: Number> From<Vec<T>> for Packed<'_, T> {
    fn from(numbers: Vec<T>) -> Self {
        Self(Cow::Owned(numbers))
    }
}

impl<T: Number> FromIterator<T> for Packed<'_, T> {
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

impl<T: Number> Serialize for Packed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let chunks = self.0.chunks(CHUNK_BYTES / T::BYTES);
        let mut bytes = vec![0; (self.0.len() * T::BYTES).min(CHUNK_BYTES)];
        let mut seq = serializer.serialize_seq(Some(chunks.len()))?;
        for chunk in chunks {
            bytes.truncate(chunk.len() * T::BYTES);
            T::write(chunk, &mut bytes);
            seq.serialize_element(&Bytes(&bytes))?;
        }
        seq.end()
    }
}

impl<'de, T: Number> Deserialize<'de> for Packed<'_, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Chunks(PhantomData))
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct Chunks<'a, T>(PhantomData<&'a T>);

impl<'de, 'a, T: Number> Visitor<'de> for Chunks<'a, T> {
    type Value = Packed<'a, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "numbers of {} bytes, as bytes", T::BYTES)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut numbers = Vec::new();
        while let Some(bytes) = seq.next_element::<&[u8]>()? {
            T::read(bytes, &mut numbers).ok_or_else(|| A::Error::invalid_length(bytes.len(), &self))?;
        }
        Ok(numbers.into())
    }
}

/// Flags, eight in a byte, the first one lowest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bits<'a> {
    count: u64,
    bytes: Packed<'a, u8>,
}

impl FromIterator<bool> for Bits<'_> {
    fn from_iter<I: IntoIterator<Item = bool>>(flags: I) -> Self {
        let flags: Vec<bool> = flags.into_iter().collect();
        Self::of(&flags)
    }
}

impl Bits<'_> {
    pub fn of(flags: &[bool]) -> Self {
        let byte = |eight: &[bool]| eight.iter().rev().fold(0, |byte: u8, flag| byte << 1 | u8::from(*flag));
        Self { count: flags.len() as u64, bytes: flags.chunks(8).map(byte).collect() }
    }

    /// None: there are not as many as it says.
    pub fn flags(&self) -> Option<Vec<bool>> {
        let count = usize::try_from(self.count).ok().filter(|count| count.div_ceil(8) == self.bytes.len())?;
        let mut flags: Vec<bool> =
            self.bytes.iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1 == 1)).collect();
        flags.truncate(count);
        Some(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_bytes_and_bits_are_packed() {
        assert_eq!(to_bytes(&[1_u32, 0x0102_0304]), [1, 0, 0, 0, 4, 3, 2, 1]);
        assert_eq!(from_bytes::<u32>(&[1, 0, 0, 0, 4, 3, 2, 1]), Some(vec![1, 0x0102_0304]));
        assert_eq!(from_bytes::<u32>(&[1, 0, 0]), None);
        for count in [0, 1, 7, 8, 9, 64, 65] {
            let flags: Vec<bool> = (0..count).map(|at| at % 3 == 0).collect();
            assert_eq!(Bits::of(&flags).flags(), Some(flags));
        }
        assert_eq!(Bits { count: 9, bytes: vec![1].into() }.flags(), None);
        assert_eq!(Bits { count: u64::MAX, bytes: Vec::new().into() }.flags(), None);
    }

    #[test]
    fn a_long_vector_is_written_in_chunks_and_comes_back() {
        let numbers: Vec<i64> = (0..CHUNK_BYTES as i64 / 4).collect();
        let text = serde_json::to_value(Packed::from(numbers.as_slice())).unwrap();
        let chunks = text.as_array().unwrap();
        assert_eq!(chunks.len(), 2);
        let bytes: Vec<u8> = chunks
            .iter()
            .flat_map(|chunk| chunk.as_array().unwrap())
            .map(|byte| byte.as_u64().unwrap() as u8)
            .collect();
        assert_eq!(from_bytes(&bytes), Some(numbers));
    }

    #[test]
    fn numbers_are_counted_before_they_are_marked() {
        assert!(are_all(3, &[2, 0, 1]) && !are_all(3, &[2, 0]) && !are_all(3, &[0, 1, 1]) && !are_all(3, &[0, 1, 3]));
        assert!(!are_all(usize::MAX, &[0]), "and not allocated for");
    }

    fn are_all(count: usize, numbers: &[u32]) -> bool {
        super::super::are_all_below(count, numbers.iter().copied())
    }
}
