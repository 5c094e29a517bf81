//! Columns by rule.
//!
//! Invariant: a value depends on the seed, the column's place in the job file and the row's number, and on nothing
//! else; so it does not matter how rows are cut into ranges or which columns are asked for.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray},
    buffer::{Buffer, OffsetBuffer},
    compute::nullif,
    datatypes::{DataType, TimeUnit},
};
use pelton_core::job::ColumnRule;

use super::{
    random::{below, draw, subkey, unit},
    zipf::{self, Zipf},
};

/// Bytes that the strings of one batch may take: their offsets are 32 bits wide.
const STRINGS_BYTES_MAX: u64 = 256 << 20;

/// A rule, checked, with what can be computed ahead.
#[derive(Debug, Clone)]
pub enum Rule {
    Sequence {
        start: i64,
        step: i64,
    },
    /// `span`: how many numbers there are; zero: all 2⁶⁴.
    Int {
        min: i64,
        span: u64,
    },
    Float {
        min: f64,
        max: f64,
    },
    Zipf(Zipf),
    Choice {
        values: Vec<String>,
    },
    Text {
        min_len: u32,
        max_len: u32,
    },
    Time {
        start: i64,
        step: i64,
        jitter: u64,
    },
    Nullable {
        rule: Box<Self>,
        probability: f64,
    },
}

impl Rule {
    /// Checks a rule. `batch_rows`: rows that are made at once, at most.
    pub fn new(rule: &ColumnRule, batch_rows: u64) -> Result<Self, String> {
        Ok(match *rule {
            ColumnRule::Sequence { start, step } => Self::Sequence { start, step },
            ColumnRule::UniformInt { min, max } if min > max => return Err(format!("{min} is more than {max}")),
            ColumnRule::UniformInt { min, max } => Self::Int { min, span: max.abs_diff(min).wrapping_add(1) },
            ColumnRule::UniformFloat { min, max } if !(max - min).is_finite() || min > max => {
                return Err(format!("{min} to {max} is no range of finite numbers"));
            }
            ColumnRule::UniformFloat { min, max } => Self::Float { min, max },
            ColumnRule::Zipf { n, s } if !(1..=zipf::N_MAX).contains(&n) || !(0.0..=100.0).contains(&s) => {
                return Err(format!("`n` is 1 to 2^53 and `s` is 0 to 100, not {n} and {s}"));
            }
            ColumnRule::Zipf { n, s } => Self::Zipf(Zipf::new(n, s)),
            ColumnRule::Choice { ref values } => {
                let longest = values.iter().map(String::len).max().ok_or("there is nothing to choose from")?;
                check_strings(longest as u64, batch_rows)?;
                Self::Choice { values: values.clone() }
            }
            ColumnRule::Text { min_len, max_len } => {
                if min_len > max_len {
                    return Err(format!("{min_len} is more than {max_len}"));
                }
                check_strings(u64::from(max_len), batch_rows)?;
                Self::Text { min_len, max_len }
            }
            ColumnRule::Time { start, step, jitter } => {
                let jitter = u64::try_from(jitter).map_err(|_| format!("the jitter is negative: {jitter}"))?;
                Self::Time { start, step, jitter }
            }
            ColumnRule::Nullable { ref rule, probability } if (0.0..=1.0).contains(&probability) => {
                Self::Nullable { rule: Box::new(Self::new(rule, batch_rows)?), probability }
            }
            ColumnRule::Nullable { probability, .. } => {
                return Err(format!("a probability is 0 to 1, not {probability}"));
            }
        })
    }

    pub fn data_type(&self) -> DataType {
        match self {
            Self::Sequence { .. } | Self::Int { .. } | Self::Zipf(_) => DataType::Int64,
            Self::Float { .. } => DataType::Float64,
            Self::Choice { .. } | Self::Text { .. } => DataType::Utf8,
            Self::Time { .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Nullable { rule, .. } => rule.data_type(),
        }
    }

    pub fn is_nullable(&self) -> bool {
        matches!(self, Self::Nullable { .. })
    }

    /// Bytes of a value, about.
    pub fn value_bytes(&self) -> u64 {
        match self {
            Self::Choice { values } => {
                let all: u64 = values.iter().map(|value| value.len() as u64).sum();
                4 + all / (values.len().max(1) as u64)
            }
            Self::Text { min_len, max_len } => 4 + (u64::from(*min_len) + u64::from(*max_len)) / 2,
            Self::Nullable { rule, .. } => rule.value_bytes(),
            _ => 8,
        }
    }

    /// The values of `rows`. `key`: the column's sequence of random numbers.
    pub fn values(&self, key: u64, rows: Range<u64>) -> ArrayRef {
        match self {
            Self::Sequence { start, step } => ints(rows.map(|row| start.wrapping_add(step.wrapping_mul(row as i64)))),
            Self::Int { min, span } => ints(rows.map(|row| min.wrapping_add(below(draw(key, row), *span) as i64))),
            Self::Zipf(zipf) => ints(rows.map(|row| zipf.sample(draw(key, row)) as i64)),
            Self::Float { min, max } => {
                let (width, last) = (max - min, if max > min { max.next_down() } else { *min });
                // Rounding may reach `max`, which is excluded.
                let values: Vec<f64> = rows.map(|row| (min + width * unit(draw(key, row))).min(last)).collect();
                Arc::new(Float64Array::from(values))
            }
            Self::Time { start, step, jitter } => {
                let disorder = |row| if *jitter == 0 { 0 } else { below(draw(key, row), *jitter) as i64 };
                let time = |row: u64| start.wrapping_add(step.wrapping_mul(row as i64)).wrapping_sub(disorder(row));
                Arc::new(TimestampMicrosecondArray::from(rows.map(time).collect::<Vec<_>>()))
            }
            Self::Choice { values } => {
                let count = values.len() as u64;
                let chosen = |row| values.get(below(draw(key, row), count) as usize).map_or("", String::as_str);
                Arc::new(StringArray::from_iter_values(rows.map(chosen)))
            }
            Self::Text { min_len, max_len } => texts(key, rows, *min_len, *max_len),
            Self::Nullable { rule, probability } => {
                let nulls_key = subkey(key, 1);
                let is_null = |row| Some(unit(draw(nulls_key, row)) < *probability);
                let nulls: BooleanArray = rows.clone().map(is_null).collect();
                // The inner rule has a key of its own, so that two nested chances are independent.
                let values = rule.values(subkey(key, 0), rows);
                nullif(&values, &nulls).expect("both have one value for each row")
            }
        }
    }
}

fn check_strings(longest: u64, batch_rows: u64) -> Result<(), String> {
    let bytes = longest.saturating_mul(batch_rows);
    if bytes > STRINGS_BYTES_MAX {
        return Err(format!("batches of {batch_rows} rows of {longest} bytes are too large"));
    }
    Ok(())
}

fn ints(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values.collect::<Vec<_>>()))
}

/// Lower-case letters. The row's number gives the length and the key of its letters.
fn texts(key: u64, rows: Range<u64>, min_len: u32, max_len: u32) -> ArrayRef {
    /// Letters from one random number; more would favour some of them noticeably.
    const LETTERS: usize = 8;
    let lengths = u64::from(max_len - min_len) + 1;
    let count = usize::try_from(rows.end - rows.start).expect("a range is a batch");
    let mut bytes = Vec::with_capacity(count * (min_len as usize + max_len as usize + 1) / 2);
    let mut ends = Vec::with_capacity(count);
    for row in rows {
        let row_key = draw(key, row);
        let length = min_len as usize + below(row_key, lengths) as usize;
        let end = bytes.len() + length;
        let mut index = 0;
        while bytes.len() < end {
            let mut number = draw(row_key, index);
            for _ in 0..LETTERS.min(end - bytes.len()) {
                // The number is a fraction of 2⁶⁴: its 26-fold has the letter before the point, the next letter's fraction after.
                let scaled = u128::from(number) * 26;
                bytes.push(b'a' + (scaled >> 64) as u8);
                number = scaled as u64;
            }
            index += 1;
        }
        ends.push(length);
    }
    let text = String::from_utf8(bytes).expect("letters are ASCII");
    let offsets = OffsetBuffer::from_lengths(ends);
    Arc::new(StringArray::new(offsets, Buffer::from(text.into_bytes()), None))
}
