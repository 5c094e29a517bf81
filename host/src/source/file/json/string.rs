//! JSON strings as text, and as bytes in hexadecimal digits.
//!
//! JSON has no bytes of its own. Two digits of either case make a byte here: that is what the JSON sink writes, and
//! arrow-json likewise.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BinaryArray, NullBufferBuilder, StringArray},
    buffer::{OffsetBuffer, ScalarBuffer},
};

use super::{
    column::{Column, take},
    fault::Problem,
    scan::{RawString, Scanner},
};

/// A column of text.
#[derive(Default)]
pub struct Utf8(Values);

impl Column for Utf8 {
    #[inline]
    fn append(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        let text = quoted(scanner)?;
        if text.escaped {
            unescape(text.bytes, &mut self.0.bytes)?;
        } else {
            self.0.bytes.extend_from_slice(text.bytes);
        }
        self.0.end_value()
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn finish(&mut self) -> ArrayRef {
        let (offsets, bytes, nulls) = self.0.finish();
        Arc::new(StringArray::try_new(offsets, bytes.into(), nulls).expect("the input was checked to be UTF-8"))
    }
}

/// A column of bytes.
#[derive(Default)]
pub struct Binary(Values);

impl Column for Binary {
    fn append(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        // A digit that is written as an escape is none: nobody writes so.
        let (pairs, []) = quoted(scanner)?.bytes.as_chunks::<2>() else { return Err(Problem::Unfit) };
        for [high, low] in pairs {
            let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16)) else {
                return Err(Problem::Unfit);
            };
            self.0.bytes.push((high << 4 | low) as u8);
        }
        self.0.end_value()
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn finish(&mut self) -> ArrayRef {
        let (offsets, bytes, nulls) = self.0.finish();
        Arc::new(BinaryArray::new(offsets, bytes.into(), nulls))
    }
}

#[inline]
pub fn quoted<'a>(scanner: &mut Scanner<'a>) -> Result<RawString<'a>, Problem> {
    if scanner.peek() == Some(b'"') { scanner.string() } else { Err(Problem::Unfit) }
}

/// Values of variable width, end to end. Bytes behind the last end are a value that was not finished.
struct Values {
    bytes: Vec<u8>,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Default for Values {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: vec![0], nulls: NullBufferBuilder::new(0) }
    }
}

impl Values {
    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    fn last_end(&self) -> i32 {
        self.ends.last().copied().unwrap_or_default()
    }

    #[inline]
    fn end_value(&mut self) -> Result<(), Problem> {
        self.ends.push(i32::try_from(self.bytes.len()).map_err(|_| Problem::Range)?);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.ends.push(self.last_end());
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        self.bytes.truncate(usize::try_from(self.last_end()).unwrap_or_default());
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Vec<u8>, Option<arrow::buffer::NullBuffer>) {
        let ends = take(&mut self.ends);
        self.ends.push(0);
        (OffsetBuffer::new(ScalarBuffer::from(ends)), take(&mut self.bytes), self.nulls.finish())
    }
}

/// Appends what a string with escapes means. Its grammar was checked; half a surrogate pair is unfit.
pub fn unescape(mut raw: &[u8], out: &mut Vec<u8>) -> Result<(), Problem> {
    while let Some(at) = memchr::memchr(b'\\', raw) {
        let (plain, escape) = raw.split_at(at);
        out.extend_from_slice(plain);
        let [_, kind, rest @ ..] = escape else { return Err(Problem::Unfit) };
        raw = rest;
        out.push(match kind {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, rest) = unicode(rest).ok_or(Problem::Unfit)?;
                raw = rest;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            other => *other,
        });
    }
    out.extend_from_slice(raw);
    Ok(())
}

/// Reads what follows `\u`: four digits, or eight in a pair of surrogates.
fn unicode(raw: &[u8]) -> Option<(char, &[u8])> {
    let (high, rest) = hex(raw)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let (low, rest) = hex(rest.strip_prefix(b"\\u")?)?;
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?, rest))
}

fn hex(raw: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = raw.split_first_chunk::<4>()?;
    let value = digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))?;
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_mean_what_json_says() {
        let read = |raw: &str| {
            let mut out = Vec::new();
            unescape(raw.as_bytes(), &mut out).ok().map(|()| String::from_utf8(out).expect("UTF-8"))
        };
        assert_eq!(read(r#"\"\\\/\b\f\n\r\t"#).as_deref(), Some("\"\\/\u{8}\u{c}\n\r\t"));
        assert_eq!(read(r"a\u00e9b\ud83e\udd80c\u0000").as_deref(), Some("aéb🦀c\0"));
        for half in [r"\ud83e", r"\ud83ex", r"\ud83e\n", r"\ud83eA", r"\udd80"] {
            assert_eq!(read(half), None, "{half}");
        }
    }
}
