//! Dates and times: the proleptic Gregorian calendar in UTC, and ISO 8601 as the sources read it and the sinks write it.
//!
//! The calendar is Howard Hinnant's `civil_from_days` and its inverse. A module knows no time zones but UTC: a time without an
//! offset is read for a column without zone, or in UTC, only.

use std::fmt::Write as _;

use pelton_guest::dynamic::TimeUnit;

use crate::types::per_second;

const DAY_SECONDS: i64 = 86_400;
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_SHIFT: i64 = 719_468;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

/// The calendar day of a count of days since 1970-01-01.
pub fn civil(days: i64) -> Civil {
    let shifted = days.saturating_add(EPOCH_SHIFT);
    let (era, day_of_era) = (shifted.div_euclid(DAYS_PER_ERA), shifted.rem_euclid(DAYS_PER_ERA));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil { year, month, day: day_of_year - (153 * from_march + 2) / 5 + 1 }
}

/// The days since 1970-01-01 of a date that there is.
fn days(Civil { year, month, day }: Civil) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_SHIFT
}

/// The days since 1970-01-01 of `2026-02-28`.
pub fn parse_date(text: &str) -> Option<i64> {
    match take_date(text)? {
        (days, "") => Some(days),
        _ => None,
    }
}

/// The units since 1970 of `2026-02-28T10:00:00.5Z` or `2026-02-28 10:00+01:00`; of a date, its midnight. Digits of a fraction
/// beyond the unit are cut off. Without an offset it is UTC if `is_local` allows that.
pub fn parse_timestamp(text: &str, unit: TimeUnit, is_local: bool) -> Option<i64> {
    let (days, rest) = take_date(text)?;
    let (seconds, nanoseconds, rest) = match rest.strip_prefix(['T', 't', ' ']) {
        None if rest.is_empty() => (0, 0, rest),
        None => return None,
        Some(clock) => take_clock(clock)?,
    };
    let offset = match rest {
        "" if is_local => 0,
        "" => return None,
        offset => parse_offset(offset)?,
    };
    let seconds = i128::from(days) * i128::from(DAY_SECONDS) + i128::from(seconds - offset);
    let units = i128::from(per_second(unit));
    i64::try_from(seconds * units + i128::from(nanoseconds) * units / 1_000_000_000).ok()
}

/// A date at the beginning of a text, as days; and what follows.
fn take_date(text: &str) -> Option<(i64, &str)> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let length = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if !(4..=6).contains(&length) || (length > 4 && unsigned.len() == text.len()) {
        return None;
    }
    let year = sign * unsigned.get(..length)?.parse::<i64>().ok()?;
    let rest = unsigned.get(length..)?.strip_prefix('-')?;
    let (month, rest) = take_two(rest)?;
    let (day, rest) = take_two(rest.strip_prefix('-')?)?;
    let date = Civil { year, month, day };
    let days = days(date);
    // A day that there is not comes back as another.
    ((1..=12).contains(&month) && civil(days) == date).then_some((days, rest))
}

/// `10:00`, `10:00:00` or `10:00:00.5`, as seconds and nanoseconds; and what follows.
fn take_clock(text: &str) -> Option<(i64, i64, &str)> {
    let (hour, rest) = take_two(text)?;
    let (minute, rest) = take_two(rest.strip_prefix(':')?)?;
    let (second, rest) = rest.strip_prefix(':').map_or(Some((0, rest)), take_two)?;
    let mut nanoseconds = 0;
    let mut left = rest;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, behind) = fraction.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
        let nine = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
        nanoseconds = nine.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        left = behind;
    }
    (hour < 24 && minute < 60 && second < 60).then_some((hour * 3_600 + minute * 60 + second, nanoseconds, left))
}

/// `Z`, `+01:00`, `+0100` or `+01`, as seconds east of UTC.
fn parse_offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hour, rest) = take_two(text.get(1..)?)?;
    let minute = match rest.strip_prefix(':').unwrap_or(rest) {
        "" if rest.is_empty() => 0,
        digits => match take_two(digits)? {
            (minute, "") => minute,
            _ => return None,
        },
    };
    (hour < 24 && minute < 60).then_some(sign * (hour * 3_600 + minute * 60))
}

/// Two digits at the beginning of a text, and what follows.
fn take_two(text: &str) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Some((digits.parse().ok()?, rest)))?
}

/// Writes a date as `2026-02-28`; years outside of 0 to 9999 have a sign.
pub fn write_date(days: i64, out: &mut String) {
    let Civil { year, month, day } = civil(days);
    // Writing to a String cannot fail.
    let _ = match year {
        0..=9_999 => write!(out, "{year:04}-{month:02}-{day:02}"),
        _ => write!(out, "{}{:04}-{month:02}-{day:02}", if year < 0 { '-' } else { '+' }, year.unsigned_abs()),
    };
}

/// Writes a moment as `2026-02-28T10:00:00.500`, with all digits of its unit; with a `Z` if it has a zone.
pub fn write_timestamp(moment: i64, unit: TimeUnit, has_zone: bool, out: &mut String) {
    let units = per_second(unit);
    let (seconds, fraction) = (moment.div_euclid(units), moment.rem_euclid(units));
    write_date(seconds.div_euclid(DAY_SECONDS), out);
    let of_day = seconds.rem_euclid(DAY_SECONDS);
    let _ = write!(out, "T{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let _ = match unit {
        TimeUnit::Second => Ok(()),
        TimeUnit::Millisecond => write!(out, ".{fraction:03}"),
        TimeUnit::Microsecond => write!(out, ".{fraction:06}"),
        TimeUnit::Nanosecond => write!(out, ".{fraction:09}"),
    };
    if has_zone {
        out.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> Option<i64> {
        parse_timestamp(text, TimeUnit::Millisecond, true)
    }

    #[test]
    fn dates_and_times_read_back() {
        for days in [-719_528, -1, 0, 59, 11_016, 19_782, 2_932_896, 10_000_000] {
            let mut text = String::new();
            write_date(days, &mut text);
            assert_eq!(parse_date(&text), Some(days), "{text}");
        }
        for moment in [i64::from(i32::MIN) * 1_000 - 1, -1, 0, 1_767_225_600_123] {
            let mut text = String::new();
            write_timestamp(moment, TimeUnit::Millisecond, true, &mut text);
            assert_eq!(timestamp(&text), Some(moment), "{text}");
        }
        let mut text = String::new();
        write_timestamp(i64::MIN, TimeUnit::Second, false, &mut text);
        assert!(text.starts_with('-'), "the end of time does not panic: {text}");
    }

    #[test]
    fn forms_of_times() {
        let noon = timestamp("2026-02-28T12:00:00Z");
        assert_eq!(noon, Some(1_772_280_000_000));
        for same in [
            "2026-02-28 12:00",
            "2026-02-28T13:00+01:00",
            "2026-02-28T11:00:00.0-01",
            "2026-02-28t12:00:00,000999z",
            "2026-02-28T12:30:00+0030",
        ] {
            assert_eq!(timestamp(same), noon, "{same}");
        }
        assert_eq!(timestamp("2026-02-28"), Some(1_772_236_800_000));
        assert_eq!(parse_timestamp("2026-02-28T12:00", TimeUnit::Second, false), None, "no offset");
        for wrong in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "26-01-01",
            "12026-01-01",
            "2026-01-01T",
            "2026-01-01T24:00",
            "2026-01-01T10",
            "2026-01-01T10:00:61",
            "2026-01-01T10:00:00.",
            "2026-01-01T10:00+1",
            "2026-01-01x",
            "é026-01-01",
            "",
        ] {
            assert_eq!(timestamp(wrong), None, "{wrong}");
        }
        assert_eq!(parse_timestamp("9999-01-01", TimeUnit::Nanosecond, true), None, "out of range");
    }
}
