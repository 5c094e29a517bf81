//! One value of a column, for comparing and showing.

use std::{cmp::Ordering, fmt};

use crate::{
    bindings::{Field, Node},
    bits,
    input::InputField,
    loaded::{Conversion, Layout, Loaded},
    types::{Date, TimeUnit, Timestamp},
};

/// A value, by what it means rather than by its width: 1 as `s32` is 1 as `s64`.
#[derive(Clone)]
pub enum Cell {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Date(Date),
    Timestamp(Timestamp),
    /// Unscaled, and the digits after the point.
    Decimal(i128, u32),
    List(Vec<Cell>),
    /// A value of a type that rows cannot hold.
    Other,
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Integer(left), Self::Integer(right)) => left == right,
            // A test that expects NaN means any NaN.
            (Self::Float(left), Self::Float(right)) => left == right || left.is_nan() && right.is_nan(),
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Bytes(left), Self::Bytes(right)) => left == right,
            (Self::Date(left), Self::Date(right)) => left == right,
            (Self::Timestamp(left), Self::Timestamp(right)) => left == right,
            (Self::Decimal(left, scale), Self::Decimal(right, other)) => (left, scale) == (right, other),
            (Self::List(left), Self::List(right)) => left == right,
            _ => false,
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Bytes(value) => write!(f, "b\"{}\"", value.escape_ascii()),
            Self::Date(Date(days)) => write!(f, "day {days}"),
            Self::Timestamp(Timestamp(moment)) => write!(f, "{moment} us"),
            Self::Decimal(value, scale) => write!(f, "{value}e-{scale}"),
            Self::List(cells) => f.debug_list().entries(cells).finish(),
            Self::Other => f.write_str("?"),
        }
    }
}

impl Cell {
    /// The order of values of one type that subkeys can have.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Integer(left), Self::Integer(right)) | (Self::Decimal(left, _), Self::Decimal(right, _)) => {
                left.cmp(right)
            }
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Bytes(left), Self::Bytes(right)) => left.cmp(right),
            (Self::Date(left), Self::Date(right)) => left.cmp(right),
            (Self::Timestamp(left), Self::Timestamp(right)) => left.cmp(right),
            _ => Ordering::Equal,
        }
    }

    /// The bytes of a value of fixed width, so many.
    fn bytes(&self, width: usize) -> Vec<u8> {
        let bytes = match self {
            Self::Integer(value) | Self::Decimal(value, _) => value.to_le_bytes().to_vec(),
            Self::Float(value) if width == size_of::<f32>() => (*value as f32).to_le_bytes().to_vec(),
            Self::Float(value) => value.to_le_bytes().to_vec(),
            Self::Date(value) => value.0.to_le_bytes().to_vec(),
            Self::Timestamp(value) => value.0.to_le_bytes().to_vec(),
            _ => Vec::new(),
        };
        bytes.into_iter().chain(std::iter::repeat(0)).take(width).collect()
    }
}

/// A column of these values, of the type of `field`. Times are in microseconds, as all are that a module keeps.
pub fn node(field: &Field, cells: &[Cell]) -> Result<Node, String> {
    let layout =
        Layout::of(&field.format).ok_or_else(|| format!("column `{}` cannot be a key or state", field.name))?;
    let valid: Vec<u8> = cells.iter().map(|cell| u8::from(!matches!(cell, Cell::Null))).collect();
    let mut buffers = vec![if valid.contains(&0) { bits::pack(&valid) } else { Vec::new() }];
    match layout {
        Layout::Fixed(width) => buffers.push(cells.iter().flat_map(|cell| cell.bytes(width)).collect()),
        Layout::Bits => {
            let flags: Vec<u8> = cells.iter().map(|cell| u8::from(matches!(cell, Cell::Bool(true)))).collect();
            buffers.push(bits::pack(&flags));
        }
        Layout::Variable | Layout::LargeVariable => {
            let mut offsets = 0_u32.to_le_bytes().to_vec();
            let mut bytes: Vec<u8> = Vec::new();
            for cell in cells {
                match cell {
                    Cell::Text(text) => bytes.extend(text.as_bytes()),
                    Cell::Bytes(value) => bytes.extend(value),
                    _ => {}
                }
                offsets.extend((bytes.len() as u32).to_le_bytes());
            }
            buffers.extend([offsets, bytes]);
        }
    }
    // As many as rows of a test, whose number is a u32.
    Ok(Node { rows: cells.len() as u32, buffers })
}

/// A column as a field of type `F` sees it.
pub fn load(field: &Field, node: &Node, conversion: Conversion) -> Result<Loaded, String> {
    Loaded::whole(&field.name, node.clone(), node.rows as usize, conversion)
}

/// The values of a column.
pub fn cells(field: &Field, node: &Node) -> Result<Vec<Cell>, String> {
    match field.format.as_str() {
        "b" => read::<bool>(field, node, Cell::Bool),
        "c" | "s" | "i" | "l" => read::<i64>(field, node, |value| Cell::Integer(value.into())),
        "C" | "S" | "I" | "L" => read::<u64>(field, node, |value| Cell::Integer(value.into())),
        "f" | "g" => read::<f64>(field, node, Cell::Float),
        "u" | "U" => read::<String>(field, node, Cell::Text),
        "z" | "Z" => read::<Vec<u8>>(field, node, Cell::Bytes),
        "tdD" => read::<Date>(field, node, Cell::Date),
        format if TimeUnit::of(format).is_some() => read::<Timestamp>(field, node, Cell::Timestamp),
        format => match format.strip_prefix("d:").and_then(|rest| rest.split_once(',')?.1.parse().ok()) {
            Some(scale) => {
                let loaded = load(field, node, Conversion::Same(Layout::Fixed(16)))?;
                let values = loaded.values.elements::<i128>(loaded.rows).unwrap_or_default();
                let cell = |(row, value): (usize, &i128)| {
                    if loaded.is_null(row) { Cell::Null } else { Cell::Decimal(*value, scale) }
                };
                Ok(values.iter().enumerate().map(cell).collect())
            }
            None => Ok(vec![Cell::Other; node.rows as usize]),
        },
    }
}

fn read<F: for<'a> InputField<'a>>(field: &Field, node: &Node, cell: impl Fn(F) -> Cell) -> Result<Vec<Cell>, String> {
    Ok(values::<Option<F>>(field, node)?.into_iter().map(|value| value.map_or(Cell::Null, &cell)).collect())
}

/// The values of a column, as type `F`.
pub fn values<F: for<'a> InputField<'a>>(field: &Field, node: &Node) -> Result<Vec<F>, String> {
    let conversion = F::accept(&field.format).ok_or_else(|| {
        let (have, want) = (crate::types::name(&field.format), F::type_name());
        format!("column `{}` is {have}, and cannot be read as {want}", field.name)
    })?;
    let loaded = load(field, node, conversion)?;
    if !F::NULLABLE && (0..loaded.rows).any(|row| loaded.is_null(row)) {
        return Err(format!("column `{}` has nulls: read it as an Option", field.name));
    }
    let view = F::view(&loaded)?;
    Ok((0..loaded.rows).map(|row| F::value(view, row)).collect())
}

/// How many items each row of a list has. Nulls have those that their offsets say.
pub fn lengths(list: &Node) -> Vec<usize> {
    let (offsets, _) = list.buffers.get(1).map(|offsets| offsets.as_chunks::<4>()).unwrap_or_default();
    let offsets: Vec<usize> = offsets.iter().map(|offset| u32::from_le_bytes(*offset) as usize).collect();
    offsets.iter().zip(offsets.iter().skip(1)).map(|(start, end)| end.saturating_sub(*start)).collect()
}

/// The values of a list column whose items are `items`.
pub fn lists(list: &Node, items: Vec<Cell>) -> Vec<Cell> {
    let mut items = items.into_iter();
    lengths(list).into_iter().map(|length| Cell::List(items.by_ref().take(length).collect())).collect()
}
