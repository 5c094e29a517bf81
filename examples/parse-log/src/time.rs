//! Reads the time of an access log: `10/Oct/2025:13:55:36 -0700`.
//!
//! The answer is in UTC. Every field is checked, so that a broken line does not become a wrong time.

use pelton_guest::Timestamp;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The instant, or none if the text is not such a time.
pub fn parse(text: &str) -> Option<Timestamp> {
    let (clock, zone) = text.split_once(' ')?;
    let mut parts = clock.splitn(4, ':');
    let days = days(parts.next()?)?;
    let [hour, minute, second] = [(); 3].map(|()| parts.next().and_then(|part| number(part, 2)));
    let (hour, minute, second) = (hour?, minute?, second?);
    // A minute with a leap second has a second 60.
    let valid = hour < 24 && minute < 60 && second <= 60;
    let seconds = 86_400 * days + 3_600 * hour + 60 * minute + second - offset(zone)?;
    valid.then_some(Timestamp(1_000_000 * seconds))
}

/// Days from 1970-01-01 to a date as in `10/Oct/2025`.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '/');
    let day = number(parts.next()?, 2)?;
    let name = parts.next()?;
    let month = (1..).zip(MONTHS).find(|(_, month)| *month == name)?.0;
    let year = number(parts.next()?, 4)?;
    (1..=days_in(month, year)).contains(&day).then(|| {
        // Years that begin in March end with the leap day, and months before the `n`th then have (153 n + 2) / 5 days.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469
    })
}

fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Seconds east of Greenwich of a zone as in `-0700`.
fn offset(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, zone.strip_prefix('+')?),
    };
    let number = number(digits, 4)?;
    (number % 100 < 60).then_some(sign * (3_600 * (number / 100) + 60 * (number % 100)))
}

/// Exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_instants_in_utc() {
        let cases = [
            ("01/Jan/1970:00:00:00 +0000", 0),
            ("31/Dec/1969:23:59:59 +0000", -1),
            ("29/Feb/2024:12:00:00 +0000", 1_709_208_000),
            ("01/Mar/2024:00:00:00 +0000", 1_709_251_200),
            ("31/Dec/1999:23:59:60 +0000", 946_684_800),
            ("10/Oct/2025:13:55:36 -0700", 1_760_129_736),
            ("11/Oct/2025:02:25:36 +0530", 1_760_129_736),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text), Some(Timestamp(1_000_000 * seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "10/Oct/2025:13:55:36",
            "10/Oct/2025:13:55 +0000",
            "10/oct/2025:13:55:36 +0000",
            "31/Apr/2025:13:55:36 +0000",
            "29/Feb/2100:13:55:36 +0000",
            "00/Oct/2025:13:55:36 +0000",
            "10/Oct/2025:24:00:00 +0000",
            "10/Oct/2025:13:60:36 +0000",
            "+1/Oct/2025:13:55:36 +0000",
            "10/Oct/2025:13:55:36 0000",
            "10/Oct/2025:13:55:36 +0060",
            "10/Oct/2025:13:55:36:00 +0000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
