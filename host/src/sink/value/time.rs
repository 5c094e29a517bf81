//! Dates and timestamps as ISO 8601.
//!
//! `2024-02-29`, `2024-02-29T23:59:59.123456`: always as many fraction digits as the unit has, so that text
//! sorts as time does. A timestamp with a zone is an instant; it is written in UTC with a final `Z`. Years
//! outside 0 to 9999 have a sign (`+12024`, `-0001`), as ISO 8601 asks. The calendar is the proleptic Gregorian one,
//! by Howard Hinnant's `civil_from_days`.

use arrow::datatypes::TimeUnit;

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
    let ([m0, m1], [d0, d1]) = (two(month), two(day));
    if let Some([y0, y1, y2, y3]) = four(year) {
        out.extend_from_slice(&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1]);
    } else {
        write_long_year(year, out);
        out.extend_from_slice(&[b'-', m0, m1, b'-', d0, d1]);
    }
}

/// `value` units since 1970-01-01T00:00:00 as a timestamp; `utc` appends the `Z`.
pub fn write_timestamp(value: i64, unit: TimeUnit, utc: bool, out: &mut Vec<u8>) {
    match unit {
        TimeUnit::Second => write_seconds(value, out),
        TimeUnit::Millisecond => {
            write_seconds(value.div_euclid(1_000), out);
            let [_, a, b, c] = digits4(value.rem_euclid(1_000) as u32);
            out.extend_from_slice(&[b'.', a, b, c]);
        }
        TimeUnit::Microsecond => {
            write_seconds(value.div_euclid(1_000_000), out);
            let fraction = value.rem_euclid(1_000_000) as u32;
            let ([a, b], [c, d, e, f]) = (two(fraction / 10_000), digits4(fraction % 10_000));
            out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
        }
        TimeUnit::Nanosecond => {
            write_seconds(value.div_euclid(1_000_000_000), out);
            let fraction = value.rem_euclid(1_000_000_000) as u32;
            let first = b'0' + (fraction / 100_000_000) as u8;
            let [a, b, c, d] = digits4(fraction / 10_000 % 10_000);
            let [e, f, g, h] = digits4(fraction % 10_000);
            out.extend_from_slice(&[b'.', first, a, b, c, d, e, f, g, h]);
        }
    }
    if utc {
        out.push(b'Z');
    }
}

fn write_seconds(seconds: i64, out: &mut Vec<u8>) {
    let days = seconds.div_euclid(SECONDS_PER_DAY);
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY) as u32;
    let Civil { year, month, day } = civil(days);
    let ([m0, m1], [d0, d1]) = (two(month), two(day));
    let ([h0, h1], [n0, n1], [s0, s1]) = (two(of_day / 3600), two(of_day / 60 % 60), two(of_day % 60));
    if let Some([y0, y1, y2, y3]) = four(year) {
        let text = [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1];
        out.extend_from_slice(&text);
    } else {
        write_long_year(year, out);
        out.extend_from_slice(&[b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1]);
    }
}

/// Years of more than four digits, or before the year 0.
fn write_long_year(year: i64, out: &mut Vec<u8>) {
    out.push(if year < 0 { b'-' } else { b'+' });
    let digits = format!("{:04}", year.unsigned_abs());
    out.extend_from_slice(digits.as_bytes());
}

fn four(year: i64) -> Option<[u8; 4]> {
    u32::try_from(year).ok().filter(|year| *year <= 9_999).map(digits4)
}

/// The digits of a number below 10,000.
fn digits4(number: u32) -> [u8; 4] {
    let ([a, b], [c, d]) = (two(number / 100), two(number % 100));
    [a, b, c, d]
}

/// The digits of a number below 100.
fn two(number: u32) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
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
        write_timestamp(value, unit, utc, &mut out);
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
