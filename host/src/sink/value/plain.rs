//! Values whose text is of a known alphabet: numbers, booleans, dates and timestamps.
//!
//! Bound to a column of a batch once; the loop over the rows then takes one branch for each value.

use arrow::{
    array::{
        Array, AsArray, BooleanArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
        UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    },
    datatypes::{
        DataType, Date32Type, Decimal128Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType,
    },
};
use jiff::{
    civil,
    fmt::{StdIoWrite, strtime::BrokenDownTime},
    tz::TimeZone,
};

use super::{
    decimal::write_decimal,
    digits::{push_i64, push_short, push_u64},
    time::{TimestampWriter, per_second, write_date},
};
use crate::sink::SinkError;

/// The strftime forms of dates and timestamps; none: ISO 8601.
#[derive(Debug, Clone, Default)]
pub struct TimeFormats {
    date: Option<String>,
    timestamp: Option<String>,
}

impl TimeFormats {
    /// Refuses forms that jiff cannot write.
    pub fn new(format: &'static str, date: Option<&str>, timestamp: Option<&str>) -> Result<Self, SinkError> {
        for form in [date, timestamp].into_iter().flatten() {
            // With a zone, so that every directive that a value may have is accepted.
            let sample = jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
            BrokenDownTime::from(&sample).to_string(form).map_err(|error| SinkError::Encode {
                format,
                reason: format!("`{form}` is not a form of dates and times: {error}"),
            })?;
        }
        Ok(Self { date: date.map(str::to_owned), timestamp: timestamp.map(str::to_owned) })
    }
}

/// A column of one of these types.
#[derive(Debug)]
pub enum Plain<'a> {
    Bool(&'a BooleanArray),
    Int8(&'a Int8Array),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    UInt8(&'a UInt8Array),
    UInt16(&'a UInt16Array),
    UInt32(&'a UInt32Array),
    UInt64(&'a UInt64Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Decimal { values: &'a [i128], scale: i8 },
    Date { days: &'a [i32], form: Option<&'a str> },
    Timestamp { values: &'a [i64], writer: TimestampWriter },
    FormedTimestamp { values: &'a [i64], unit: TimeUnit, utc: bool, form: &'a str },
}

impl<'a> Plain<'a> {
    /// None: another type.
    pub fn bind(array: &'a dyn Array, formats: &'a TimeFormats) -> Option<Self> {
        match array.data_type() {
            DataType::Boolean => array.as_boolean_opt().map(Self::Bool),
            DataType::Int8 => array.as_primitive_opt().map(Self::Int8),
            DataType::Int16 => array.as_primitive_opt().map(Self::Int16),
            DataType::Int32 => array.as_primitive_opt().map(Self::Int32),
            DataType::Int64 => array.as_primitive_opt().map(Self::Int64),
            DataType::UInt8 => array.as_primitive_opt().map(Self::UInt8),
            DataType::UInt16 => array.as_primitive_opt().map(Self::UInt16),
            DataType::UInt32 => array.as_primitive_opt().map(Self::UInt32),
            DataType::UInt64 => array.as_primitive_opt().map(Self::UInt64),
            DataType::Float32 => array.as_primitive_opt().map(Self::Float32),
            DataType::Float64 => array.as_primitive_opt().map(Self::Float64),
            DataType::Decimal128(_, scale) => {
                let values = array.as_primitive_opt::<Decimal128Type>()?.values();
                Some(Self::Decimal { values, scale: *scale })
            }
            DataType::Date32 => {
                let days = array.as_primitive_opt::<Date32Type>()?.values();
                Some(Self::Date { days, form: formats.date.as_deref() })
            }
            DataType::Timestamp(unit, zone) => {
                let values: &[i64] = match unit {
                    TimeUnit::Second => array.as_primitive_opt::<TimestampSecondType>()?.values(),
                    TimeUnit::Millisecond => array.as_primitive_opt::<TimestampMillisecondType>()?.values(),
                    TimeUnit::Microsecond => array.as_primitive_opt::<TimestampMicrosecondType>()?.values(),
                    TimeUnit::Nanosecond => array.as_primitive_opt::<TimestampNanosecondType>()?.values(),
                };
                let (unit, utc) = (*unit, zone.is_some());
                Some(match formats.timestamp.as_deref() {
                    Some(form) => Self::FormedTimestamp { values, unit, utc, form },
                    None => Self::Timestamp { values, writer: TimestampWriter::new(unit, utc) },
                })
            }
            _ => None,
        }
    }

    /// Dates and timestamps: JSON puts them between quotes.
    pub fn is_time(&self) -> bool {
        matches!(self, Self::Date { .. } | Self::Timestamp { .. } | Self::FormedTimestamp { .. })
    }

    /// Written in a form of the user's, whose text may hold anything.
    pub fn has_form(&self) -> bool {
        matches!(self, Self::Date { form: Some(_), .. } | Self::FormedTimestamp { .. })
    }

    /// A number that JSON cannot write.
    #[inline(always)]
    pub fn is_not_finite(&self, row: usize) -> bool {
        match self {
            Self::Float32(array) => !array.value(row).is_finite(),
            Self::Float64(array) => !array.value(row).is_finite(),
            _ => false,
        }
    }

    /// Writes the value of a row that is not null.
    #[inline(always)]
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Bool(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
            Self::Int8(array) => push_i64(array.value(row).into(), out),
            Self::Int16(array) => push_i64(array.value(row).into(), out),
            Self::Int32(array) => push_i64(array.value(row).into(), out),
            Self::Int64(array) => push_i64(array.value(row), out),
            Self::UInt8(array) => push_u64(array.value(row).into(), out),
            Self::UInt16(array) => push_u64(array.value(row).into(), out),
            Self::UInt32(array) => push_u64(array.value(row).into(), out),
            Self::UInt64(array) => push_u64(array.value(row), out),
            Self::Float32(array) => write_float(array.value(row), out),
            Self::Float64(array) => write_float(array.value(row), out),
            Self::Decimal { values, scale } => write_decimal(at(values, row), *scale, out),
            Self::Date { days, form: None } => write_date(at(days, row).into(), out),
            Self::Timestamp { values, writer } => writer.write(at(values, row), out),
            Self::Date { days, form: Some(form) } => write_date_as(at(days, row), form, out),
            Self::FormedTimestamp { values, unit, utc, form } => {
                write_timestamp_as(at(values, row), *unit, *utc, form, out);
            }
        }
    }
}

#[inline(always)]
fn at<T: Copy>(values: &[T], row: usize) -> T {
    *values.get(row).expect("rows are counted from the same batch")
}

/// The shortest digits that read back as the same number; `NaN`, `inf`, `-inf`.
#[inline(always)]
fn write_float<T: zmij::Float>(value: T, out: &mut Vec<u8>) {
    push_short(zmij::Buffer::new().format(value).as_bytes(), out);
}

/// A date that jiff does not reach (years beyond ±9999) is written as ISO 8601 instead.
fn write_date_as(days: i32, form: &str, out: &mut Vec<u8>) {
    let date = jiff::Span::new().try_days(days).and_then(|days| civil::date(1970, 1, 1).checked_add(days));
    let start = out.len();
    let written = date.is_ok_and(|date| BrokenDownTime::from(date).format(form, &mut StdIoWrite(&mut *out)).is_ok());
    if !written {
        out.truncate(start);
        write_date(days.into(), out);
    }
}

/// As [`write_date_as`]; a timestamp without a zone has no offset for `%z`, and is then ISO 8601 too.
fn write_timestamp_as(value: i64, unit: TimeUnit, utc: bool, form: &str, out: &mut Vec<u8>) {
    let scale = per_second(unit);
    let nanos = value.rem_euclid(scale) * (1_000_000_000 / scale);
    let instant = jiff::Timestamp::new(value.div_euclid(scale), i32::try_from(nanos).unwrap_or_default());
    let start = out.len();
    let written = instant.is_ok_and(|instant| {
        let zoned = instant.to_zoned(TimeZone::UTC);
        let time = if utc { BrokenDownTime::from(&zoned) } else { BrokenDownTime::from(zoned.datetime()) };
        time.format(form, &mut StdIoWrite(&mut *out)).is_ok()
    });
    if !written {
        out.truncate(start);
        TimestampWriter::new(unit, utc).write(value, out);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, TimestampMicrosecondArray};

    use super::*;

    fn texts(array: &ArrayRef, formats: &TimeFormats) -> Vec<String> {
        let plain = Plain::bind(array, formats).unwrap();
        let text = |row| {
            let mut out = Vec::new();
            plain.write(row, &mut out);
            String::from_utf8(out).unwrap()
        };
        (0..array.len()).map(text).collect()
    }

    #[test]
    fn numbers_are_written_so_that_they_read_back() {
        let formats = TimeFormats::default();
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![0, -1, i64::MIN, i64::MAX]));
        assert_eq!(texts(&ints, &formats), ["0", "-1", "-9223372036854775808", "9223372036854775807"]);
        let floats: ArrayRef =
            Arc::new(Float64Array::from(vec![0.1, -0.0, 1e300, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]));
        assert_eq!(texts(&floats, &formats), ["0.1", "-0.0", "1e+300", "5e-324", "NaN", "inf", "-inf"]);
        let short: ArrayRef = Arc::new(Float32Array::from(vec![0.1_f32, 16_777_216.0]));
        assert_eq!(texts(&short, &formats), ["0.1", "16777216.0"]);
    }

    #[test]
    fn forms_of_the_user_are_followed_and_out_of_their_reach_iso_is_written() {
        let formats = TimeFormats::new("csv", Some("%d.%m.%Y"), Some("%Y/%m/%d %H:%M:%S%.3f")).unwrap();
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![0, i32::MAX]));
        assert_eq!(texts(&dates, &formats), ["01.01.1970", "+5881580-07-11"]);
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, -1]));
        assert_eq!(texts(&times, &formats), ["1970/01/01 00:00:01.500", "1969/12/31 23:59:59.999"]);
    }

    #[test]
    fn a_form_that_cannot_be_written_is_refused() {
        let error = TimeFormats::new("csv", Some("%Y-%!"), None).unwrap_err();
        assert!(error.to_string().contains("%Y-%!"), "{error}");
    }
}
