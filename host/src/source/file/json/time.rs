//! Dates and times in JSON: ISO 8601 strings, integers of the column's unit, or a form of the job's own.
//!
//! A time without an offset is UTC, or the column's zone where that is a fixed offset. In a column of a named zone it is
//! refused: zone rules change over the years, and rows must decode the same for ever. Digits of a fraction
//! beyond the column's unit are cut off.

use arrow::datatypes::TimeUnit;
use jiff::{civil, fmt::strtime::BrokenDownTime};
use pelton_core::job::JsonOptions;

use super::{
    column::ReadValue,
    fault::Problem,
    number::Integer,
    scan::Scanner,
    string::{quoted, unescape},
};

const EPOCH: civil::Date = civil::date(1970, 1, 1);
const DAY_SECONDS: i64 = 86_400;

/// Reads days since 1970.
pub struct Date {
    form: Option<String>,
}

impl Date {
    pub fn new(options: &JsonOptions) -> Self {
        Self { form: options.date_format.clone() }
    }
}

impl ReadValue<i32> for Date {
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<i32, Problem> {
        if let Some(form) = &self.form {
            let time = by_form(form, &scalar_text(scanner)?)?;
            return Ok(days(time.to_date().map_err(|_| Problem::Unfit)?));
        }
        match iso_date(quoted(scanner)?.bytes) {
            Some((days, [])) => Ok(days),
            _ => Err(Problem::Unfit),
        }
    }
}

/// Reads units since 1970.
pub struct Timestamp {
    unit: TimeUnit,
    /// Seconds east of UTC for times without an offset; none: they are refused.
    offset: Option<i32>,
    form: Option<String>,
}

impl Timestamp {
    pub fn new(unit: TimeUnit, zone: Option<&str>, options: &JsonOptions) -> Self {
        let offset = match zone {
            None | Some("UTC" | "utc" | "Z" | "Etc/UTC" | "GMT") => Some(0),
            Some(zone) => match iso_offset(zone.as_bytes()) {
                Some((seconds, [])) => Some(seconds),
                _ => None,
            },
        };
        Self { unit, offset, form: options.timestamp_format.clone() }
    }

    fn in_unit(&self, seconds: i64, nanoseconds: i32) -> Result<i64, Problem> {
        let per_second = match self.unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let fraction = i128::from(nanoseconds) * per_second / 1_000_000_000;
        i64::try_from(i128::from(seconds) * per_second + fraction).map_err(|_| Problem::Range)
    }

    fn by_form(&self, form: &str, text: &[u8]) -> Result<i64, Problem> {
        let time = by_form(form, text)?;
        if time.offset().is_some() || time.timestamp().is_some() {
            let time = time.to_timestamp().map_err(|_| Problem::Unfit)?;
            return self.in_unit(
                time.as_second() - i64::from(time.subsec_nanosecond() < 0),
                time.subsec_nanosecond().rem_euclid(1_000_000_000),
            );
        }
        let date = time.to_date().map_err(|_| Problem::Unfit)?;
        // A form without hours means midnight.
        let clock = time.to_time().unwrap_or_default();
        let seconds = i64::from(days(date)) * DAY_SECONDS
            + i64::from(clock.hour()) * 3600
            + i64::from(clock.minute()) * 60
            + i64::from(clock.second())
            - i64::from(self.offset.ok_or(Problem::NoOffset)?);
        self.in_unit(seconds, clock.subsec_nanosecond())
    }
}

impl ReadValue<i64> for Timestamp {
    #[inline]
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<i64, Problem> {
        if let Some(form) = &self.form {
            return self.by_form(form, &scalar_text(scanner)?);
        }
        if scanner.peek() != Some(b'"') {
            return Integer.read(scanner);
        }
        let (seconds, nanoseconds, offset) = iso_timestamp(scanner.string()?.bytes).ok_or(Problem::Unfit)?;
        let offset = offset.or(self.offset).ok_or(Problem::NoOffset)?;
        self.in_unit(seconds - i64::from(offset), nanoseconds)
    }
}

/// The text of a string or number, for a form.
fn scalar_text(scanner: &mut Scanner<'_>) -> Result<Vec<u8>, Problem> {
    let mut text = Vec::new();
    match scanner.peek() {
        Some(b'"') => unescape(scanner.string()?.bytes, &mut text)?,
        Some(b'-' | b'0'..=b'9') => text.extend_from_slice(scanner.number()?.text),
        _ => return Err(Problem::Unfit),
    }
    Ok(text)
}

fn by_form(form: &str, text: &[u8]) -> Result<BrokenDownTime, Problem> {
    BrokenDownTime::parse(form, text).map_err(|_| Problem::Unfit)
}

fn days(date: civil::Date) -> i32 {
    date.since(EPOCH).map_or(0, |span| span.get_days())
}

/// Reads `2024-02-29`, and gives what follows it.
pub fn iso_date(text: &[u8]) -> Option<(i32, &[u8])> {
    let ([y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2], rest) = text.split_first_chunk::<10>()? else { return None };
    let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
    let (month, day) = (two(*m1, *m2)?, two(*d1, *d2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    Some((days_from_civil(year, month, day), rest))
}

fn two(tens: u8, ones: u8) -> Option<i32> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i32::from(tens - b'0') * 10 + i32::from(ones - b'0'))
}

fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970, with years that begin in March so that the leap day comes last.
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let century = year.div_euclid(100);
    365 * year + year.div_euclid(4) - century + century.div_euclid(4) + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Reads `2024-02-29T23:59:58.123456789+01:00`: seconds and nanoseconds by the clock it shows, and its offset.
/// `T` may be a space, the seconds, the fraction and the offset may be absent, and so may the whole time of day.
pub fn iso_timestamp(text: &[u8]) -> Option<(i64, i32, Option<i32>)> {
    let (days, rest) = iso_date(text)?;
    let midnight = i64::from(days) * DAY_SECONDS;
    if rest.is_empty() {
        return Some((midnight, 0, None));
    }
    let ([b'T' | b't' | b' ', h1, h2, b':', m1, m2], rest) = rest.split_first_chunk::<6>()? else { return None };
    let (hour, minute) = (two(*h1, *h2)?, two(*m1, *m2)?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
        _ => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanoseconds, rest) = match rest {
        [b'.' | b',', rest @ ..] => fraction(rest)?,
        _ => (0, rest),
    };
    let seconds = midnight + i64::from(hour * 3600 + minute * 60 + second);
    match rest {
        [] => Some((seconds, nanoseconds, None)),
        _ => match iso_offset(rest)? {
            (offset, []) => Some((seconds, nanoseconds, Some(offset))),
            _ => None,
        },
    }
}

/// One digit at least; those after the ninth are cut off.
fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(count);
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let value = padded.fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    (count > 0).then_some((value, rest))
}

/// Reads `Z`, `+01:00`, `+0100` or `+01`: seconds east of UTC.
fn iso_offset(text: &[u8]) -> Option<(i32, &[u8])> {
    let (sign, rest) = match text {
        [b'Z' | b'z', rest @ ..] => return Some((0, rest)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let ([h1, h2], rest) = rest.split_first_chunk::<2>()?;
    let (minute, rest) = match rest {
        [b':', m1, m2, rest @ ..] => (two(*m1, *m2)?, rest),
        [m1, m2, rest @ ..] => (two(*m1, *m2)?, rest),
        _ => (0, rest),
    };
    let hour = two(*h1, *h2)?;
    (hour < 24 && minute < 60).then_some((sign * (hour * 3600 + minute * 60), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(unit: TimeUnit, zone: Option<&str>, form: Option<&str>, text: &str) -> Option<i64> {
        let options = JsonOptions { date_format: None, timestamp_format: form.map(str::to_owned) };
        Timestamp::new(unit, zone, &options).read(&mut Scanner::new(text.as_bytes())).ok()
    }

    #[test]
    fn every_day_of_four_centuries_has_its_number() {
        let mut date = civil::date(1799, 12, 31);
        let first = days(date);
        for offset in 0..150_000 {
            assert_eq!(iso_date(date.to_string().as_bytes()), Some((first + offset, &[][..])), "{date}");
            date = date.tomorrow().expect("in range");
        }
    }

    #[test]
    fn timestamps_follow_iso_8601() {
        let us = |text: &str| read(TimeUnit::Microsecond, None, None, text);
        let second = 1_709_251_198_i64; // 2024-02-29T23:59:58Z
        assert_eq!(us("\"2024-02-29T23:59:58Z\""), Some(second * 1_000_000));
        assert_eq!(us("\"2024-02-29 23:59:58\""), Some(second * 1_000_000));
        assert_eq!(us("\"2024-02-29T23:59:58.1234567+01:00\""), Some((second - 3600) * 1_000_000 + 123_456));
        assert_eq!(us("\"2024-02-29T23:59:58-0130\""), Some((second + 5400) * 1_000_000));
        assert_eq!(us("\"2024-02-29T23:59\""), Some((second - 58) * 1_000_000));
        assert_eq!(us("\"1969-12-31T23:59:59.5\""), Some(-500_000));
        assert_eq!(us("\"2024-02-29\""), Some((second - 86_398) * 1_000_000));
        assert_eq!(us("1700000000123456"), Some(1_700_000_000_123_456));
        for bad in [
            "\"2023-02-29T00:00:00\"",
            "\"2024-13-01\"",
            "\"2024-02-29T24:00:00\"",
            "\"2024-02-29T23:59:58.\"",
            "\"2024-02-29T23:59:58+1\"",
            "\"2024-02-29T\"",
            "\"2024-2-9\"",
            "\"\"",
            "true",
            "1.5",
        ] {
            assert_eq!(us(bad), None, "{bad}");
        }
        assert_eq!(read(TimeUnit::Nanosecond, None, None, "\"9999-01-01\""), None);
    }

    #[test]
    fn a_zone_stands_in_for_a_missing_offset_only_if_it_is_fixed() {
        let text = "\"2024-02-29T12:00:00\"";
        let utc = read(TimeUnit::Second, None, None, text).expect("a time");
        assert_eq!(read(TimeUnit::Second, Some("+02:00"), None, text), Some(utc - 7200));
        assert_eq!(read(TimeUnit::Second, Some("UTC"), None, text), Some(utc));
        assert_eq!(read(TimeUnit::Second, Some("Europe/Paris"), None, text), None);
        assert_eq!(read(TimeUnit::Second, Some("Europe/Paris"), None, "\"2024-02-29T13:00:00+01:00\""), Some(utc));
    }

    #[test]
    fn forms_read_strings_and_numbers() {
        let ms = |form: &str, text: &str| read(TimeUnit::Millisecond, None, Some(form), text);
        assert_eq!(ms("%d/%b/%Y:%H:%M:%S %z", "\"29/Feb/2024:23:59:58 +0100\""), Some(1_709_247_598_000));
        assert_eq!(ms("%Y%m%d", "20240229"), Some(1_709_164_800_000));
        assert_eq!(ms("%s", "-1"), Some(-1000));
        assert_eq!(ms("%Y-%m-%dT%H:%M:%S%.f", "\"1969-12-31T23:59:59.25\""), Some(-750));
        assert_eq!(ms("%Y-%m-%dT%H:%M:%S%.f%z", "\"1969-12-31T23:59:59.25+0000\""), Some(-750));
        assert_eq!(ms("%Y", "true"), None);
    }
}
