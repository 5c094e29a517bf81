//! What stands before the rows of a CSV file: a byte order mark, skipped lines, a header.
//!
//! Called once for each file, on its first bytes.

use memchr::memchr;
use pelton_core::job::CsvDialect;

use super::row::{Fields, Row};
use crate::source::file::lines::{BYTE_ORDER_MARK, Head, is_beginning};

/// Reads the head of an input from its first bytes; `at_end`: they are all there is. None if more are needed.
pub fn head(bytes: &[u8], at_end: bool, dialect: &CsvDialect) -> Result<Option<Head>, String> {
    if !at_end && is_beginning(BYTE_ORDER_MARK, bytes) {
        return Ok(None);
    }
    let mut at = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    for _ in 0..dialect.skip_lines {
        match memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
            Some(newline) => at += newline + 1,
            None if at_end => at = bytes.len(),
            None => return Ok(None),
        }
    }
    if !dialect.header {
        return Ok(Some(Head { rows_at: at as u64, names: None }));
    }
    let mut fields = Fields::default();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.is_empty() && at_end {
            // An empty file has no columns, but no rows that would lack them either.
            return Ok(Some(Head { rows_at: at as u64, names: None }));
        }
        match fields.read(rest, dialect, at_end) {
            Row::Incomplete => return Ok(None),
            Row::Nothing { end } => at += end,
            Row::Fields { closed: false, .. } => return Err("a quote in its header is never closed".to_owned()),
            Row::Fields { end, .. } => {
                let names = (0..fields.len()).filter_map(|index| fields.get(rest, index)).map(|field| {
                    let name = std::str::from_utf8(field.text).map_err(|_| "its header is not UTF-8".to_owned())?;
                    Ok(name.trim().to_owned())
                });
                let names = names.collect::<Result<Vec<_>, String>>()?;
                return Ok(Some(Head { rows_at: (at + end) as u64, names: Some(names) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_skipped_lines_comments_and_headers_stand_before_the_rows() {
        let dialect = CsvDialect { header: true, comment: Some(b'#'), skip_lines: 1, ..CsvDialect::default() };
        let text = "\u{feff}made by \"x\n# c\n\n a,\"b\nc\"\r\n1,2\n";
        let expected = Head { rows_at: text.len() as u64 - 4, names: Some(vec!["a".into(), "b\nc".into()]) };
        assert_eq!(head(text.as_bytes(), true, &dialect), Ok(Some(expected.clone())));
        let needed = expected.rows_at as usize;
        for cut in 0..needed {
            assert_eq!(head(&text.as_bytes()[..cut], false, &dialect), Ok(None), "{cut}");
        }
        assert_eq!(head(&text.as_bytes()[..needed], false, &dialect), Ok(Some(expected)));
    }

    #[test]
    fn empty_files_have_no_names() {
        let dialect = CsvDialect { header: true, skip_lines: 3, ..CsvDialect::default() };
        for text in ["", "\n", "a\nb", "\u{feff}"] {
            let head = head(text.as_bytes(), true, &dialect);
            assert_eq!(head, Ok(Some(Head { rows_at: text.len() as u64, names: None })), "{text:?}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_says_why() {
        let dialect = CsvDialect { header: true, ..CsvDialect::default() };
        assert!(head(b"a,\"b", true, &dialect).is_err());
        assert!(head(b"a,\xff\n", true, &dialect).is_err());
    }
}
