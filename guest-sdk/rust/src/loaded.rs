//! One column of a batch as it arrived, in the exact type that the row's field reads.
//!
//! [`Loaded::new`] takes the node that the host sent, widens or rescales it when `open` decided
//! so, and checks that each buffer is long enough: what comes after relies on it. [`Loaded::take`] keeps
//! some rows, for batches in which rows were refused before the function saw them.

use bytemuck::{AnyBitPattern, NoUninit, Pod};

use crate::{bindings::Node, bits, buffer::Buffer, types::TimeUnit};

/// How the bytes of a column lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Elements of so many bytes.
    Fixed(usize),
    Bits,
    /// s32 offsets, then bytes.
    Variable,
    /// s64 offsets, then bytes. Becomes `Variable` when it is loaded.
    LargeVariable,
}

impl Layout {
    /// How a column of this Arrow format lies; none for those that rows cannot hold.
    pub fn of(format: &str) -> Option<Self> {
        Some(match format {
            "b" => Self::Bits,
            "c" | "C" => Self::Fixed(1),
            "s" | "S" => Self::Fixed(2),
            "i" | "I" | "f" | "tdD" => Self::Fixed(4),
            "l" | "L" | "g" => Self::Fixed(8),
            "u" | "z" => Self::Variable,
            "U" | "Z" => Self::LargeVariable,
            _ if format.starts_with("d:") => Self::Fixed(16),
            _ => TimeUnit::of(format).map(|_| Self::Fixed(8))?,
        })
    }
}

/// What `open` decided to do with a column whose type is not exactly the field's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// None: the types are the same.
    Same(Layout),
    /// From the element type of the first format to that of the second, without loss.
    Widen(Number, Number),
    /// A timestamp, to microseconds.
    Rescale(TimeUnit),
}

/// The element types that widen into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    S8,
    S16,
    S32,
    S64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

/// A column, ready to be viewed. Its buffers are as long as `rows` demands.
#[derive(Debug)]
pub struct Loaded {
    pub rows: usize,
    pub layout: Layout,
    /// Empty if no row is null.
    pub validity: Buffer,
    /// Values or offsets.
    pub values: Buffer,
    /// The bytes that offsets point into.
    pub bytes: Buffer,
}

/// A row that cannot be shown to the function, and why.
pub type Refused = (usize, String);

impl Loaded {
    /// Loads the column `name`. Rows whose value cannot be converted are appended to `refused`.
    pub fn new(
        name: &str,
        node: Node,
        rows: usize,
        conversion: Conversion,
        refused: &mut Vec<Refused>,
    ) -> Result<Self, String> {
        let mut buffers = node.buffers.into_iter().map(Buffer::from);
        let validity = buffers.next().unwrap_or_default();
        let values = buffers.next().unwrap_or_default();
        let bytes = buffers.next().unwrap_or_default();
        let short = |what| format!("column `{name}` has {what} for fewer than its {rows} rows");
        if !validity.bytes().is_empty() && validity.bytes().len() < rows.div_ceil(8) {
            return Err(short("a validity bitmap"));
        }
        let (layout, values) = match conversion {
            Conversion::Same(Layout::LargeVariable) => {
                let wide = values.elements::<i64>(rows + 1).ok_or_else(|| short("offsets"))?;
                let narrow: Result<Vec<i32>, _> = wide.iter().map(|offset| i32::try_from(*offset)).collect();
                let narrow = narrow.map_err(|_| format!("column `{name}` has more than 2 GiB of text in one batch"))?;
                (Layout::Variable, Buffer::copy(&narrow))
            }
            Conversion::Same(layout) => (layout, values),
            Conversion::Widen(from, to) => {
                let widened = widen(&values, rows, from, to).ok_or_else(|| short("values"))?;
                (Layout::Fixed(to.size()), widened)
            }
            Conversion::Rescale(unit) => {
                let moments = values.elements::<i64>(rows).ok_or_else(|| short("values"))?;
                let is_valid = |row| validity.bytes().is_empty() || bits::get(validity.bytes(), row);
                (Layout::Fixed(8), rescale(name, moments, unit, is_valid, refused))
            }
        };
        let enough = match layout {
            Layout::Fixed(size) => values.bytes().len() >= rows.saturating_mul(size),
            Layout::Bits => values.bytes().len() >= rows.div_ceil(8),
            // The format lets a column without rows have no offsets at all.
            Layout::Variable | Layout::LargeVariable => rows == 0 || values.bytes().len() / size_of::<i32>() > rows,
        };
        if enough { Ok(Self { rows, layout, validity, values, bytes }) } else { Err(short("buffers")) }
    }

    /// Loads a column of which no row may be left out: a value that cannot be converted is an error.
    pub fn whole(name: &str, node: Node, rows: usize, conversion: Conversion) -> Result<Self, String> {
        let mut refused = Vec::new();
        let loaded = Self::new(name, node, rows, conversion, &mut refused)?;
        match refused.pop() {
            None => Ok(loaded),
            Some((row, why)) => Err(format!("row {row}: {why}")),
        }
    }

    pub fn is_null(&self, row: usize) -> bool {
        !self.validity.bytes().is_empty() && !bits::get(self.validity.bytes(), row)
    }

    /// The column's rows at `positions`, in that order.
    pub fn take(&self, positions: &[u32]) -> Self {
        let mut bytes = Buffer::default();
        let values = match self.layout {
            Layout::Fixed(1) => take_fixed::<u8>(&self.values, self.rows, positions),
            Layout::Fixed(2) => take_fixed::<u16>(&self.values, self.rows, positions),
            Layout::Fixed(4) => take_fixed::<u32>(&self.values, self.rows, positions),
            Layout::Fixed(8) => take_fixed::<u64>(&self.values, self.rows, positions),
            Layout::Fixed(_) => take_fixed::<u128>(&self.values, self.rows, positions),
            Layout::Bits => take_bits(self.values.bytes(), positions),
            Layout::Variable | Layout::LargeVariable => {
                let (offsets, kept) = self.take_variable(positions);
                bytes = kept.into();
                Buffer::copy(&offsets)
            }
        };
        let validity = match self.validity.bytes() {
            [] => Buffer::default(),
            bits => take_bits(bits, positions),
        };
        Self { rows: positions.len(), layout: self.layout, validity, values, bytes }
    }

    fn take_variable(&self, positions: &[u32]) -> (Vec<i32>, Vec<u8>) {
        let offsets = self.values.elements::<i32>(self.rows + 1).unwrap_or_default();
        let mut kept = Vec::new();
        let mut ends = vec![0];
        for position in positions {
            let at = *position as usize;
            if let (Some(start), Some(end)) = (offsets.get(at), offsets.get(at + 1)) {
                kept.extend_from_slice(self.bytes.bytes().get(*start as usize..*end as usize).unwrap_or_default());
            }
            ends.push(i32::try_from(kept.len()).unwrap_or(i32::MAX));
        }
        (ends, kept)
    }
}

fn take_fixed<T: Pod>(values: &Buffer, rows: usize, positions: &[u32]) -> Buffer {
    let values = values.elements::<T>(rows).unwrap_or_default();
    let taken: Vec<T> = positions.iter().filter_map(|at| values.get(*at as usize).copied()).collect();
    Buffer::copy(&taken)
}

fn take_bits(bitmap: &[u8], positions: &[u32]) -> Buffer {
    let taken: Vec<u8> = positions.iter().map(|at| u8::from(bits::get(bitmap, *at as usize))).collect();
    bits::pack(&taken).into()
}

/// Moments in microseconds. A valid row whose moment does not fit is refused.
fn rescale(
    name: &str,
    moments: &[i64],
    unit: TimeUnit,
    is_valid: impl Fn(usize) -> bool,
    refused: &mut Vec<Refused>,
) -> Buffer {
    let factor = match unit {
        TimeUnit::Microsecond => return Buffer::copy(moments),
        TimeUnit::Nanosecond => {
            return Buffer::copy(&moments.iter().map(|moment| moment.div_euclid(1_000)).collect::<Vec<_>>());
        }
        TimeUnit::Second => 1_000_000,
        TimeUnit::Millisecond => 1_000,
    };
    let scaled: Vec<i64> = moments
        .iter()
        .enumerate()
        .map(|(row, moment)| {
            moment.checked_mul(factor).unwrap_or_else(|| {
                if is_valid(row) {
                    refused.push((row, format!("`{name}` is {moment}, which is out of the range of timestamps")));
                }
                0
            })
        })
        .collect();
    Buffer::copy(&scaled)
}

impl Number {
    pub fn of(format: &str) -> Option<Self> {
        Some(match format {
            "c" => Self::S8,
            "s" => Self::S16,
            "i" => Self::S32,
            "l" => Self::S64,
            "C" => Self::U8,
            "S" => Self::U16,
            "I" => Self::U32,
            "L" => Self::U64,
            "f" => Self::F32,
            "g" => Self::F64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::S8 | Self::U8 => 1,
            Self::S16 | Self::U16 => 2,
            Self::S32 | Self::U32 | Self::F32 => 4,
            Self::S64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Whether every value of this type is a value of `to`.
    pub fn widens_to(self, to: Self) -> bool {
        use Number::{F32, F64, S8, S16, S32, S64, U8, U16, U32, U64};
        match to {
            S16 => matches!(self, S8 | U8),
            S32 => matches!(self, S8 | S16 | U8 | U16),
            S64 => matches!(self, S8 | S16 | S32 | U8 | U16 | U32),
            U16 => matches!(self, U8),
            U32 => matches!(self, U8 | U16),
            U64 => matches!(self, U8 | U16 | U32),
            F32 => matches!(self, S8 | S16 | U8 | U16),
            F64 => matches!(self, S8 | S16 | S32 | U8 | U16 | U32 | F32),
            S8 | U8 => false,
        }
    }
}

/// The column in the wider type; none if it is too short. Every type that widens at all fits into an f64, and so
/// passes through one without loss: two short loops instead of one for each pair of types.
fn widen(values: &Buffer, rows: usize, from: Number, to: Number) -> Option<Buffer> {
    fn read<T: AnyBitPattern + Into<f64>>(values: &Buffer, rows: usize) -> Option<Vec<f64>> {
        Some(values.elements::<T>(rows)?.iter().map(|value| (*value).into()).collect())
    }
    fn write<T: NoUninit>(wide: &[f64], narrow: impl Fn(f64) -> T) -> Option<Buffer> {
        Some(Buffer::copy(&wide.iter().map(|value| narrow(*value)).collect::<Vec<T>>()))
    }
    let wide = match from {
        Number::S8 => read::<i8>(values, rows),
        Number::S16 => read::<i16>(values, rows),
        Number::S32 => read::<i32>(values, rows),
        Number::U8 => read::<u8>(values, rows),
        Number::U16 => read::<u16>(values, rows),
        Number::U32 => read::<u32>(values, rows),
        Number::F32 => read::<f32>(values, rows),
        Number::S64 | Number::U64 | Number::F64 => None,
    }?;
    match to {
        Number::S8 | Number::U8 => None,
        Number::S16 => write(&wide, |value| value as i16),
        Number::S32 => write(&wide, |value| value as i32),
        Number::S64 => write(&wide, |value| value as i64),
        Number::U16 => write(&wide, |value| value as u16),
        Number::U32 => write(&wide, |value| value as u32),
        Number::U64 => write(&wide, |value| value as u64),
        Number::F32 => write(&wide, |value| value as f32),
        Number::F64 => write(&wide, |value| value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(rows: u32, buffers: Vec<Vec<u8>>) -> Node {
        Node { rows, buffers }
    }

    fn bytes<T: NoUninit>(values: &[T]) -> Vec<u8> {
        bytemuck::cast_slice(values).to_vec()
    }

    #[test]
    fn narrow_integers_and_floats_widen_without_loss() {
        let column = node(3, vec![vec![], bytes(&[i32::MIN, -1, i32::MAX])]);
        let loaded =
            Loaded::new("n", column, 3, Conversion::Widen(Number::S32, Number::S64), &mut vec![]).expect("loads");
        assert_eq!(loaded.values.elements::<i64>(3), Some([i64::from(i32::MIN), -1, i64::from(i32::MAX)].as_slice()));
        let column = node(2, vec![vec![], bytes(&[u32::MAX, 0])]);
        let loaded =
            Loaded::new("n", column, 2, Conversion::Widen(Number::U32, Number::U64), &mut vec![]).expect("loads");
        assert_eq!(loaded.values.elements::<u64>(2), Some([u64::from(u32::MAX), 0].as_slice()));
        assert!(!Number::S64.widens_to(Number::F64), "an f64 cannot hold every s64");
        assert!(!Number::S8.widens_to(Number::U64), "there are no negative u64");
    }

    #[test]
    fn timestamps_become_microseconds_and_those_that_do_not_fit_are_refused() {
        let column = |validity| node(3, vec![validity, bytes(&[-1_i64, 2, i64::MAX])]);
        let mut refused = Vec::new();
        let load = |unit, validity, refused: &mut Vec<Refused>| {
            let loaded = Loaded::new("ts", column(validity), 3, Conversion::Rescale(unit), refused).expect("loads");
            loaded.values.elements::<i64>(3).expect("three").to_vec()
        };
        assert_eq!(load(TimeUnit::Nanosecond, vec![], &mut refused), [-1, 0, i64::MAX / 1_000], "rounded down");
        assert_eq!(load(TimeUnit::Microsecond, vec![], &mut refused), [-1, 2, i64::MAX]);
        assert!(refused.is_empty());
        assert_eq!(load(TimeUnit::Second, vec![0b011], &mut refused)[..2], [-1_000_000, 2_000_000]);
        assert!(refused.is_empty(), "what lies under a null is not looked at");
        load(TimeUnit::Millisecond, vec![], &mut refused);
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].0, 2);
        assert!(refused[0].1.contains("out of the range"), "{}", refused[0].1);
    }

    #[test]
    fn short_buffers_are_an_error_that_names_the_column() {
        for (conversion, buffers) in [
            (Conversion::Same(Layout::Fixed(8)), vec![vec![], vec![0; 15]]),
            (Conversion::Same(Layout::Bits), vec![vec![], vec![]]),
            (Conversion::Same(Layout::Variable), vec![vec![], vec![0; 8], vec![]]),
            (Conversion::Same(Layout::LargeVariable), vec![vec![], vec![0; 16], vec![]]),
            (Conversion::Widen(Number::S8, Number::S64), vec![vec![], vec![0]]),
            (Conversion::Rescale(TimeUnit::Second), vec![vec![], vec![0; 9]]),
            (Conversion::Same(Layout::Fixed(1)), vec![]),
        ] {
            let error = Loaded::new("price", node(2, buffers), 2, conversion, &mut vec![]).expect_err("too short");
            assert!(error.contains("`price`"), "{error}");
        }
    }

    #[test]
    fn taken_rows_keep_values_nulls_and_text() {
        let column = node(4, vec![vec![0b1101], bytes(&[0_i32, 1, 1, 3, 6]), b"abbccc".to_vec()]);
        let loaded = Loaded::new("s", column, 4, Conversion::Same(Layout::Variable), &mut vec![]).expect("loads");
        let taken = loaded.take(&[1, 3]);
        assert_eq!((taken.rows, taken.is_null(0), taken.is_null(1)), (2, true, false));
        assert_eq!(taken.values.elements::<i32>(3), Some([0, 0, 3].as_slice()));
        assert_eq!(taken.bytes.bytes(), b"ccc");
    }
}
