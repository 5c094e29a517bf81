//! The types of columns: Rust's names for those that it lacks, and the words people write for all.
//!
//! `Date`, `Timestamp` and `Decimal` are what rows hold; [`name`] turns an Arrow format string (what
//! crosses the boundary) into the name that job files use, for messages.

use std::{fmt, time::Duration};

/// A day: days since 1970-01-01. Column type `date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Date(pub i32);

/// A moment: microseconds since 1970-01-01T00:00:00Z. Column type `timestamp[us]`.
///
/// A column read may have any unit: it is converted (nanoseconds are rounded down; a row whose moment
/// does not fit is rejected). A column made is `timestamp[us]`, or of the unit in `#[row(unit = "ms")]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// Later by so much; the latest moment there is, if that is beyond it.
impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// A decimal number of `PRECISION` digits, `SCALE` of them after the point: `Decimal::<18, 2>(12345)` is 123.45.
/// Column type `decimal(PRECISION, SCALE)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal<const PRECISION: u8, const SCALE: u8>(pub i128);

impl<const PRECISION: u8, const SCALE: u8> Decimal<PRECISION, SCALE> {
    /// The Arrow format string. Does not compile for precisions and scales that no column can have.
    pub(crate) fn format() -> String {
        const {
            assert!(PRECISION >= 1 && PRECISION <= 38, "the precision of a decimal is 1 to 38");
            assert!(SCALE <= PRECISION, "the scale of a decimal is at most its precision");
        }
        format!("d:{PRECISION},{SCALE}")
    }
}

impl<const PRECISION: u8, const SCALE: u8> fmt::Display for Decimal<PRECISION, SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if SCALE == 0 {
            return write!(f, "{}", self.0);
        }
        let one = 10_u128.pow(u32::from(SCALE));
        let sign = if self.0 < 0 { "-" } else { "" };
        let digits = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:0width$}", digits / one, digits % one, width = usize::from(SCALE))
    }
}

/// The unit of a timestamp column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl TimeUnit {
    /// The unit of an Arrow format string, if that is a timestamp's.
    pub fn of(format: &str) -> Option<Self> {
        let (unit, _zone) = format.strip_prefix("ts")?.split_once(':')?;
        match unit {
            "s" => Some(Self::Second),
            "m" => Some(Self::Millisecond),
            "u" => Some(Self::Microsecond),
            "n" => Some(Self::Nanosecond),
            _ => None,
        }
    }

    /// The Arrow format string of a timestamp of this unit, before its zone.
    pub fn format(self) -> &'static str {
        match self {
            Self::Second => "tss:",
            Self::Millisecond => "tsm:",
            Self::Microsecond => "tsu:",
            Self::Nanosecond => "tsn:",
        }
    }
}

/// The name that job files use for the type of an Arrow format string.
pub fn name(format: &str) -> String {
    let simple = match format {
        "b" => "bool",
        "c" => "s8",
        "s" => "s16",
        "i" => "s32",
        "l" => "s64",
        "C" => "u8",
        "S" => "u16",
        "I" => "u32",
        "L" => "u64",
        "f" => "f32",
        "g" => "f64",
        "u" | "U" => "utf8",
        "z" | "Z" => "binary",
        "tdD" => "date",
        "+l" | "+L" => "list",
        "+s" => "struct",
        _ => "",
    };
    if !simple.is_empty() {
        return simple.to_owned();
    }
    if let Some(unit) = TimeUnit::of(format) {
        let unit = match unit {
            TimeUnit::Second => "s",
            TimeUnit::Millisecond => "ms",
            TimeUnit::Microsecond => "us",
            TimeUnit::Nanosecond => "ns",
        };
        return match format.split_once(':') {
            Some((_, zone)) if !zone.is_empty() => format!("timestamp[{unit}, {zone}]"),
            _ => format!("timestamp[{unit}]"),
        };
    }
    match format.strip_prefix("d:").and_then(|rest| rest.split_once(',')) {
        Some((precision, scale)) => format!("decimal({precision}, {scale})"),
        None => format!("of Arrow format `{format}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_named_as_job_files_write_them() {
        for (format, want) in [
            ("g", "f64"),
            ("l", "s64"),
            ("U", "utf8"),
            ("tsm:", "timestamp[ms]"),
            ("tsn:Europe/Paris", "timestamp[ns, Europe/Paris]"),
            ("d:18,4", "decimal(18, 4)"),
            ("w:16", "of Arrow format `w:16`"),
        ] {
            assert_eq!(name(format), want);
        }
    }

    #[test]
    fn decimals_are_written_with_their_point() {
        assert_eq!(Decimal::<18, 2>(-12_345).to_string(), "-123.45");
        assert_eq!(Decimal::<18, 4>(7).to_string(), "0.0007");
        assert_eq!(Decimal::<38, 0>(i128::MIN).to_string(), i128::MIN.to_string());
    }
}
