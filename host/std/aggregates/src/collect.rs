//! `std:collect`: all values of a column as a list, in the order in which they came. An empty list if there are none.
//!
//! The list is kept as its values' bytes one after another, so that merging is appending.

use pelton_guest::{
    fold::{Accumulator as _, Field, Input, Loaded, Node, OutputField, Shape, column, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    column::{Column, Kind, narrow},
    function::{Function, Made, Opened},
    packed::{Binary, Packed, put, take_bytes},
};

const NAME: &str = "collect";

#[derive(Options)]
struct Options {
    column: String,
}

struct Collect {
    column: Column,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let column = Column::find(input, &options_from_map::<Options>(options)?.column, NAME)?;
    let list = Field { name: NAME.to_owned(), format: "+l".to_owned(), nullable: false, children: 1 };
    // Nulls are left out, so no item is one.
    let item = Field { nullable: false, ..column.result("item") };
    let shape = Shape {
        reads: vec![column.name.clone()],
        state: Binary::<List>::columns(),
        makes: vec![list, item],
        ordered: true,
    };
    Ok((shape, Box::new(Opened::new(vec![column.clone()], Collect { column }))))
}

/// Values one after another: as they lie in a widened column, bools a byte each, bytes with their length.
#[derive(Debug, Default)]
pub struct List(Vec<u8>);

impl Packed for List {
    fn pack(self) -> Option<Vec<u8>> {
        (!self.0.is_empty()).then_some(self.0)
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.to_vec()))
    }
}

impl Function for Collect {
    type State = Binary<List>;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Self::State]) -> Result<(), String> {
        let values = columns.first().ok_or("no column came")?;
        match self.column.kind {
            Kind::Bool => column(values, slots, states, |state, value: bool| state.append(&[value.into()])),
            Kind::Signed => column(values, slots, states, |state, value: i64| state.append(&value.to_le_bytes())),
            Kind::Unsigned => column(values, slots, states, |state, value: u64| state.append(&value.to_le_bytes())),
            Kind::Float => column(values, slots, states, |state, value: f64| state.append(&value.to_le_bytes())),
            Kind::Decimal { .. } => {
                column(values, slots, states, |state, value: Decimal<38, 0>| state.append(&value.0.to_le_bytes()))
            }
            Kind::Bytes => column(values, slots, states, |state: &mut Self::State, value: &[u8]| {
                put(value, &mut state.0.0);
            }),
        }
    }

    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), String> {
        state.append(&later.0.0);
        Ok(())
    }

    fn finish(&self, states: Vec<Self::State>) -> Result<Made, String> {
        let (items, ends) = self.items(&states)?;
        let ends = std::iter::once(0).chain(ends);
        let offsets: Result<Vec<[u8; 4]>, _> = ends.map(|end| i32::try_from(end).map(i32::to_le_bytes)).collect();
        let offsets = offsets.map_err(|_| "std:collect has more than 2147483647 items in one batch of results")?;
        let list = Node { rows: states.len() as u32, buffers: vec![Vec::new(), offsets.concat()] };
        Ok(Made { nodes: vec![list, narrow(items, &self.column.format)], origin: None })
    }
}

impl Binary<List> {
    #[inline(always)]
    fn append(&mut self, bytes: &[u8]) {
        self.0.0.extend_from_slice(bytes);
    }
}

impl Collect {
    /// All items as one column, and where each list ends in it.
    fn items(&self, states: &[Binary<List>]) -> Result<(Node, Vec<usize>), String> {
        let lists = || states.iter().map(|state| state.0.0.as_slice());
        let width = match self.column.kind {
            Kind::Bool => return items(lists(), |list| list.split_off_first().map(|flag| *flag == 1)),
            Kind::Bytes => return items(lists(), take_bytes),
            Kind::Signed | Kind::Unsigned | Kind::Float => size_of::<i64>(),
            Kind::Decimal { .. } => size_of::<i128>(),
        };
        let ends = lists().scan(0, |end, list| {
            *end += list.len() / width;
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let rows = ends.last().copied().unwrap_or_default() as u32;
        Ok((Node { rows, buffers: vec![Vec::new(), lists().collect::<Vec<_>>().concat()] }, ends))
    }
}

/// All items of lists whose items `next` takes off, and where each list ends.
fn items<'a, T: OutputField>(
    lists: impl Iterator<Item = &'a [u8]>,
    next: impl Fn(&mut &'a [u8]) -> Option<T>,
) -> Result<(Node, Vec<usize>), String> {
    let mut values = Values::<T>::default();
    let mut count = 0;
    let ends = lists.map(|mut list| {
        while let Some(item) = next(&mut list) {
            values.push(item);
            count += 1;
        }
        count
    });
    let ends = ends.collect();
    Ok((values.finish("item")?, ends))
}
