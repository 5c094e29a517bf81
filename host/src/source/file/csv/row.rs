//! The exact reading of one row: quotes, escapes, trimmed spaces, comments, blank lines.
//!
//! Called for the rows that the index does not take, for headers and for inference. What it says is what a CSV file
//! means; [`super::scan`] finds the same row ends without looking at fields, and the index is a short cut to both.
//!
//! A field is quoted if it begins with a quote. Within it, a doubled quote is a quote, and the escape byte makes the next byte
//! ordinary. What follows the closing quote is taken as it stands. A quote anywhere else is an ordinary byte.

use memchr::{memchr, memchr2};
use pelton_core::job::CsvDialect;

/// What begins at a row's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// A row of fields; `end` is behind its newline, `text_end` before it.
    Fields { text_end: usize, end: usize, closed: bool },
    /// A comment or a blank line; `end` is behind its newline.
    Nothing { end: usize },
    /// More bytes are needed.
    Incomplete,
}

/// The fields of the row read last.
#[derive(Debug, Default)]
pub struct Fields {
    fields: Vec<Span>,
    /// Fields that are not in the input as they are.
    unescaped: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    quoted: bool,
    unescaped: bool,
}

/// One field's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub text: &'a [u8],
    pub quoted: bool,
}

impl Fields {
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Field `index` of the row that was read from `bytes`.
    pub fn get<'a>(&'a self, bytes: &'a [u8], index: usize) -> Option<Field<'a>> {
        let span = self.fields.get(index)?;
        let from = if span.unescaped { &self.unescaped } else { bytes };
        Some(Field { text: from.get(span.start..span.end)?, quoted: span.quoted })
    }

    /// Reads the row at the start of `bytes`; `at_end`: they reach the end of the input, so the row may lack its newline.
    pub fn read(&mut self, bytes: &[u8], dialect: &CsvDialect, at_end: bool) -> Row {
        self.fields.clear();
        self.unescaped.clear();
        if let Some(end) = nothing(bytes, dialect, at_end) {
            return end.map_or(Row::Incomplete, |end| Row::Nothing { end });
        }
        let mut at = 0;
        loop {
            let stop = match opening(bytes, at, dialect) {
                Some(open) => self.quoted(bytes, open + 1, dialect),
                None => Ok(self.plain(bytes, at, dialect)),
            };
            let stop = match stop {
                Ok(stop) => stop,
                // The quote is never closed: all that is left is its row.
                Err(Unclosed) if at_end => {
                    return Row::Fields { text_end: bytes.len(), end: bytes.len(), closed: false };
                }
                Err(Unclosed) => return Row::Incomplete,
            };
            match bytes.get(stop) {
                Some(b'\n') => return Row::Fields { text_end: stop, end: stop + 1, closed: true },
                Some(_) => at = stop + 1,
                None if at_end => return Row::Fields { text_end: stop, end: stop, closed: true },
                None => return Row::Incomplete,
            }
        }
    }

    /// A field that is not quoted, from `start` on; answers where it ends.
    fn plain(&mut self, bytes: &[u8], start: usize, dialect: &CsvDialect) -> usize {
        let stop = separator(bytes, start, dialect);
        let end = without_return(bytes, start, stop);
        let (start, end) = if dialect.trim { trimmed(bytes, start, end) } else { (start, end) };
        self.fields.push(Span { start, end, quoted: false, unescaped: false });
        stop
    }

    /// A quoted field, whose text begins at `start`; answers where the separator behind it is.
    fn quoted(&mut self, bytes: &[u8], start: usize, dialect: &CsvDialect) -> Result<usize, Unclosed> {
        let copied = self.unescaped.len();
        let mut piece = start;
        loop {
            let at = within_quotes(bytes, piece, dialect)?;
            let text = bytes.get(piece..at).unwrap_or_default();
            if dialect.escape.is_some() && dialect.escape != dialect.quote && bytes.get(at).copied() == dialect.escape {
                self.unescaped.extend_from_slice(text);
                self.unescaped.push(*bytes.get(at + 1).ok_or(Unclosed)?);
                piece = at + 2;
                continue;
            }
            if bytes.get(at + 1).copied() == dialect.quote {
                self.unescaped.extend_from_slice(text);
                self.unescaped.extend(dialect.quote);
                piece = at + 2;
                continue;
            }
            // The closing quote; what may follow it up to the separator belongs to the field.
            let stop = separator(bytes, at + 1, dialect);
            let end = without_return(bytes, at + 1, stop);
            let mut tail = bytes.get(at + 1..end).unwrap_or_default();
            if dialect.trim {
                tail = tail.trim_suffix_blank();
            }
            if tail.is_empty() && self.unescaped.len() == copied {
                self.fields.push(Span { start, end: at, quoted: true, unescaped: false });
            } else {
                self.unescaped.extend_from_slice(text);
                self.unescaped.extend_from_slice(tail);
                self.fields.push(Span { start: copied, end: self.unescaped.len(), quoted: true, unescaped: true });
            }
            return Ok(stop);
        }
    }
}

/// No closing quote in the bytes at hand.
struct Unclosed;

/// If a comment or a blank line begins here: where the next line does, if that is known.
fn nothing(bytes: &[u8], dialect: &CsvDialect, at_end: bool) -> Option<Option<usize>> {
    let end = || memchr(b'\n', bytes).map(|at| at + 1).or(at_end.then_some(bytes.len()));
    match bytes {
        [first, ..] if Some(*first) == dialect.comment => Some(end()),
        [b'\n', ..] => Some(Some(1)),
        [b'\r', b'\n', ..] => Some(Some(2)),
        [b'\r'] => Some(at_end.then_some(1)),
        [] => Some(at_end.then_some(0)),
        _ => None,
    }
}

/// Where the quote is with which the field at `at` begins, if it is quoted.
fn opening(bytes: &[u8], at: usize, dialect: &CsvDialect) -> Option<usize> {
    let quote = dialect.quote?;
    let mut open = at;
    if dialect.trim {
        while bytes.get(open).is_some_and(|b| is_blank(*b) && *b != dialect.delimiter) {
            open += 1;
        }
    }
    (bytes.get(open) == Some(&quote)).then_some(open)
}

/// The next quote or escape from `at` on.
fn within_quotes(bytes: &[u8], at: usize, dialect: &CsvDialect) -> Result<usize, Unclosed> {
    let rest = bytes.get(at..).unwrap_or_default();
    let quote = dialect.quote.ok_or(Unclosed)?;
    let found = match dialect.escape {
        Some(escape) => memchr2(quote, escape, rest),
        None => memchr(quote, rest),
    };
    Ok(at + found.ok_or(Unclosed)?)
}

/// The next delimiter or newline from `at` on, or the end.
fn separator(bytes: &[u8], at: usize, dialect: &CsvDialect) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + memchr2(dialect.delimiter, b'\n', rest).unwrap_or(rest.len())
}

/// `end`, or the place before it if a carriage return ends the line there.
fn without_return(bytes: &[u8], start: usize, end: usize) -> usize {
    let ends_line = matches!(bytes.get(end), None | Some(b'\n'));
    if ends_line && end > start && bytes.get(end - 1) == Some(&b'\r') { end - 1 } else { end }
}

/// Whether `trim` drops it.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The field without spaces and tabs around it.
pub fn trimmed(bytes: &[u8], start: usize, end: usize) -> (usize, usize) {
    let text = bytes.get(start..end).unwrap_or_default();
    let kept = text.trim_suffix_blank();
    let leading = kept.iter().take_while(|b| is_blank(**b)).count();
    (start + leading, start + kept.len())
}

trait TrimBlank {
    fn trim_suffix_blank(&self) -> &Self;
}

impl TrimBlank for [u8] {
    fn trim_suffix_blank(&self) -> &Self {
        let kept = self.iter().rposition(|b| !is_blank(*b)).map_or(0, |last| last + 1);
        self.get(..kept).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dialect: &CsvDialect) -> Vec<String> {
        let mut fields = Fields::default();
        let Row::Fields { end, closed: true, .. } = fields.read(text.as_bytes(), dialect, true) else {
            panic!("{text:?}")
        };
        assert_eq!(end, text.len(), "{text:?}");
        (0..fields.len())
            .map(|f| {
                fields.get(text.as_bytes(), f).map(|f| String::from_utf8_lossy(f.text).into_owned()).expect("in range")
            })
            .collect()
    }

    #[test]
    fn fields_are_read_as_rfc_4180_and_its_neighbours_say() {
        let plain = CsvDialect::default();
        for (text, fields) in [
            ("a,b\n", &["a", "b"][..]),
            ("a,b\r\n", &["a", "b"]),
            ("a,b", &["a", "b"]),
            (",\n", &["", ""]),
            ("\"a,\n\"\"b\",c\n", &["a,\n\"b", "c"]),
            ("\"\",\"\"\r\n", &["", ""]),
            ("a\"b\",c\n", &["a\"b\"", "c"]),
            ("\"a\"b\"c,d\n", &["ab\"c", "d"]),
            (" \"a\" ,b\n", &[" \"a\" ", "b"]),
            ("a\rb,c\r\r\n", &["a\rb", "c\r"]),
        ] {
            assert_eq!(read(text, &plain), fields, "{text:?}");
        }
        let trim = CsvDialect { trim: true, ..plain.clone() };
        assert_eq!(read(" a\t,  \"b \" ,\t\n", &trim), ["a", "b ", ""]);
        let escape = CsvDialect { escape: Some(b'\\'), ..plain.clone() };
        assert_eq!(read("\"a\\\"b\\\\\",\\c\n", &escape), ["a\"b\\", "\\c"]);
        let raw = CsvDialect { quote: None, ..plain };
        assert_eq!(read("\"a,b\"\n", &raw), ["\"a", "b\""]);
    }

    #[test]
    fn comments_and_blank_lines_are_nothing() {
        let dialect = CsvDialect { comment: Some(b'#'), ..CsvDialect::default() };
        let mut fields = Fields::default();
        for (text, end) in [("#a\"\nb", 4), ("\nb", 1), ("\r\nb", 2)] {
            assert_eq!(fields.read(text.as_bytes(), &dialect, false), Row::Nothing { end }, "{text:?}");
        }
    }

    #[test]
    fn an_unclosed_quote_waits_for_more_and_fails_at_the_end() {
        let dialect = CsvDialect::default();
        let mut fields = Fields::default();
        assert_eq!(fields.read(b"a,\"b\nc\n", &dialect, false), Row::Incomplete);
        assert_eq!(fields.read(b"a,\"b\nc\n", &dialect, true), Row::Fields { text_end: 7, end: 7, closed: false });
    }
}
