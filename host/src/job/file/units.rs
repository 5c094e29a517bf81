//! Durations and sizes as people write them: `250ms`, `1h30m`, `64MiB`.
//!
//! Exact: decimals are scaled as integers, never as floats, and what does not fit is refused.

use std::time::Duration;

/// What is wrong with a duration or a size, for the label under it.
pub type Fault = String;

const DURATION_UNITS: [(&str, u128); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SIZE_UNITS: [(&str, u128); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// One or more numbers, each with its unit, added up: `1.5s`, `1h 30m`.
pub fn duration(text: &str) -> Result<Duration, Fault> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("it is empty".into());
    }
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let (part, after) = quantity(rest, &DURATION_UNITS, "ns, us, ms, s, m, h or d")?;
        nanos = nanos.checked_add(part).ok_or("it is too long")?;
        rest = after.trim_start();
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| "it is too long")?;
    let nanos = u32::try_from(nanos % 1_000_000_000).map_err(|_| "it is too long")?;
    Ok(Duration::new(seconds, nanos))
}

/// A number and its unit, or bytes without one.
pub fn size(text: &str) -> Result<u64, Fault> {
    let text = text.trim();
    if let Ok(bytes) = text.parse::<u64>() {
        return Ok(bytes);
    }
    let (bytes, rest) = quantity(text, &SIZE_UNITS, "B, KB, MB, GB, KiB, MiB or GiB")?;
    if !rest.is_empty() {
        return Err(format!("nothing may follow its unit, but `{rest}` does"));
    }
    u64::try_from(bytes).map_err(|_| "it is too large".into())
}

/// The first number with its unit, and what follows.
fn quantity<'a>(text: &'a str, units: &[(&str, u128)], names: &str) -> Result<(u128, &'a str), Fault> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(number_end);
    if number.is_empty() {
        return Err("it should begin with a number".into());
    }
    let rest = rest.trim_start();
    let unit_end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(if unit.is_empty() {
            format!("its unit is missing: {names}")
        } else {
            format!("its unit is one of {names}")
        });
    };
    Ok((scaled(number, *factor)?, rest))
}

/// `number × factor`, exactly; digits below one are refused.
fn scaled(number: &str, factor: u128) -> Result<u128, Fault> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let bad = || format!("`{number}` is not a number");
    if whole.is_empty() || fraction.is_empty() || whole.len() > 20 || fraction.len() > 9 {
        return Err(bad());
    }
    let digits: u128 = fraction.parse().map_err(|_| bad())?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| bad())?);
    let whole: u128 = whole.parse().map_err(|_| bad())?;
    // At most 10^20 × 10^14 and 10^9 × 10^14: no overflow.
    if !(digits * factor).is_multiple_of(scale) {
        return Err("it is finer than the smallest unit".into());
    }
    Ok(whole * factor + digits * factor / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, nanos) in [
            ("0s", 0),
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1h 30m", 5_400_000_000_000),
            ("2 d", 172_800_000_000_000),
            ("10us", 10_000),
            ("10µs", 10_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn wrong_durations_say_why() {
        for (text, fault) in [
            ("", "it is empty"),
            ("5", "its unit is missing: ns, us, ms, s, m, h or d"),
            ("5 fortnights", "its unit is one of ns, us, ms, s, m, h or d"),
            ("-1s", "it should begin with a number"),
            ("1s x", "it should begin with a number"),
            ("1.2.3s", "`1.2.3` is not a number"),
            (".5s", "`.5` is not a number"),
            ("0.5ns", "it is finer than the smallest unit"),
            ("99999999999999999999d", "it is too long"),
        ] {
            assert_eq!(duration(text), Err(fault.to_owned()), "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_numbers_with_units() {
        for (text, bytes) in [("64MiB", 64 << 20), ("10 MB", 10_000_000), ("1.5KiB", 1536), ("512", 512), ("7B", 7)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1 mib", "1M", "1MiB2KiB", "99999999TiB", "0.3B", "1e3"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
