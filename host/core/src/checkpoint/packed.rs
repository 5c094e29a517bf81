//! Vectors of numbers and of bits in a snapshot: as bytes, little endian, and not element by element.
//!
//! Used by whatever saves state through serde. A vector is a list of chunks of at most [`CHUNK_BYTES`], so that neither
//! its length nor what a reader allocates depends on a length that is only announced. A chunk is a byte string, or, where its numbers lie close
//! together, their distances from the least of them in fewer bytes each (frame of reference: Goldstein, Ramakrishnan and Shaft, *Compressing
//! Relations and Indexes*, 1998). Invariant: what is read takes as much memory as it has bytes in the snapshot, but for a factor of 16.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Unexpected, Visitor},
    ser::SerializeSeq,
};

/// A whole number of numbers of each width.
const CHUNK_BYTES: usize = 1 << 16;

/// The bytes that a distance may have.
const WIDTHS: [usize; 4] = [1, 2, 4, 8];

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

    /// The least of the numbers, compared as signed ones, and the bytes that the distances from it need. None: as many as the numbers have, or there are none.
    fn frame(numbers: &[Self]) -> Option<(Self, usize)>;

    /// Overwrites `bytes`, which are `width` for each number, with their distances from `least`.
    fn write_distances(numbers: &[Self], least: Self, width: usize, bytes: &mut [u8]);

    fn of_any_width(numbers: Packed<'_, Self>) -> AnyWidth<'_>;
}

macro_rules! numbers {
    ($($number:ty, $signed:ty, $unsigned:ty, $variant:ident;)*) => {$(
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

            fn frame(numbers: &[Self]) -> Option<(Self, usize)> {
                let least = numbers.iter().map(|number| *number as $signed).min()?;
                let most = numbers.iter().map(|number| *number as $signed).max()?;
                let range = most.wrapping_sub(least) as $unsigned;
                let fits = |width: &usize| *width < Self::BYTES && range >> (8 * width) == 0;
                WIDTHS.into_iter().find(fits).map(|width| (least as Self, width))
            }

            fn write_distances(numbers: &[Self], least: Self, width: usize, bytes: &mut [u8]) {
                let distances = numbers.iter().map(|number| number.wrapping_sub(least) as u64);
                match width {
                    1 => bytes.iter_mut().zip(distances).for_each(|(place, distance)| *place = distance as u8),
                    2 => {
                        let places = bytes.as_chunks_mut::<2>().0.iter_mut().zip(distances);
                        places.for_each(|(place, distance)| *place = (distance as u16).to_le_bytes());
                    }
                    4 => {
                        let places = bytes.as_chunks_mut::<4>().0.iter_mut().zip(distances);
                        places.for_each(|(place, distance)| *place = (distance as u32).to_le_bytes());
                    }
                    _ => {
                        let places = bytes.as_chunks_mut::<8>().0.iter_mut().zip(distances);
                        places.for_each(|(place, distance)| *place = distance.to_le_bytes());
                    }
                }
            }

            fn of_any_width(numbers: Packed<'_, Self>) -> AnyWidth<'_> {
                AnyWidth::$variant(numbers)
            }
        }
    )*};
}

numbers! {
    u8, i8, u8, Bytes;
    u16, i16, u16, U16;
    u32, i32, u32, U32;
    u64, i64, u64, U64;
    i64, i64, u64, I64;
    i128, i128, u128, I128;
}

/// Numbers of a width that whoever reads them knows: read as their bytes.
#[derive(Debug)]
pub enum AnyWidth<'a> {
    Bytes(Packed<'a, u8>),
    U16(Packed<'a, u16>),
    U32(Packed<'a, u32>),
    U64(Packed<'a, u64>),
    I64(Packed<'a, i64>),
    I128(Packed<'a, i128>),
}

impl AnyWidth<'_> {
    /// Once they were read.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => &bytes.0,
            _ => &[],
        }
    }
}

impl Serialize for AnyWidth<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bytes(numbers) => numbers.serialize(serializer),
            Self::U16(numbers) => numbers.serialize(serializer),
            Self::U32(numbers) => numbers.serialize(serializer),
            Self::U64(numbers) => numbers.serialize(serializer),
            Self::I64(numbers) => numbers.serialize(serializer),
            Self::I128(numbers) => numbers.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for AnyWidth<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Packed::deserialize(deserializer).map(Self::Bytes)
    }
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
        let mut least_bytes = vec![0; T::BYTES];
        let mut seq = serializer.serialize_seq(Some(chunks.len()))?;
        for chunk in chunks {
            // Where there are few, their least one would take what the others spare.
            let frame = T::frame(chunk).filter(|(_, width)| chunk.len() * (T::BYTES - width) > T::BYTES + 4);
            let width = frame.map_or(T::BYTES, |(_, width)| width);
            let bytes = bytes.get_mut(..chunk.len() * width).unwrap_or_default();
            if let Some((least, width)) = frame {
                T::write_distances(chunk, least, width, bytes);
                T::write(&[least], &mut least_bytes);
                seq.serialize_element(&(width as u8, Bytes(&least_bytes), Bytes(bytes)))?;
            } else {
                T::write(chunk, bytes);
                seq.serialize_element(&Bytes(bytes))?;
            }
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
        write!(f, "numbers of {} bytes, as bytes or as distances", T::BYTES)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut numbers = Vec::new();
        while let Some(chunk) = seq.next_element::<Chunk>()? {
            let bytes = chunk.bytes().filter(|bytes| T::read(bytes, &mut numbers).is_some());
            bytes.ok_or_else(|| A::Error::invalid_value(Unexpected::Other("bytes of other numbers"), &self))?;
        }
        Ok(numbers.into())
    }
}

/// A chunk as it lies in a snapshot.
enum Chunk<'a> {
    Plain(&'a [u8]),
    Distances { width: u8, least: &'a [u8], distances: &'a [u8] },
}

impl<'a> Chunk<'a> {
    /// The bytes of its numbers. None: it is none.
    fn bytes(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Plain(bytes) => Some(bytes.into()),
            Self::Distances { width: 1, least, distances } => widened::<1>(least, distances),
            Self::Distances { width: 2, least, distances } => widened::<2>(least, distances),
            Self::Distances { width: 4, least, distances } => widened::<4>(least, distances),
            Self::Distances { width: 8, least, distances } => widened::<8>(least, distances),
            Self::Distances { .. } => None,
        }
    }
}

/// The numbers whose distances from the least one are these, in as many bytes each as that one has.
fn widened<const WIDTH: usize>(least: &[u8], distances: &[u8]) -> Option<Cow<'static, [u8]>> {
    let (distances, []) = distances.as_chunks::<WIDTH>() else { return None };
    let distances = distances.iter().map(|distance| {
        let mut word = [0; 8];
        word.iter_mut().zip(distance).for_each(|(place, byte)| *place = *byte);
        u64::from_le_bytes(word)
    });
    let bytes: Vec<u8> = match *least {
        [a, b] if WIDTH < 2 => {
            let least = u16::from_le_bytes([a, b]);
            distances.flat_map(|distance| least.wrapping_add(distance as u16).to_le_bytes()).collect()
        }
        [a, b, c, d] if WIDTH < 4 => {
            let least = u32::from_le_bytes([a, b, c, d]);
            distances.flat_map(|distance| least.wrapping_add(distance as u32).to_le_bytes()).collect()
        }
        _ if WIDTH < 8 && least.len() == 8 => {
            let least = u64::from_le_bytes(least.try_into().ok()?);
            distances.flat_map(|distance| least.wrapping_add(distance).to_le_bytes()).collect()
        }
        _ => {
            let least = u128::from_le_bytes(least.try_into().ok()?);
            distances.flat_map(|distance| least.wrapping_add(u128::from(distance)).to_le_bytes()).collect()
        }
    };
    Some(bytes.into())
}

impl<'de> Deserialize<'de> for Chunk<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneChunk)
    }
}

struct OneChunk;

impl<'de> Visitor<'de> for OneChunk {
    type Value = Chunk<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes, or a width, the least number and distances from it")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Chunk::Plain(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let missing = |at| A::Error::invalid_length(at, &self);
        let width = seq.next_element()?.ok_or_else(|| missing(0))?;
        let least = seq.next_element()?.ok_or_else(|| missing(1))?;
        let distances = seq.next_element()?.ok_or_else(|| missing(2))?;
        Ok(Chunk::Distances { width, least, distances })
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
        let byte = |eight: &[bool]| eight.iter().zip(0..).fold(0, |byte: u8, (flag, at)| byte | u8::from(*flag) << at);
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

    /// The numbers after they were saved and read, and the bytes that they took.
    fn saved<T: Number + PartialEq>(numbers: &[T]) -> usize {
        let bytes = rmp_serde::to_vec_named(&Packed::from(numbers)).unwrap();
        assert_eq!(rmp_serde::from_slice::<Packed<'_, T>>(&bytes).unwrap().0, numbers);
        // Whoever knows the width can read them as bytes.
        let any = rmp_serde::from_slice::<AnyWidth<'_>>(&bytes).unwrap();
        assert_eq!(from_bytes::<T>(any.bytes()).unwrap(), numbers);
        assert_eq!(rmp_serde::to_vec_named(&T::of_any_width(numbers.into())).unwrap(), bytes);
        bytes.len()
    }

    #[test]
    fn numbers_are_their_bytes_and_bits_are_packed() {
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
    fn what_lies_close_together_takes_the_bytes_of_its_distances() {
        let count = 100_000;
        let slots: Vec<u32> = (0..count).collect();
        assert!(saved(&slots) < 2 * count as usize + 200);
        let times: Vec<i64> = (0..i64::from(count)).map(|at| 1_700_000_000_000_000 + at % 250).collect();
        assert!(saved(&times) < count as usize + 500);
        let around_zero: Vec<i128> = (0..i128::from(count)).map(|at| at % 2_000 - 1_000).collect();
        assert!(saved(&around_zero) < 2 * count as usize + 1000);
        let far: Vec<i128> = (0..i128::from(count)).map(|at| i128::MAX - (at << 40)).collect();
        assert!(saved(&far) < 8 * count as usize + 1000);
        let hashes: Vec<u64> = (0..u64::from(count)).map(crate::hash::hash_word).collect();
        assert!(saved(&hashes) >= 8 * count as usize);
    }

    #[test]
    fn the_edges_of_each_width_come_back() {
        for edges in [vec![0, -1], vec![0, 255], vec![0, 256], vec![-1, i64::MAX], vec![i64::MIN, i64::MAX], vec![7]] {
            let numbers: Vec<i64> = edges.iter().copied().cycle().take(64).collect();
            saved(&numbers);
            saved(&numbers.iter().map(|number| *number as u64).collect::<Vec<_>>());
            saved(&numbers.iter().map(|number| *number as u32).collect::<Vec<_>>());
            saved(&numbers.iter().map(|number| *number as u16).collect::<Vec<_>>());
            saved(&numbers.iter().map(|number| *number as u8).collect::<Vec<_>>());
            saved(&numbers.iter().map(|number| i128::from(*number) << 60).collect::<Vec<_>>());
        }
        saved::<i128>(&[i128::MIN, i128::MAX]);
        saved::<u64>(&[]);
    }

    #[test]
    fn vectors_of_version_1_and_damaged_ones() {
        let numbers = [3_u64, 900, 7];
        let encoded = numbers.map(u64::to_le_bytes);
        let bytes = rmp_serde::to_vec_named(&encoded.iter().map(|bytes| Bytes(bytes)).collect::<Vec<_>>()).unwrap();
        assert_eq!(rmp_serde::from_slice::<Packed<'_, u64>>(&bytes).unwrap().0.as_ref(), numbers);
        let good = rmp_serde::to_vec_named(&Packed::from((0..300_u64).collect::<Vec<_>>())).unwrap();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut damaged = good.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(read) = rmp_serde::from_slice::<Packed<'_, u64>>(&damaged) {
                    assert!(read.len() <= 16 * good.len());
                }
            }
        }
        // Distances as wide as the numbers, or wider, are none.
        let wide = [(8_u8, Bytes(&[0; 8]), Bytes(&[0; 64]))];
        assert!(rmp_serde::from_slice::<Packed<'_, u64>>(&rmp_serde::to_vec_named(&wide).unwrap()).is_err());
    }

    #[test]
    fn a_long_vector_is_written_in_chunks() {
        let numbers: Vec<u64> = (0..CHUNK_BYTES as u64 / 4).map(crate::hash::hash_word).collect();
        let text = serde_json::to_value(Packed::from(numbers.as_slice())).unwrap();
        assert_eq!(text.as_array().unwrap().len(), 2);
        saved(&numbers);
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
