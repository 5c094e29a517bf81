//! The columns that functions read: found by name, and widened to one of a few types.
//!
//! A function is written once for each [`Kind`], not for each type of column. What was widened is narrowed again by
//! [`narrow`] where a function gives values of the column back.

use pelton_guest::{
    Decimal,
    fold::{Conversion, Field, Input, Layout, Loaded, Node, Number, column, suggest, type_name},
};

/// What the values of a column are, once they are widened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    /// i64: signed integers, dates, timestamps in their own unit.
    Signed,
    /// u64
    Unsigned,
    /// f64
    Float,
    /// i128, unscaled.
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// Text or binary; text is ordered by its bytes, which is the order of code points.
    Bytes,
}

/// A column of the input.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// The format in which its values leave: the input's, but with 32-bit offsets.
    pub format: String,
    pub kind: Kind,
    pub is_nullable: bool,
    conversion: Conversion,
}

impl Column {
    /// The column `name` of the input, for function `function`.
    pub fn find(input: &Input, name: &str, function: &str) -> Result<Self, String> {
        let field = field(input, name)?;
        let (kind, conversion) = kind(&field.format).ok_or_else(|| {
            format!("column `{name}` is {}, of which std:{function} knows nothing", type_name(&field.format))
        })?;
        let format = match field.format.as_str() {
            "U" => "u".to_owned(),
            "Z" => "z".to_owned(),
            format => format.to_owned(),
        };
        Ok(Self { name: name.to_owned(), format, kind, is_nullable: field.nullable, conversion })
    }

    /// As [`Column::find`], and it holds numbers.
    pub fn find_number(input: &Input, name: &str, function: &str) -> Result<Self, String> {
        let column = Self::find(input, name, function)?;
        let is_number = Number::of(&column.format).is_some() || matches!(column.kind, Kind::Decimal { .. });
        if is_number {
            return Ok(column);
        }
        Err(format!("column `{name}` is {}, but std:{function} is for numbers", type_name(&column.format)))
    }

    pub fn load(&self, node: Node, rows: usize) -> Result<Loaded, String> {
        Loaded::whole(&self.name, node, rows, self.conversion)
    }

    /// A column of results with values of this one.
    pub fn result(&self, name: &str) -> Field {
        Field { name: name.to_owned(), format: self.format.clone(), nullable: true, children: 0 }
    }
}

/// The field `name`, which is not a child of another.
fn field<'a>(input: &'a Input, name: &str) -> Result<&'a Field, String> {
    let mut names = Vec::new();
    let mut children = 0_u64;
    for field in &input.fields {
        if children > 0 {
            children += u64::from(field.children) - 1;
            continue;
        }
        if field.name == name {
            return Ok(field);
        }
        names.push(field.name.as_str());
        children = field.children.into();
    }
    Err(format!("the input has no column `{name}`: {}", suggest(name, names)))
}

fn kind(format: &str) -> Option<(Kind, Conversion)> {
    use Number::{F32, F64, S8, S16, S32, S64, U8, U16, U32, U64};
    let same = Conversion::Same(Layout::of(format)?);
    Some(match format {
        "b" => (Kind::Bool, same),
        "c" => (Kind::Signed, Conversion::Widen(S8, S64)),
        "s" => (Kind::Signed, Conversion::Widen(S16, S64)),
        "i" | "tdD" => (Kind::Signed, Conversion::Widen(S32, S64)),
        "l" => (Kind::Signed, same),
        "C" => (Kind::Unsigned, Conversion::Widen(U8, U64)),
        "S" => (Kind::Unsigned, Conversion::Widen(U16, U64)),
        "I" => (Kind::Unsigned, Conversion::Widen(U32, U64)),
        "L" => (Kind::Unsigned, same),
        "f" => (Kind::Float, Conversion::Widen(F32, F64)),
        "g" => (Kind::Float, same),
        "u" | "U" | "z" | "Z" => (Kind::Bytes, same),
        _ => match format.strip_prefix("d:").and_then(|rest| rest.split_once(',')) {
            Some((precision, scale)) => {
                (Kind::Decimal { precision: precision.parse().ok()?, scale: scale.parse().ok()? }, same)
            }
            // What is left are timestamps.
            None => (Kind::Signed, same),
        },
    })
}

/// Widened values as a column of `format` again. Every one came from such a column, so it fits.
pub fn narrow(mut node: Node, format: &str) -> Node {
    let width = match Layout::of(format) {
        Some(Layout::Fixed(width)) if width < size_of::<i64>() => width,
        _ => return node,
    };
    if let Some(values) = node.buffers.get_mut(1) {
        let (wide, _) = values.as_chunks::<8>();
        *values = if format == "f" {
            wide.iter().flat_map(|value| (f64::from_le_bytes(*value) as f32).to_le_bytes()).collect()
        } else {
            // Little endian: the low bytes come first.
            wide.iter().flat_map(|value| value.iter().take(width).copied()).collect()
        };
    }
    node
}

/// How values of a column of numbers become f64.
#[derive(Debug, Clone, Copy)]
pub enum Real {
    Signed,
    Unsigned,
    Float,
    /// And what to divide by.
    Decimal(f64),
}

impl Real {
    /// Of a column that [`Column::find_number`] found.
    pub fn of(column: &Column) -> Self {
        match column.kind {
            Kind::Signed | Kind::Bool | Kind::Bytes => Self::Signed,
            Kind::Unsigned => Self::Unsigned,
            Kind::Float => Self::Float,
            Kind::Decimal { scale, .. } => Self::Decimal(10_f64.powi(scale.into())),
        }
    }

    /// Calls `add` for every value of `values` that is not null, with its state.
    #[inline(always)]
    pub fn each<A>(
        self,
        values: &Loaded,
        slots: &[u32],
        states: &mut [A],
        mut add: impl FnMut(&mut A, f64),
    ) -> Result<(), String> {
        match self {
            Self::Signed => column(values, slots, states, |state, value: i64| add(state, value as f64)),
            Self::Unsigned => column(values, slots, states, |state, value: u64| add(state, value as f64)),
            Self::Float => column(values, slots, states, |state, value: f64| add(state, value)),
            Self::Decimal(unit) => {
                column(values, slots, states, |state, value: Decimal<38, 0>| add(state, value.0 as f64 / unit))
            }
        }
    }
}
