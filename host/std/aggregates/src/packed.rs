//! An accumulator that is one binary column: sketches, sets and lists, which have their own layout.

use pelton_guest::{
    fold::{Accumulator, InputField, Loaded, StateColumn, Table},
    prelude::*,
};

/// What is kept as bytes. Packing what was unpacked gives the same bytes, whatever rows and merges made it: state
/// that did not change must look so.
pub trait Packed: Default {
    /// None: nothing was added.
    fn pack(self) -> Option<Vec<u8>>;
    fn unpack(bytes: &[u8]) -> Option<Self>;
}

/// An accumulator that is only that.
#[derive(Default)]
pub struct Binary<T>(pub T);

const NAME: &str = "packed";

impl<T: Packed> Accumulator for Binary<T> {
    fn columns() -> Vec<StateColumn> {
        vec![StateColumn { name: NAME.to_owned(), format: "z".to_owned(), optional: false }]
    }

    fn read(columns: &[Loaded], rows: usize) -> Result<Vec<Self>, String> {
        let column = columns.first().ok_or("an accumulator came without its column")?;
        let view = <Option<&[u8]>>::view(column)?;
        let read = |at| match <Option<&[u8]>>::value(view, at) {
            None => Ok(Self::default()),
            Some(bytes) => T::unpack(bytes).map(Self).ok_or_else(|| "an accumulator is malformed".to_owned()),
        };
        (0..rows).map(read).collect()
    }

    fn store(states: Vec<Self>) -> Result<Table, String> {
        let rows = states.len() as u32;
        let column = states.into_iter().map(|state| state.0.pack()).collect::<Values<Option<Vec<u8>>>>();
        Ok(Table { rows, nodes: vec![column.finish(NAME)?] })
    }

    fn check_default() -> Result<(), String> {
        Ok(())
    }
}

/// The next `N` bytes.
pub fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

/// The next value that [`put`] wrote.
pub fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take(bytes)?);
    let (value, rest) = bytes.split_at_checked(length as usize)?;
    *bytes = rest;
    Some(value)
}

/// Appends a value with its length. Values come from columns with 32-bit offsets.
pub fn put(value: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    bytes.extend_from_slice(value);
}
