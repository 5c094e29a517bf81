//! Columns being made, a block at a time.
//!
//! The loops in [`crate::run`] write each row of a block to its slot by index, without a branch, whether the row is
//! kept or not; then [`Block::keep`] moves the kept ones to the front and [`Block::flush`]
//! appends them to the column's buffer. Writing by index into a fixed array is what lets the compiler
//! use SIMD; `Vec::push` in the loop would halve its speed. A block stays in the first-level cache.

use bytemuck::Pod;

use crate::{bindings::Node, bits};

/// Rows of a block. A multiple of 8, so that bitmaps are cut at whole bytes; large enough that the calls
/// which copy a block do not show; small enough that eight columns of it fit into a first-level cache.
pub const BLOCK: usize = 512;

/// Slots of a block: an index below [`BLOCK`] needs no bounds check.
type Slots<T> = Box<[T; BLOCK]>;

/// One column being made.
pub trait Block {
    /// An empty column with room for `rows` rows.
    fn with_capacity(rows: usize) -> Self;
    /// Moves the slots at `positions`, which ascend and are below [`BLOCK`], to the front.
    fn keep(&mut self, positions: &[u16]);
    /// Appends the first `count` slots to the column.
    fn flush(&mut self, count: usize);
    /// The column, as it crosses to the host.
    fn finish(self) -> Result<Node, String>;
}

/// Moves the slots at `positions` to the front.
fn compact<T: Copy>(slots: &mut [T; BLOCK], positions: &[u16]) {
    for (to, from) in positions.iter().enumerate() {
        // `from` is below BLOCK: the mask tells the compiler so.
        let moved = slots.get(usize::from(*from) % BLOCK).copied();
        if let (Some(slot), Some(moved)) = (slots.get_mut(to % BLOCK), moved) {
            *slot = moved;
        }
    }
}

#[inline(always)]
fn put<T>(slots: &mut [T; BLOCK], slot: usize, value: T) {
    if let Some(target) = slots.get_mut(slot) {
        *target = value;
    }
}

/// A column of fixed-width elements.
#[derive(Debug)]
pub struct Numbers<T> {
    slots: Slots<T>,
    values: Vec<u8>,
}

impl<T: Pod> Numbers<T> {
    #[inline(always)]
    pub fn put(&mut self, slot: usize, value: T) {
        put(&mut self.slots, slot, value);
    }

    /// Appends whole elements to the column, past the block.
    pub fn extend_from_slice(&mut self, values: &[T]) {
        self.values.extend_from_slice(bytemuck::cast_slice(values));
    }

    /// The column's bytes, without a node around them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.values
    }
}

impl<T: Pod> Block for Numbers<T> {
    fn with_capacity(rows: usize) -> Self {
        Self { slots: Box::new([T::zeroed(); BLOCK]), values: Vec::with_capacity(rows * size_of::<T>()) }
    }

    fn keep(&mut self, positions: &[u16]) {
        compact(&mut self.slots, positions);
    }

    fn flush(&mut self, count: usize) {
        let slots = self.slots.get(..count).unwrap_or_default();
        self.values.extend_from_slice(bytemuck::cast_slice(slots));
    }

    fn finish(self) -> Result<Node, String> {
        let rows = rows_of(self.values.len() / size_of::<T>())?;
        Ok(Node { rows, buffers: vec![Vec::new(), self.values] })
    }
}

/// A column of bools: a byte each, packed at the end.
#[derive(Debug)]
pub struct Flags(Numbers<u8>);

impl Flags {
    #[inline(always)]
    pub fn put(&mut self, slot: usize, value: bool) {
        self.0.put(slot, u8::from(value));
    }

    /// A validity bitmap: empty if all flags are set.
    fn into_validity(self) -> Vec<u8> {
        let all = self.0.values.iter().fold(1, |all, flag| all & flag) == 1;
        if all { Vec::new() } else { bits::pack(&self.0.values) }
    }
}

impl Block for Flags {
    fn with_capacity(rows: usize) -> Self {
        Self(Numbers::with_capacity(rows))
    }

    fn keep(&mut self, positions: &[u16]) {
        self.0.keep(positions);
    }

    fn flush(&mut self, count: usize) {
        self.0.flush(count);
    }

    fn finish(self) -> Result<Node, String> {
        Ok(Node { rows: rows_of(self.0.values.len())?, buffers: vec![Vec::new(), bits::pack(&self.0.values)] })
    }
}

/// A column of text or bytes. Bytes are appended at once, in order of slots, so a slot is put once and in order.
#[derive(Debug)]
pub struct Bytes {
    lengths: Slots<u32>,
    offsets: Vec<u8>,
    end: usize,
    bytes: Vec<u8>,
}

impl Bytes {
    #[inline(always)]
    pub fn put(&mut self, slot: usize, value: &[u8]) {
        append(&mut self.bytes, value);
        // A length that does not fit makes `finish` fail, because the bytes then do not fit either.
        put(&mut self.lengths, slot, value.len() as u32);
    }
}

/// Appends `value`. Copying memory is a call out of the module, so short values are copied by a few wide stores: the
/// first and the last bytes, which may overlap.
#[inline(always)]
fn append(bytes: &mut Vec<u8>, value: &[u8]) {
    match value.len() {
        0..4 => value.iter().for_each(|byte| bytes.push(*byte)),
        4..8 => append_ends::<4>(bytes, value),
        8..16 => append_ends::<8>(bytes, value),
        16..=32 => append_ends::<16>(bytes, value),
        _ => bytes.extend_from_slice(value),
    }
}

/// Appends `value`, of `N` to 2 `N` bytes.
#[inline(always)]
fn append_ends<const N: usize>(bytes: &mut Vec<u8>, value: &[u8]) {
    if let (Some(first), Some(last)) = (value.first_chunk::<N>(), value.last_chunk::<N>()) {
        let start = bytes.len();
        bytes.extend_from_slice(first);
        bytes.truncate(start + value.len() - N);
        bytes.extend_from_slice(last);
    }
}

impl Block for Bytes {
    fn with_capacity(rows: usize) -> Self {
        const BYTES_A_ROW: usize = 16;
        let mut offsets = Vec::with_capacity((rows + 1) * size_of::<i32>());
        offsets.extend_from_slice(&0_i32.to_le_bytes());
        Self { lengths: Box::new([0; BLOCK]), offsets, end: 0, bytes: Vec::with_capacity(rows * BYTES_A_ROW) }
    }

    /// Only rows without bytes may be dropped.
    fn keep(&mut self, positions: &[u16]) {
        compact(&mut self.lengths, positions);
    }

    fn flush(&mut self, count: usize) {
        for length in self.lengths.iter().take(count) {
            self.end += *length as usize;
            self.offsets.extend_from_slice(&(self.end as u32).to_le_bytes());
        }
    }

    fn finish(self) -> Result<Node, String> {
        if i32::try_from(self.bytes.len()).is_err() {
            return Err(format!("it has {} bytes of text in one batch; at most 2 GiB fit", self.bytes.len()));
        }
        let rows = rows_of(self.offsets.len() / size_of::<i32>() - 1)?;
        Ok(Node { rows, buffers: vec![Vec::new(), self.offsets, self.bytes] })
    }
}

/// A column whose rows may be null.
#[derive(Debug)]
pub struct Optional<B> {
    pub inner: B,
    pub valid: Flags,
}

impl<B: Block> Block for Optional<B> {
    fn with_capacity(rows: usize) -> Self {
        Self { inner: B::with_capacity(rows), valid: Flags::with_capacity(rows) }
    }

    fn keep(&mut self, positions: &[u16]) {
        self.inner.keep(positions);
        self.valid.keep(positions);
    }

    fn flush(&mut self, count: usize) {
        self.inner.flush(count);
        self.valid.flush(count);
    }

    fn finish(self) -> Result<Node, String> {
        let mut node = self.inner.finish()?;
        if let Some(validity) = node.buffers.first_mut() {
            *validity = self.valid.into_validity();
        }
        Ok(node)
    }
}

fn rows_of(rows: usize) -> Result<u32, String> {
    u32::try_from(rows).map_err(|_| format!("it has {rows} rows in one batch, more than 4294967295"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_slots_move_to_the_front_of_every_kind_of_block() {
        let mut column = Optional::<Bytes>::with_capacity(4);
        for (slot, text) in ["a", "", "", "dd"].iter().enumerate() {
            column.inner.put(slot, text.as_bytes());
            column.valid.put(slot, slot != 2);
        }
        column.keep(&[0, 2, 3]);
        column.flush(3);
        let node = column.finish().expect("a column");
        assert_eq!(node.rows, 3);
        assert_eq!(node.buffers[0], [0b101]);
        assert_eq!(node.buffers[1], [0, 1, 1, 3].map(i32::to_le_bytes).concat());
        assert_eq!(node.buffers[2], b"add");
    }

    #[test]
    fn values_of_every_length_are_appended_whole() {
        let bytes: Vec<u8> = (0..200).collect();
        let mut column = Bytes::with_capacity(0);
        let mut want = Vec::new();
        for (slot, length) in (0..80).chain([200, 0, 33]).enumerate() {
            column.put(slot, &bytes[..length]);
            want.extend_from_slice(&bytes[..length]);
        }
        assert_eq!(column.bytes, want);
    }

    #[test]
    fn a_nullable_column_without_nulls_has_no_bitmap() {
        let mut column = Optional::<Numbers<i16>>::with_capacity(2);
        for slot in 0..2 {
            column.inner.put(slot, 7);
            column.valid.put(slot, true);
        }
        column.flush(2);
        let node = column.finish().expect("a column");
        assert_eq!(node.buffers, [vec![], vec![7, 0, 7, 0]]);
    }
}
