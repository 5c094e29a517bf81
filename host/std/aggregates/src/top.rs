//! `std:top-n`: the n greatest values of a column, as rows with their rank, and with other columns of their rows.
//!
//! Rows with the same value are ordered by their other columns, so that the answer does not depend on which came first.

use std::cmp::Ordering;

use pelton_guest::{
    fold::{Accumulator as _, Field, Input, Loaded, Shape, options_from_map},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{
    Chosen,
    cell::{Cells, decode},
    column::Column,
    count::whole_number,
    function::{Function, Made, Opened},
    packed::{Binary, Packed, put, take_bytes},
};

/// More would make every accumulator slow to carry.
const N_MAX: usize = 1_000;
const RANK: &str = "rank";

#[derive(Options)]
struct Options {
    column: String,
    n: usize,
    with: Option<Vec<String>>,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let options: Options = options_from_map(options)?;
    if !(1..=N_MAX).contains(&options.n) {
        return Err(format!("`n` is {}, but must be from 1 to {N_MAX}", options.n));
    }
    let names: Vec<String> = std::iter::once(options.column).chain(options.with.unwrap_or_default()).collect();
    let mut columns: Vec<Column> = Vec::new();
    for name in &names {
        if columns.iter().any(|column| column.name == *name) || name == RANK {
            return Err(format!("the result would have two columns `{name}`: leave it out of `with`"));
        }
        columns.push(Column::find(input, name, "top-n")?);
    }
    let results = columns.iter().map(|column| column.result(&column.name));
    let makes: Vec<Field> = std::iter::once(whole_number(RANK)).chain(results).collect();
    let shape = Shape { reads: names, state: Binary::<Best>::columns(), makes, ordered: false };
    Ok((shape, Box::new(Opened::new(columns.clone(), Top { n: options.n, columns }))))
}

/// A row: its value, and its other columns, encoded. Greater rows are better.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    value: Vec<u8>,
    others: Vec<u8>,
}

impl Ord for Row {
    /// By value, then by one column after the other, nulls last. Not by the bytes of `others`: those begin with lengths.
    fn cmp(&self, other: &Self) -> Ordering {
        let mut order = self.value.cmp(&other.value);
        let (mut ours, mut theirs) = (self.others.as_slice(), other.others.as_slice());
        while order.is_eq() && !(ours.is_empty() && theirs.is_empty()) {
            order = next_other(&mut ours).cmp(&next_other(&mut theirs));
        }
        order
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best rows, the best first.
#[derive(Debug, Default, PartialEq)]
pub struct Best(Vec<Row>);

impl Best {
    /// Whether a row with this value could be among the best `n`.
    fn admits(&self, value: &[u8], n: usize) -> bool {
        self.0.len() < n || self.0.last().is_some_and(|last| value >= last.value.as_slice())
    }

    fn insert(&mut self, row: Row, n: usize) {
        let place = self.0.partition_point(|better| *better >= row);
        if place < n {
            self.0.truncate(n - 1);
            self.0.insert(place.min(self.0.len()), row);
        }
    }
}

impl Packed for Best {
    fn pack(self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for row in &self.0 {
            put(&row.value, &mut bytes);
            put(&row.others, &mut bytes);
        }
        (!bytes.is_empty()).then_some(bytes)
    }

    fn unpack(mut bytes: &[u8]) -> Option<Self> {
        let mut rows = Vec::new();
        while !bytes.is_empty() {
            let (value, others) = (take_bytes(&mut bytes)?, take_bytes(&mut bytes)?);
            rows.push(Row { value: value.to_vec(), others: others.to_vec() });
        }
        Some(Self(rows))
    }
}

struct Top {
    n: usize,
    columns: Vec<Column>,
}

impl Function for Top {
    type State = Binary<Best>;

    fn add(&self, columns: &[Loaded], slots: &[u32], states: &mut [Self::State]) -> Result<(), String> {
        let cells: Vec<Cells<'_>> = self
            .columns
            .iter()
            .zip(columns)
            .map(|(column, loaded)| Cells::new(column.kind, loaded))
            .collect::<Result<_, _>>()?;
        let mut cells = cells.iter().zip(columns);
        let (first, first_loaded) = cells.next().ok_or("no column came")?;
        let mut value = Vec::new();
        for (row, slot) in slots.iter().enumerate() {
            if first_loaded.is_null(row) {
                continue;
            }
            value.clear();
            first.encode(row, &mut value);
            let best = &mut states.get_mut(*slot as usize).ok_or("a slot is out of range")?.0;
            if best.admits(&value, self.n) {
                let mut others = Vec::new();
                let mut cell = Vec::new();
                for (cells, loaded) in cells.clone() {
                    let is_null = loaded.is_null(row);
                    others.push(u8::from(!is_null));
                    if !is_null {
                        cell.clear();
                        cells.encode(row, &mut cell);
                        put(&cell, &mut others);
                    }
                }
                best.insert(Row { value: value.clone(), others }, self.n);
            }
        }
        Ok(())
    }

    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), String> {
        later.0.0.into_iter().for_each(|row| state.0.insert(row, self.n));
        Ok(())
    }

    fn finish(&self, states: Vec<Self::State>) -> Result<Made, String> {
        let rows = || states.iter().flat_map(|state| &state.0.0);
        let ranks: Values<i64> = states.iter().flat_map(|state| (1..).zip(&state.0.0)).map(|(rank, _)| rank).collect();
        let mut nodes = vec![ranks.finish(RANK)?];
        let mut columns = self.columns.iter();
        let first = columns.next().ok_or("no column was opened")?;
        nodes.push(decode(first, rows().map(|row| Some(row.value.as_slice())))?);
        let mut rests: Vec<&[u8]> = rows().map(|row| row.others.as_slice()).collect();
        for column in columns {
            nodes.push(decode(column, rests.iter_mut().map(next_other))?);
        }
        let origin = (0_u32..).zip(&states).flat_map(|(group, state)| state.0.0.iter().map(move |_| group)).collect();
        Ok(Made { nodes, origin: Some(origin) })
    }
}

/// The next of a row's other columns.
fn next_other<'a>(others: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (is_there, rest) = others.split_first()?;
    *others = rest;
    if *is_there == 1 { take_bytes(others) } else { None }
}
