//! Columns: what `open` is told about them, and their buffers as cells and back.
//!
//! Slow on purpose: one bounds check for each byte, and nothing clever that could be wrong as the host can.

use crate::{
    bindings::pelton::operator::types::{Field, Node},
    cell::Cell,
};

/// How a scalar column's buffers are to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Bool,
    Whole { width: usize },
    Single,
    Double,
    Decimal,
    Bytes { offset_width: usize, text: bool },
}

impl Kind {
    /// None: a list or a struct.
    fn of(format: &str) -> Option<Self> {
        Some(match format {
            "b" => Self::Bool,
            "c" | "C" => Self::Whole { width: 1 },
            "s" | "S" => Self::Whole { width: 2 },
            "i" | "I" | "tdD" => Self::Whole { width: 4 },
            "l" | "L" => Self::Whole { width: 8 },
            "f" => Self::Single,
            "g" => Self::Double,
            "u" => Self::Bytes { offset_width: 4, text: true },
            "U" => Self::Bytes { offset_width: 8, text: true },
            "z" => Self::Bytes { offset_width: 4, text: false },
            "Z" => Self::Bytes { offset_width: 8, text: false },
            _ if format.starts_with("ts") => Self::Whole { width: 8 },
            _ if format.starts_with("d:") => Self::Decimal,
            _ => return None,
        })
    }
}

/// A column of the input.
#[derive(Debug)]
pub struct Column<'a> {
    pub name: &'a str,
    pub nullable: bool,
    /// None: a list or a struct.
    pub kind: Option<Kind>,
    /// Itself, and then everything below it.
    pub fields: &'a [Field],
}

/// The columns of a flat, pre-order list of fields.
pub fn top_level(mut fields: &[Field]) -> Vec<Column<'_>> {
    let mut columns = Vec::new();
    while let Some(first) = fields.first() {
        let (own, rest) = fields.split_at(length(fields));
        columns.push(Column {
            name: &first.name,
            nullable: first.nullable,
            kind: Kind::of(&first.format),
            fields: own,
        });
        fields = rest;
    }
    columns
}

/// Fields that the first one takes up: itself and everything below it.
fn length(fields: &[Field]) -> usize {
    let mut length = 0;
    let mut due = 1;
    for field in fields {
        if due == 0 {
            break;
        }
        due += field.children as usize;
        due -= 1;
        length += 1;
    }
    length
}

/// The values of a column; null is none. None if the buffers are not those of the kind.
pub fn read(kind: Kind, node: &Node) -> Option<Vec<Option<Cell>>> {
    let (validity, buffers) = node.buffers.split_first()?;
    (0..node.rows as usize)
        .map(|row| {
            if validity.is_empty() || bit(validity, row)? { Some(Some(cell(kind, buffers, row)?)) } else { Some(None) }
        })
        .collect()
}

fn cell(kind: Kind, buffers: &[Vec<u8>], row: usize) -> Option<Cell> {
    let values = buffers.first()?;
    Some(match kind {
        Kind::Bool => Cell::Bool(bit(values, row)?),
        Kind::Whole { width } => Cell::Whole(whole(values, row, width)?),
        Kind::Single => Cell::Single(f32::from_le_bytes(element(values, row)?)),
        Kind::Double => Cell::Double(f64::from_le_bytes(element(values, row)?)),
        Kind::Decimal => Cell::Decimal(i128::from_le_bytes(element(values, row)?)),
        Kind::Bytes { offset_width, text } => {
            let start = usize::try_from(whole(values, row, offset_width)?).ok()?;
            let end = usize::try_from(whole(values, row + 1, offset_width)?).ok()?;
            let bytes = buffers.get(1)?.get(start..end)?.to_vec();
            if text { Cell::Text(String::from_utf8(bytes).ok()?) } else { Cell::Bytes(bytes) }
        }
    })
}

fn bit(bits: &[u8], row: usize) -> Option<bool> {
    Some(bits.get(row / 8)? >> (row % 8) & 1 == 1)
}

fn element<const WIDTH: usize>(values: &[u8], row: usize) -> Option<[u8; WIDTH]> {
    values.get(row * WIDTH..(row + 1) * WIDTH)?.try_into().ok()
}

/// An element of any width up to eight bytes, without its sign.
fn whole(values: &[u8], row: usize, width: usize) -> Option<u64> {
    let bytes = values.get(row * width..(row + 1) * width)?;
    Some(bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
}

/// The buffers of these values.
pub fn write(kind: Kind, cells: &[Option<Cell>]) -> Node {
    let validity = if cells.iter().all(Option::is_some) { Vec::new() } else { bits(cells.iter().map(Option::is_some)) };
    let zero = Cell::zero(kind);
    let cells = || cells.iter().map(|cell| cell.as_ref().unwrap_or(&zero));
    let mut buffers = vec![validity];
    match kind {
        Kind::Bool => buffers.push(bits(cells().map(|cell| *cell == Cell::Bool(true)))),
        Kind::Bytes { offset_width, .. } => {
            let mut values = Vec::new();
            let mut offsets = vec![0; offset_width];
            for cell in cells() {
                values.extend(bytes(cell));
                offsets.extend(values.len().to_le_bytes().into_iter().chain([0; 8]).take(offset_width));
            }
            buffers.extend([offsets, values]);
        }
        Kind::Whole { width } => buffers.push(cells().flat_map(|cell| bytes(cell).into_iter().take(width)).collect()),
        Kind::Single | Kind::Double | Kind::Decimal => buffers.push(cells().flat_map(bytes).collect()),
    }
    Node { rows: cells().count() as u32, buffers }
}

fn bytes(cell: &Cell) -> Vec<u8> {
    match cell {
        Cell::Bool(value) => vec![u8::from(*value)],
        Cell::Whole(bits) => bits.to_le_bytes().to_vec(),
        Cell::Single(value) => value.to_le_bytes().to_vec(),
        Cell::Double(value) => value.to_le_bytes().to_vec(),
        Cell::Decimal(value) => value.to_le_bytes().to_vec(),
        Cell::Text(text) => text.clone().into_bytes(),
        Cell::Bytes(bytes) => bytes.clone(),
    }
}

fn bits(values: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bits = Vec::new();
    for (row, value) in values.enumerate() {
        if row % 8 == 0 {
            bits.push(0);
        }
        if let Some(last) = bits.last_mut() {
            *last |= u8::from(value) << (row % 8);
        }
    }
    bits
}
