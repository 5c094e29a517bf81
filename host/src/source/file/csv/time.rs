//! Dates and timestamps in CSV fields: ISO 8601, epoch integers, and strftime forms of the dialect.
//!
//! Called by the CSV columns. Times without an offset are in the column's zone, or in UTC if it has none; digits finer
//! than the column's unit are dropped. Invariant: never panics, and a time that the unit cannot hold is out of range.

use arrow::datatypes::TimeUnit;
use jiff::{civil, fmt::strtime, tz::TimeZone};

use super::value::Fault;

/// How the text of a timestamp column is read.
#[derive(Debug, Clone)]
pub struct TimeFormat {
    pub unit: TimeUnit,
    /// Of times that give no offset.
    pub zone: Option<TimeZone>,
    /// strftime; none: ISO 8601 or an integer of the unit.
    pub pattern: Option<String>,
}

impl TimeFormat {
    /// The time in the column's unit since 1970.
    pub fn parse(&self, text: &[u8]) -> Result<i64, Fault> {
        let text = std::str::from_utf8(text).map_err(|_| Fault::Shape)?;
        let (civil, offset) = match &self.pattern {
            Some(pattern) => match by_pattern(pattern, text)? {
                Parsed::Instant(seconds, nanos) => return self.in_unit(seconds, nanos),
                Parsed::Civil(time) => (time, None),
            },
            None => iso(text)?,
        };
        let nanos = i64::from(civil.subsec_nanosecond());
        let local = days(civil.date()) * 86_400
            + i64::from(civil.hour()) * 3600
            + i64::from(civil.minute()) * 60
            + i64::from(civil.second());
        let seconds = match (offset, &self.zone) {
            (Some(offset), _) => local - offset,
            (None, None) => local,
            (None, Some(zone)) => {
                let instant = zone.to_ambiguous_timestamp(civil).compatible().map_err(|_| Fault::Range)?;
                instant.as_second() - i64::from(instant.subsec_nanosecond() < 0)
            }
        };
        self.in_unit(seconds, nanos)
    }

    fn in_unit(&self, seconds: i64, nanos: i64) -> Result<i64, Fault> {
        let (per_second, nanos_each) = match self.unit {
            TimeUnit::Second => (1, 1_000_000_000),
            TimeUnit::Millisecond => (1_000, 1_000_000),
            TimeUnit::Microsecond => (1_000_000, 1_000),
            TimeUnit::Nanosecond => (1_000_000_000, 1),
        };
        let time = i128::from(seconds) * per_second + i128::from(nanos / nanos_each);
        i64::try_from(time).map_err(|_| Fault::Range)
    }
}

/// Days since 1970.
pub fn date(text: &[u8], pattern: Option<&str>) -> Result<i32, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::Shape)?;
    let date = match pattern {
        Some(pattern) => strtime::parse(pattern, text).and_then(|time| time.to_date()).map_err(|_| Fault::Shape)?,
        None => iso_date(text)?,
    };
    i32::try_from(days(date)).map_err(|_| Fault::Range)
}

fn days(date: civil::Date) -> i64 {
    // Days from 0000-03-01 in a calendar whose years begin in March (Howard Hinnant's civil calendar algorithm).
    let march_based = (i64::from(date.month()) + 9) % 12;
    let year = i64::from(date.year()) - i64::from(date.month() <= 2);
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let day = (153 * march_based + 2) / 5 + i64::from(date.day()) - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468
}

enum Parsed {
    /// Seconds and nanoseconds since 1970.
    Instant(i64, i64),
    Civil(civil::DateTime),
}

fn by_pattern(pattern: &str, text: &str) -> Result<Parsed, Fault> {
    let time = strtime::parse(pattern, text).map_err(|_| Fault::Shape)?;
    if let Ok(instant) = time.to_timestamp() {
        let nanos = i64::from(instant.subsec_nanosecond());
        let before = i64::from(nanos < 0);
        return Ok(Parsed::Instant(instant.as_second() - before, nanos + before * 1_000_000_000));
    }
    let civil = time.to_datetime().or_else(|_| time.to_date().map(|date| date.at(0, 0, 0, 0)));
    civil.map(Parsed::Civil).map_err(|_| Fault::Shape)
}

/// `2024-02-29`
fn iso_date(text: &str) -> Result<civil::Date, Fault> {
    let mut text = Cursor(text.as_bytes());
    let date = text.date()?;
    text.end()?;
    Ok(date)
}

/// `2024-02-29T12:34:56.789Z`: `T` or a space, seconds and what follows them may be missing; or a date alone. The
/// offset, in seconds, is none if the text has none.
fn iso(text: &str) -> Result<(civil::DateTime, Option<i64>), Fault> {
    let mut text = Cursor(text.as_bytes());
    let date = text.date()?;
    if text.0.is_empty() {
        return Ok((date.at(0, 0, 0, 0), None));
    }
    text.one_of(b"Tt ")?;
    let hour = text.digits(2)?;
    text.one_of(b":")?;
    let minute = text.digits(2)?;
    let (mut second, mut nanos) = (0, 0);
    if text.one_of(b":").is_ok() {
        second = text.digits(2)?;
        if text.one_of(b".,").is_ok() {
            nanos = text.fraction()?;
        }
    }
    let offset = text.offset()?;
    text.end()?;
    let small = |n: i32| i8::try_from(n).map_err(|_| Fault::Shape);
    let time = civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanos).map_err(|_| Fault::Shape)?;
    Ok((date.to_datetime(time), offset))
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn one_of(&mut self, wanted: &[u8]) -> Result<u8, Fault> {
        match self.0.split_first() {
            Some((first, rest)) if wanted.contains(first) => {
                self.0 = rest;
                Ok(*first)
            }
            _ => Err(Fault::Shape),
        }
    }

    fn digits(&mut self, count: usize) -> Result<i32, Fault> {
        let (digits, rest) = self.0.split_at_checked(count).ok_or(Fault::Shape)?;
        self.0 = rest;
        digits.iter().try_fold(0, |number, digit| {
            if digit.is_ascii_digit() { Ok(number * 10 + i32::from(digit - b'0')) } else { Err(Fault::Shape) }
        })
    }

    fn date(&mut self) -> Result<civil::Date, Fault> {
        let year = self.digits(4)?;
        self.one_of(b"-")?;
        let month = self.digits(2)?;
        self.one_of(b"-")?;
        let day = self.digits(2)?;
        let (Ok(year), Ok(month), Ok(day)) = (i16::try_from(year), i8::try_from(month), i8::try_from(day)) else {
            return Err(Fault::Shape);
        };
        civil::Date::new(year, month, day).map_err(|_| Fault::Shape)
    }

    /// Digits behind the point, as nanoseconds.
    fn fraction(&mut self) -> Result<i32, Fault> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return Err(Fault::Shape);
        }
        let nanos = self.digits(count.min(9))?;
        self.0 = self.0.get(count.saturating_sub(9)..).unwrap_or_default();
        let missing = 9_u32.saturating_sub(u32::try_from(count).unwrap_or(9));
        Ok(nanos * 10_i32.pow(missing))
    }

    /// `Z`, `+01`, `+0100`, `+01:00`, or nothing.
    fn offset(&mut self) -> Result<Option<i64>, Fault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let sign = match self.one_of(b"Zz+-")? {
            b'-' => -1,
            b'+' => 1,
            _ => return Ok(Some(0)),
        };
        let hours = self.digits(2)?;
        let colon = self.one_of(b":").is_ok();
        let minutes = if colon || !self.0.is_empty() { self.digits(2)? } else { 0 };
        if hours > 23 || minutes > 59 {
            return Err(Fault::Shape);
        }
        Ok(Some(sign * i64::from(hours * 3600 + minutes * 60)))
    }

    fn end(&self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(Fault::Shape) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(unit: TimeUnit, pattern: Option<&str>) -> TimeFormat {
        TimeFormat { unit, zone: None, pattern: pattern.map(str::to_owned) }
    }

    #[test]
    fn iso_times_read_as_jiff_reads_them() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59.123456789Z",
            "1969-12-31T23:59:59.5Z",
            "0001-01-01T00:00:00Z",
            "9999-12-30T23:59:59.999999Z",
            "2024-06-01T12:00:00+05:30",
            "2024-06-01T12:00:00-08",
            "1900-03-01T00:00:00.001Z",
        ] {
            let expected: jiff::Timestamp = text.parse().expect(text);
            let micros = expected.as_nanosecond().div_euclid(1000) as i64;
            assert_eq!(format(TimeUnit::Microsecond, None).parse(text.as_bytes()), Ok(micros), "{text}");
        }
        let parse = |text: &str| format(TimeUnit::Millisecond, None).parse(text.as_bytes());
        assert_eq!(parse("2023-11-14 22:13:20"), Ok(1_700_000_000_000));
        assert_eq!(parse("2023-11-14 22:13"), Ok(1_699_999_980_000));
        assert_eq!(parse("2023-11-14"), Ok(1_699_920_000_000));
    }

    #[test]
    fn wrong_times_are_faults() {
        let parse = |text: &str| format(TimeUnit::Nanosecond, None).parse(text.as_bytes());
        for text in [
            "",
            "2023-02-29",
            "2023-1-1",
            "2023-01-01T",
            "2023-01-01T25:00",
            "2023-01-01T00:00:00.",
            "2023-01-01T00:00+1",
            "2023-01-01T00:00Zx",
            "é023-01-01",
        ] {
            assert_eq!(parse(text), Err(Fault::Shape), "{text}");
        }
        assert_eq!(parse("9999-01-01T00:00:00Z"), Err(Fault::Range));
    }

    #[test]
    fn dates_count_days() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-03-01", 11_017),
            ("0000-01-01", -719_528),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(date(text.as_bytes(), None), Ok(days), "{text}");
        }
        assert_eq!(date(b"31/12/1999", Some("%d/%m/%Y")), Ok(10_956));
        assert_eq!(date(b"1999-12-31", Some("%d/%m/%Y")), Err(Fault::Shape));
    }

    #[test]
    fn patterns_of_the_dialect_are_used() {
        let parse = |pattern: &str, text: &str| format(TimeUnit::Second, Some(pattern)).parse(text.as_bytes());
        assert_eq!(parse("%d/%b/%Y:%H:%M:%S %z", "14/Nov/2023:23:13:20 +0100"), Ok(1_700_000_000));
        assert_eq!(parse("%Y%m%d %H%M", "20231114 2213"), Ok(1_699_999_980));
        assert_eq!(parse("%Y%m%d", "20231114"), Ok(1_699_920_000));
        assert_eq!(parse("%Y%m%d", "1700000000"), Err(Fault::Shape));
    }
}
