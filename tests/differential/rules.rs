//! The naive evaluator: what each form of the module `any-schema` must answer, one row after the other.
//!
//! It shares no code with the engine or the module; the rules are those of the module's documentation.

use arrow::datatypes::{DataType, Field};

use crate::{
    draw,
    value::{Row, Value},
};

/// A form, with the columns that it works on by their place.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Echo,
    Pass,
    Filter {
        column: usize,
    },
    Map {
        column: usize,
    },
    /// `by`: the column whose value says how often a row is repeated; none: the row's number does.
    FlatMap {
        column: usize,
        by: Option<usize>,
    },
    Split {
        column: usize,
    },
}

/// The reason of rows that `Split` rejects.
const REASON: &str = "it is null";

/// What comes out: rows by port, and rejected rows with their reason.
#[derive(Debug, Default, PartialEq)]
pub struct Outputs {
    pub ports: Vec<Vec<Row>>,
    pub rejected: Vec<Row>,
}

impl Form {
    /// The port's names and columns, all ports alike.
    pub fn ports(self, fields: &[Field]) -> (&'static [&'static str], Vec<Field>) {
        let mut fields = fields.to_vec();
        match self {
            Self::Split { .. } => (&["kept", "dropped"], fields),
            Self::FlatMap { .. } => {
                fields.push(Field::new("copy", DataType::UInt32, false));
                (&["out"], fields)
            }
            _ => (&["out"], fields),
        }
    }

    /// What comes out for `rows`, the first of which has the number 0.
    pub fn evaluate(self, fields: &[Field], rows: &[Row]) -> Outputs {
        let mut outputs = Outputs::default();
        outputs.ports.resize(self.ports(fields).0.len(), Vec::new());
        for (number, row) in rows.iter().enumerate() {
            match self {
                Self::Echo | Self::Pass => outputs.emit(0, row.clone()),
                Self::Filter { column } => {
                    if matches!(cell(row, column), Value::Null) || is_kept(cell(row, column)) {
                        outputs.emit(0, row.clone());
                    }
                }
                Self::Map { column } => {
                    let mut row = row.clone();
                    let value = row.get_mut(column).expect("a column of the schema");
                    *value = mapped(fields.get(column).expect("a column of the schema"), value);
                    outputs.emit(0, row);
                }
                Self::FlatMap { by, .. } => {
                    let times = match by.map(|by| cell(row, by)) {
                        None => number % 3,
                        Some(Value::Whole(whole)) => usize::try_from(whole % 3).expect("not negative"),
                        Some(_) => 0,
                    };
                    for copy in 0..times {
                        let mut row = row.clone();
                        row.push(Value::Whole(copy as i128));
                        outputs.emit(0, row);
                    }
                }
                Self::Split { column } => match cell(row, column) {
                    Value::Null => {
                        let mut row = row.clone();
                        row.push(Value::Text(REASON.to_owned()));
                        outputs.rejected.push(row);
                    }
                    value => outputs.emit(if is_kept(value) { 0 } else { 1 }, row.clone()),
                },
            }
        }
        outputs
    }
}

impl Outputs {
    pub fn emit(&mut self, port: usize, row: Row) {
        self.ports.get_mut(port).expect("a port of the form").push(row);
    }
}

fn cell(row: &Row, column: usize) -> &Value {
    row.get(column).expect("a column of the schema")
}

/// True, above zero, odd, or of odd length.
fn is_kept(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Whole(whole) => whole % 2 != 0,
        Value::Single(bits) => f32::from_bits(*bits) > 0.0,
        Value::Double(bits) => f64::from_bits(*bits) > 0.0,
        Value::Text(text) => text.len() % 2 != 0,
        Value::Bytes(bytes) => bytes.len() % 2 != 0,
        other => unreachable!("no form works on {other:?}"),
    }
}

/// Null becomes zero; zero becomes null if the column is nullable; everything else is changed.
fn mapped(field: &Field, value: &Value) -> Value {
    let zero = match value {
        Value::Null => return zero(field.data_type()),
        Value::Bool(value) => !value,
        Value::Whole(whole) => *whole == 0,
        Value::Single(bits) => f32::from_bits(*bits) == 0.0,
        Value::Double(bits) => f64::from_bits(*bits) == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        other => unreachable!("no form works on {other:?}"),
    };
    if zero && field.is_nullable() { Value::Null } else { changed(field.data_type(), value) }
}

fn zero(data_type: &DataType) -> Value {
    match data_type {
        DataType::Boolean => Value::Bool(false),
        DataType::Float32 => Value::Single(0),
        DataType::Float64 => Value::Double(0),
        DataType::Utf8 | DataType::LargeUtf8 => Value::Text(String::new()),
        DataType::Binary | DataType::LargeBinary => Value::Bytes(Vec::new()),
        _ => Value::Whole(0),
    }
}

/// Booleans are negated, and so are decimals; other whole numbers are the next one, from the end round to the beginning; floats are
/// halved, plus one; strings are turned round and made longer. A NaN that was computed is always the same.
fn changed(data_type: &DataType, value: &Value) -> Value {
    match (value, data_type) {
        (Value::Bool(value), _) => Value::Bool(!value),
        (Value::Whole(whole), DataType::Decimal128(..)) => Value::Whole(-whole),
        (Value::Whole(whole), _) => {
            let (least, most) = draw::range(data_type);
            Value::Whole(if *whole == most { least } else { whole + 1 })
        }
        (Value::Single(bits), _) => {
            let made = f32::from_bits(*bits) * 0.5 + 1.0;
            Value::Single(if made.is_nan() { 0x7fc0_0000 } else { made.to_bits() })
        }
        (Value::Double(bits), _) => {
            let made = f64::from_bits(*bits) * 0.5 + 1.0;
            Value::Double(if made.is_nan() { 0x7ff8_0000_0000_0000 } else { made.to_bits() })
        }
        (Value::Text(text), _) => {
            let mut turned: Vec<char> = text.chars().collect();
            turned.reverse();
            turned.push('é');
            Value::Text(turned.into_iter().collect())
        }
        (Value::Bytes(bytes), _) => {
            let mut turned = bytes.clone();
            turned.reverse();
            turned.push(0);
            Value::Bytes(turned)
        }
        (other, _) => unreachable!("no form works on {other:?}"),
    }
}
