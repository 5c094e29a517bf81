//! Dates and times in text, the same in every format of rows: ISO 8601, or a form (strftime) of the job's own.
//!
//! Called by the columns of CSV and JSON lines and by their inference. A time without an offset is by the clock of the
//! column's zone, or UTC if it has none; one that this clock skips or shows twice is taken as most systems take it (jiff's
//! "compatible"). Digits of a fraction beyond the column's unit are cut off. Invariant: never panics, and a time that
//! the unit cannot hold is out of range.

use arrow::datatypes::TimeUnit;
use jiff::{
    Timestamp, civil,
    fmt::strtime::BrokenDownTime,
    tz::{Offset, TimeZone},
};

/// Why a text is no date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFault {
    /// It does not look like one.
    Shape,
    /// It does, but the type cannot hold it.
    Range,
}

/// How the text of a timestamp column is read.
#[derive(Debug, Clone)]
pub struct TimeReader {
    unit: TimeUnit,
    /// Of times that give no offset.
    zone: Zone,
    /// strftime; none: ISO 8601.
    form: Option<String>,
}

#[derive(Debug, Clone)]
enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    Named(TimeZone),
}

/// A moment by some clock: seconds since 1970 and nanoseconds from there on, and the clock's seconds east of UTC if the text
/// gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    seconds: i64,
    nanoseconds: i32,
    offset: Option<i32>,
}

impl TimeReader {
    /// None: there is no such zone.
    pub fn new(unit: TimeUnit, zone: Option<&str>, form: Option<&str>) -> Option<Self> {
        Some(Self { unit, zone: zone.map_or(Some(Zone::Fixed(0)), Zone::new)?, form: form.map(str::to_owned) })
    }

    pub fn has_form(&self) -> bool {
        self.form.is_some()
    }

    /// The time in the column's unit since 1970.
    pub fn read(&self, text: &[u8]) -> Result<i64, TimeFault> {
        let clock = match &self.form {
            Some(form) => by_form(form, text)?,
            None => iso_timestamp(text).ok_or(TimeFault::Shape)?,
        };
        let Clock { seconds, nanoseconds, offset } = clock;
        let seconds = match (offset, &self.zone) {
            (Some(offset), _) => seconds - i64::from(offset),
            (None, Zone::Fixed(offset)) => seconds - i64::from(*offset),
            (None, Zone::Named(zone)) => in_zone(seconds, zone).ok_or(TimeFault::Range)?,
        };
        self.in_unit(seconds, nanoseconds)
    }

    fn in_unit(&self, seconds: i64, nanoseconds: i32) -> Result<i64, TimeFault> {
        let per_second = match self.unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let fraction = i128::from(nanoseconds) * per_second / 1_000_000_000;
        i64::try_from(i128::from(seconds) * per_second + fraction).map_err(|_| TimeFault::Range)
    }
}

/// Whether times of a column in this zone can be read: it has a name, or an offset.
pub fn is_zone(name: &str) -> bool {
    Zone::new(name).is_some()
}

impl Zone {
    /// A zone by its name, or by its offset (`+01:00`).
    fn new(name: &str) -> Option<Self> {
        match name {
            "UTC" | "utc" | "Etc/UTC" | "GMT" => return Some(Self::Fixed(0)),
            _ => {}
        }
        match iso_offset(name.as_bytes()) {
            Some((seconds, [])) => Some(Self::Fixed(seconds)),
            _ => TimeZone::get(name).ok().map(Self::Named),
        }
    }
}

/// Seconds since 1970 of what a zone's clock shows as `seconds`.
fn in_zone(seconds: i64, zone: &TimeZone) -> Option<i64> {
    let shown = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
    Some(zone.to_ambiguous_timestamp(shown).compatible().ok()?.as_second())
}

/// Days since 1970.
pub fn date(text: &[u8], form: Option<&str>) -> Result<i32, TimeFault> {
    match form {
        Some(form) => {
            let date = BrokenDownTime::parse(form, text).and_then(|time| time.to_date());
            Ok(days(date.map_err(|_| TimeFault::Shape)?))
        }
        None => match iso_date(text) {
            Some((days, [])) => Ok(days),
            _ => Err(TimeFault::Shape),
        },
    }
}

/// Whether it is a timestamp in ISO 8601, or a date.
pub fn is_iso_timestamp(text: &[u8]) -> bool {
    iso_timestamp(text).is_some()
}

fn by_form(form: &str, text: &[u8]) -> Result<Clock, TimeFault> {
    let time = BrokenDownTime::parse(form, text).map_err(|_| TimeFault::Shape)?;
    if time.offset().is_some() || time.timestamp().is_some() {
        let instant = time.to_timestamp().map_err(|_| TimeFault::Shape)?;
        return Ok(Clock {
            seconds: instant.as_second() - i64::from(instant.subsec_nanosecond() < 0),
            nanoseconds: instant.subsec_nanosecond().rem_euclid(1_000_000_000),
            offset: Some(0),
        });
    }
    let date = time.to_date().map_err(|_| TimeFault::Shape)?;
    // A form without hours means midnight.
    let of_day = time.to_time().unwrap_or_default();
    let hms = i32::from(of_day.hour()) * 3600 + i32::from(of_day.minute()) * 60 + i32::from(of_day.second());
    let seconds = i64::from(days(date)) * DAY_SECONDS + i64::from(hms);
    Ok(Clock { seconds, nanoseconds: of_day.subsec_nanosecond(), offset: None })
}

const DAY_SECONDS: i64 = 86_400;

fn days(date: civil::Date) -> i32 {
    days_from_civil(i32::from(date.year()), i32::from(date.month()), i32::from(date.day()))
}

/// Reads `2024-02-29`, and gives what follows it.
fn iso_date(text: &[u8]) -> Option<(i32, &[u8])> {
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

/// Reads `2024-02-29T23:59:58.123456789+01:00`.
/// `T` may be a space, the seconds, the fraction and the offset may be absent, and so may the whole time of day.
fn iso_timestamp(text: &[u8]) -> Option<Clock> {
    let (days, rest) = iso_date(text)?;
    let midnight = i64::from(days) * DAY_SECONDS;
    if rest.is_empty() {
        return Some(Clock { seconds: midnight, nanoseconds: 0, offset: None });
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
    let offset = match rest {
        [] => None,
        _ => match iso_offset(rest)? {
            (offset, []) => Some(offset),
            _ => return None,
        },
    };
    Some(Clock { seconds, nanoseconds, offset })
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

    fn read(unit: TimeUnit, zone: Option<&str>, form: Option<&str>, text: &str) -> Result<i64, TimeFault> {
        TimeReader::new(unit, zone, form).expect("a zone").read(text.as_bytes())
    }

    #[test]
    fn every_day_of_four_centuries_has_its_number() {
        let mut day = civil::date(1799, 12, 31);
        let first = day.since(civil::date(1970, 1, 1)).expect("in range").get_days();
        for offset in 0..150_000 {
            assert_eq!(date(day.to_string().as_bytes(), None), Ok(first + offset), "{day}");
            day = day.tomorrow().expect("in range");
        }
    }

    #[test]
    fn iso_times_read_as_jiff_reads_them() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59.123456789Z",
            "1969-12-31T23:59:59.5Z",
            "0001-01-01T00:00:00Z",
            "9998-12-30T23:59:59.999999Z",
            "2024-06-01T12:00:00+05:30",
            "2024-06-01T12:00:00-08",
            "1900-03-01T00:00:00.001Z",
        ] {
            let expected: Timestamp = text.parse().expect(text);
            let micros = expected.as_nanosecond().div_euclid(1000) as i64;
            assert_eq!(read(TimeUnit::Microsecond, None, None, text), Ok(micros), "{text}");
        }
    }

    #[test]
    fn parts_may_be_absent() {
        let ms = |text: &str| read(TimeUnit::Millisecond, None, None, text);
        assert_eq!(ms("2023-11-14 22:13:20"), Ok(1_700_000_000_000));
        assert_eq!(ms("2023-11-14t22:13:20,1234567+0100"), Ok(1_699_996_400_123));
        assert_eq!(ms("2023-11-14 22:13"), Ok(1_699_999_980_000));
        assert_eq!(ms("2023-11-14"), Ok(1_699_920_000_000));
        assert_eq!(ms("1969-12-31T23:59:59.5"), Ok(-500));
    }

    #[test]
    fn wrong_times_are_faults() {
        for text in [
            "",
            "2023-02-29",
            "2023-13-01",
            "2023-1-1",
            "2023-01-01T",
            "2023-01-01T24:00",
            "2023-01-01T00:00:60",
            "2023-01-01T00:00:00.",
            "2023-01-01T00:00+1",
            "2023-01-01T00:00Zx",
            "é023-01-01",
        ] {
            assert_eq!(read(TimeUnit::Nanosecond, None, None, text), Err(TimeFault::Shape), "{text}");
        }
        assert_eq!(read(TimeUnit::Nanosecond, None, None, "9999-01-01T00:00:00Z"), Err(TimeFault::Range));
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
        assert_eq!(date(b"1999-12-31", Some("%d/%m/%Y")), Err(TimeFault::Shape));
    }

    #[test]
    fn the_columns_zone_stands_in_for_a_missing_offset() {
        let seconds = |zone: &str, text: &str| read(TimeUnit::Second, Some(zone), None, text);
        let noon = seconds("UTC", "2024-02-29T12:00:00").expect("a time");
        assert_eq!(seconds("+02:00", "2024-02-29T12:00:00"), Ok(noon - 7200));
        assert_eq!(seconds("Europe/Paris", "2024-02-29T12:00:00"), Ok(noon - 3600));
        assert_eq!(seconds("Europe/Paris", "2024-02-29T12:00:00Z"), Ok(noon));
        let gap = seconds("UTC", "2024-03-31T02:30:00").expect("a time");
        assert_eq!(seconds("Europe/Paris", "2024-03-31T02:30:00"), Ok(gap - 3600), "this hour is skipped");
        let fold = seconds("UTC", "2024-10-27T02:30:00").expect("a time");
        assert_eq!(seconds("Europe/Paris", "2024-10-27T02:30:00"), Ok(fold - 7200), "the first of two");
        assert_eq!(
            read(TimeUnit::Millisecond, Some("America/New_York"), None, "1969-12-31T18:59:59.75"),
            Ok(-250),
            "a fraction before 1970"
        );
        assert!(TimeReader::new(TimeUnit::Second, Some("Europe/Pari"), None).is_none());
    }

    #[test]
    fn forms_of_the_job_are_used() {
        let seconds = |form: &str, text: &str| read(TimeUnit::Second, None, Some(form), text);
        assert_eq!(seconds("%d/%b/%Y:%H:%M:%S %z", "14/Nov/2023:23:13:20 +0100"), Ok(1_700_000_000));
        assert_eq!(seconds("%Y%m%d %H%M", "20231114 2213"), Ok(1_699_999_980));
        assert_eq!(seconds("%Y%m%d", "20231114"), Ok(1_699_920_000));
        assert_eq!(seconds("%Y%m%d", "1700000000"), Err(TimeFault::Shape));
        assert_eq!(seconds("%s", "-1"), Ok(-1));
        let ms = |form: &str, text: &str| read(TimeUnit::Millisecond, None, Some(form), text);
        assert_eq!(ms("%Y-%m-%dT%H:%M:%S%.f", "1969-12-31T23:59:59.25"), Ok(-750));
        assert_eq!(ms("%Y-%m-%dT%H:%M:%S%.f%z", "1969-12-31T23:59:59.25+0000"), Ok(-750));
        let paris = read(TimeUnit::Second, Some("Europe/Paris"), Some("%Y%m%d"), "20231114");
        assert_eq!(paris, Ok(1_699_916_400));
    }
}
