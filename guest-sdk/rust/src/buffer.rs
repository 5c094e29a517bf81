//! Bytes from the host, seen as slices of their element type.
//!
//! Used by [`crate::loaded`]. A buffer is always at 16-byte alignment: where it came in if it is
//! already (always so in a module, see `allocator.rs`), copied once otherwise.

use bytemuck::{AnyBitPattern, NoUninit};

/// One buffer of a column, aligned for every element type.
#[derive(Debug)]
pub enum Buffer {
    AsItCame(Vec<u8>),
    /// Copied, and its length in bytes.
    Copied(Vec<u128>, usize),
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Copied(Vec::new(), 0)
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.as_ptr().cast::<u128>().is_aligned() { Self::AsItCame(bytes) } else { Self::copy(&bytes) }
    }
}

impl Buffer {
    /// A buffer that holds `elements`.
    pub fn copy<T: NoUninit>(elements: &[T]) -> Self {
        let bytes: &[u8] = bytemuck::cast_slice(elements);
        let mut words = vec![0_u128; bytes.len().div_ceil(size_of::<u128>())];
        let target: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
        for (to, from) in target.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self::Copied(words, bytes.len())
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::AsItCame(bytes) => bytes,
            Self::Copied(words, len) => bytemuck::cast_slice(words).get(..*len).unwrap_or_default(),
        }
    }

    /// The first `count` elements, or none if the buffer is too short for them.
    pub fn elements<T: AnyBitPattern>(&self, count: usize) -> Option<&[T]> {
        if count == 0 {
            return Some(&[]);
        }
        let bytes = self.bytes().get(..count.checked_mul(size_of::<T>())?)?;
        bytemuck::try_cast_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_buffer_can_be_seen_as_its_elements_wherever_it_starts() {
        let numbers = [1_i128, -2, 3];
        let bytes: &[u8] = bytemuck::cast_slice(&numbers);
        for shift in 0..16 {
            // Vectors cannot start at an odd address, so the copying path is reached by its constructor.
            let shifted: Vec<u8> = std::iter::repeat_n(0, shift).chain(bytes.iter().copied()).collect();
            let buffer = Buffer::copy(&shifted[shift..]);
            assert_eq!(buffer.elements::<i128>(3), Some(numbers.as_slice()));
            assert_eq!(buffer.bytes(), bytes);
        }
        assert_eq!(Buffer::from(bytes.to_vec()).elements::<i64>(6).map(<[i64]>::len), Some(6));
    }

    #[test]
    fn a_short_buffer_is_seen_as_nothing_and_an_empty_one_as_no_elements() {
        assert_eq!(Buffer::from(vec![0; 15]).elements::<u64>(2), None);
        assert_eq!(Buffer::from(vec![0; 15]).elements::<u64>(usize::MAX), None);
        assert_eq!(Buffer::from(Vec::new()).elements::<i128>(0), Some([].as_slice()));
        assert_eq!(Buffer::default().bytes(), [0_u8; 0]);
    }
}
