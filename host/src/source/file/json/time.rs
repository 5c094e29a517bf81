//! Dates and times in JSON: strings as [`crate::source::file::time`] reads them, and integers of the column's unit.

use super::{
    column::ReadValue,
    fault::Problem,
    number::Integer,
    scan::Scanner,
    string::{quoted, unescape},
};
use crate::source::file::time::{self, TimeFault, TimeReader};

impl From<TimeFault> for Problem {
    fn from(fault: TimeFault) -> Self {
        match fault {
            TimeFault::Shape => Self::Unfit,
            TimeFault::Range => Self::Range,
        }
    }
}

/// Reads days since 1970.
pub struct Date {
    pub form: Option<String>,
}

impl ReadValue<i32> for Date {
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<i32, Problem> {
        match &self.form {
            Some(form) => Ok(time::date(&scalar_text(scanner)?, Some(form))?),
            None => Ok(time::date(quoted(scanner)?.bytes, None)?),
        }
    }
}

impl ReadValue<i64> for TimeReader {
    #[inline]
    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<i64, Problem> {
        if self.has_form() {
            return Ok(Self::read(self, &scalar_text(scanner)?)?);
        }
        match scanner.peek() {
            Some(b'"') => Ok(Self::read(self, scanner.string()?.bytes)?),
            _ => Integer.read(scanner),
        }
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

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn read(form: Option<&str>, text: &str) -> Option<i64> {
        let mut reader = TimeReader::new(TimeUnit::Microsecond, None, form).expect("no zone");
        ReadValue::read(&mut reader, &mut Scanner::new(text.as_bytes())).ok()
    }

    #[test]
    fn strings_are_times_and_integers_are_units() {
        assert_eq!(read(None, "\"2024-02-29T23:59:58Z\""), Some(1_709_251_198_000_000));
        assert_eq!(read(None, "1700000000123456"), Some(1_700_000_000_123_456));
        for bad in ["\"2024-2-9\"", "\"\"", "true", "1.5"] {
            assert_eq!(read(None, bad), None, "{bad}");
        }
    }

    #[test]
    fn forms_read_strings_and_numbers() {
        assert_eq!(read(Some("%d/%b/%Y:%H:%M:%S %z"), "\"29/Feb/2024:23:59:58 +0100\""), Some(1_709_247_598_000_000));
        assert_eq!(read(Some("%Y%m%d"), "20240229"), Some(1_709_164_800_000_000));
        assert_eq!(read(Some("%s"), "-1"), Some(-1_000_000));
        assert_eq!(read(Some("%Y"), "true"), None);
    }
}
