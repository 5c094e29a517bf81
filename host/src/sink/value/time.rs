//! Dates and timestamps as ISO 8601.
//!
//! `2024-02-29`, `2024-02-29T23:59:59.123456`: always as many fraction digits as the unit has, so that text
//! sorts as time does. A timestamp with a zone is an instant; it is written in UTC with a final `Z`. Years
//! outside 0 to 9999 have a sign (`+12024`, `-0001`), as ISO 8601 asks. The calendar is the proleptic Gregorian one,
//! by Howard Hinnant's `civil_from_days`.

use std::cell::Cell;

use arrow::datatypes::TimeUnit;

use super::digits::{clock, eight_digits, four_digits, two_digits};

const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_SHIFT: i64 = 719_468;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    pub month: u32,
    pub day: u32,
}

/// The calendar day of a count of days since 1970-01-01.
pub fn civil(days: i64) -> Civil {
    let shifted = days.saturating_add(EPOCH_SHIFT);
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA) as u32;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = i64::from(year_of_era) + era * 400 + i64::from(month <= 2);
    Civil { year, month, day }
}

/// Units in a second.
pub fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// `days` since 1970-01-01 as a date.
pub fn write_date(days: i64, out: &mut Vec<u8>) {
    let Civil { year, month, day } = civil(days);
    let ([m0, m1], [d0, d1]) = (two_digits(month), two_digits(day));
    match u32::try_from(year) {
        Ok(year @ 0..=9_999) => {
            let [y0, y1, y2, y3] = four_digits(year);
            out.extend_from_slice(&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1]);
        }
        _ => {
            write_long_year(year, out);
            out.extend_from_slice(&[b'-', m0, m1, b'-', d0, d1]);
        }
    }
}

/// Writes timestamps of one unit. Those of a column are often of one day, whose text is kept.
#[derive(Debug)]
pub struct TimestampWriter {
    unit: TimeUnit,
    utc: bool,
    /// A day and its text, `2024-02-29T`.
    last: Cell<(i64, [u8; 11])>,
}

impl TimestampWriter {
    /// `utc`: the instants are of a zone, and end with a `Z`.
    pub fn new(unit: TimeUnit, utc: bool) -> Self {
        Self { unit, utc, last: Cell::new((0, *b"1970-01-01T")) }
    }

    /// `value` units since 1970-01-01T00:00:00.
    #[inline(always)]
    pub fn write(&self, value: i64, out: &mut Vec<u8>) {
        match self.unit {
            TimeUnit::Second => self.write_seconds(value, out),
            TimeUnit::Millisecond => {
                self.write_seconds(value.div_euclid(1_000), out);
                let [_, a, b, c] = four_digits(value.rem_euclid(1_000) as u32);
                out.extend_from_slice(&[b'.', a, b, c]);
            }
            TimeUnit::Microsecond => {
                self.write_seconds(value.div_euclid(1_000_000), out);
                let [_, _, a, b, c, d, e, f] = eight_digits(value.rem_euclid(1_000_000) as u32).to_le_bytes();
                out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
            }
            TimeUnit::Nanosecond => {
                self.write_seconds(value.div_euclid(1_000_000_000), out);
                let fraction = value.rem_euclid(1_000_000_000) as u32;
                out.extend_from_slice(&[b'.', b'0' + (fraction / 100_000_000) as u8]);
                out.extend_from_slice(&eight_digits(fraction % 100_000_000).to_le_bytes());
            }
        }
        if self.utc {
            out.push(b'Z');
        }
    }

    #[inline(always)]
    fn write_seconds(&self, seconds: i64, out: &mut Vec<u8>) {
        let days = seconds.div_euclid(SECONDS_PER_DAY);
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY) as u32;
        let (last, text) = self.last.get();
        if days == last {
            out.extend_from_slice(&text);
        } else {
            self.write_new_day(days, out);
        }
        out.extend_from_slice(&clock(of_day / 3600, of_day / 60 % 60, of_day % 60));
    }

    fn write_new_day(&self, days: i64, out: &mut Vec<u8>) {
        let start = out.len();
        write_date(days, out);
        out.push(b'T');
        let text = out.get(start..).and_then(|text| <[u8; 11]>::try_from(text).ok());
        if let Some(text) = text {
            self.last.set((days, text));
        }
    }
}

/// Years of more than four digits, or before the year 0.
fn write_long_year(year: i64, out: &mut Vec<u8>) {
    out.push(if year < 0 { b'-' } else { b'+' });
    let digits = format!("{:04}", year.unsigned_abs());
    out.extend_from_slice(digits.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(days: i64) -> String {
        let mut out = Vec::new();
        write_date(days, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn timestamp(value: i64, unit: TimeUnit, utc: bool) -> String {
        let mut out = Vec::new();
        TimestampWriter::new(unit, utc).write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_agree_with_jiff_on_every_day_of_four_eras() {
        let first = jiff::civil::date(-800, 1, 1);
        let epoch = jiff::civil::date(1970, 1, 1);
        let mut days = i64::from((first - epoch).get_days());
        let mut day = first;
        while day < jiff::civil::date(801, 1, 1) {
            let expected = Civil { year: day.year().into(), month: day.month() as u32, day: day.day() as u32 };
            assert_eq!(civil(days), expected);
            day = day.tomorrow().unwrap();
            days += 1;
        }
    }

    #[test]
    fn the_day_that_is_kept_is_not_used_for_another() {
        let writer = TimestampWriter::new(TimeUnit::Second, false);
        let write = |value| {
            let mut out = Vec::new();
            writer.write(value, &mut out);
            String::from_utf8(out).unwrap()
        };
        let day = 86_400;
        for value in [0, 1, day - 1, day, day + 1, i64::MAX, day, -1, 0, i64::MIN, -1] {
            assert_eq!(write(value), timestamp(value, TimeUnit::Second, false));
        }
    }

    #[test]
    fn known_times_have_their_known_text() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(-719_528), "0000-01-01");
        assert_eq!(date(-719_529), "-0001-12-31");
        assert_eq!(date(2_932_896), "9999-12-31");
        assert_eq!(date(2_932_897), "+10000-01-01");
        assert_eq!(timestamp(0, TimeUnit::Second, true), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(-1, TimeUnit::Millisecond, false), "1969-12-31T23:59:59.999");
        assert_eq!(timestamp(1_709_251_199_012_345, TimeUnit::Microsecond, true), "2024-02-29T23:59:59.012345Z");
        assert_eq!(timestamp(1_000_000_001, TimeUnit::Nanosecond, false), "1970-01-01T00:00:01.000000001");
        assert_eq!(timestamp(i64::MAX, TimeUnit::Nanosecond, false), "2262-04-11T23:47:16.854775807");
        assert_eq!(timestamp(i64::MIN, TimeUnit::Nanosecond, false), "1677-09-21T00:12:43.145224192");
        assert_eq!(timestamp(i64::MAX, TimeUnit::Second, false), "+292277026596-12-04T15:30:07");
        assert_eq!(timestamp(i64::MIN, TimeUnit::Second, false), "-292277022657-01-27T08:29:52");
    }
}
