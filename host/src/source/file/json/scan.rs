//! The JSON tokenizer: a cursor over bytes that are valid UTF-8.
//!
//! The column builders call it and take what they want straight from the input. It checks the grammar of
//! everything that it passes, wanted or not, without recursion and without copying. A newline is never blank here,
//! so no token of a row reaches into the next row, and a row's end need not be found first.

use wide::u8x16;

use super::fault::Problem;

/// Levels of nesting that are followed; what is deeper makes its row bad.
pub const DEPTH_MAX: u32 = 128;

/// A position in the input.
#[derive(Debug, Clone, Copy)]
pub struct Scanner<'a> {
    rest: &'a [u8],
}

/// The inside of a string, between its quotes.
#[derive(Debug, Clone, Copy)]
pub struct RawString<'a> {
    pub bytes: &'a [u8],
    /// Holds escapes, which [`super::string::unescape`] resolves.
    pub escaped: bool,
}

/// A number as it is written, with what its digits say.
#[derive(Debug, Clone, Copy)]
pub struct Number<'a> {
    pub text: &'a [u8],
    pub negative: bool,
    /// All digits without the point, exact only if `digits` is at most [`Number::EXACT_DIGITS`].
    pub mantissa: u64,
    /// Digits before and after the point.
    pub digits: usize,
    /// The value is mantissa × 10^exponent.
    pub exponent: i32,
    /// Neither a point nor an exponent is written.
    pub whole: bool,
}

impl Number<'_> {
    /// Any number of so many digits fits a u64.
    pub const EXACT_DIGITS: usize = 19;
}

impl<'a> Scanner<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    #[inline]
    pub fn eat(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    pub fn eat_all(&mut self, token: &[u8]) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Passes spaces, tabs and carriage returns.
    #[inline]
    pub fn skip_blank(&mut self) {
        // Nearly always there is none.
        if self.peek().is_some_and(|byte| byte > b' ') {
            return;
        }
        while let [b' ' | b'\t' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Reads a string, from its opening quote to its closing one.
    #[inline]
    pub fn string(&mut self) -> Result<RawString<'a>, Problem> {
        if !self.eat(b'"') {
            return Err(Problem::Syntax("a string"));
        }
        let start = self.rest;
        let mut escaped = false;
        loop {
            self.rest = skip_plain(self.rest);
            match self.rest {
                [b'"', rest @ ..] => {
                    let length = start.len() - self.rest.len();
                    self.rest = rest;
                    let bytes = start.get(..length).unwrap_or_default();
                    return Ok(RawString { bytes, escaped });
                }
                [b'\\', rest @ ..] => {
                    escaped = true;
                    self.rest = skip_escape(rest).ok_or(Problem::Syntax("a character after `\\` that JSON knows"))?;
                }
                [] | [b'\n' | b'\r', ..] => return Err(Problem::Syntax("the string's closing quote")),
                [..] => return Err(Problem::Syntax("no raw control character in a string")),
            }
        }
    }

    /// Reads a number by JSON's grammar.
    #[inline]
    pub fn number(&mut self) -> Result<Number<'a>, Problem> {
        let start = self.rest;
        let negative = self.eat(b'-');
        let mut mantissa = 0_u64;
        let leading_zero = self.peek() == Some(b'0');
        let mut digits = self.digits(&mut mantissa);
        if digits == 0 || (leading_zero && digits > 1) {
            return Err(Problem::Syntax(if digits == 0 { "a digit" } else { "no leading zero" }));
        }
        let mut exponent = 0_i32;
        let mut whole = true;
        if self.eat(b'.') {
            whole = false;
            let count = self.digits(&mut mantissa);
            if count == 0 {
                return Err(Problem::Syntax("a digit after the point"));
            }
            digits += count;
            exponent = i32::try_from(count).map_or(i32::MIN, |count| -count);
        }
        if let Some(b'e' | b'E') = self.peek() {
            whole = false;
            self.rest = self.rest.get(1..).unwrap_or_default();
            exponent = exponent.saturating_add(self.exponent()?);
        }
        let text = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        Ok(Number { text, negative, mantissa, digits, exponent, whole })
    }

    /// Reads digits, eight at a time, and appends them to `mantissa`; answers how many there are.
    #[inline]
    fn digits(&mut self, mantissa: &mut u64) -> usize {
        let before = self.rest.len();
        while let Some((word, _)) = self.rest.split_first_chunk::<8>() {
            let (value, count) = leading_digits(u64::from_le_bytes(*word));
            *mantissa = mantissa.wrapping_mul(POWERS.get(count).copied().unwrap_or_default()).wrapping_add(value);
            self.rest = self.rest.get(count..).unwrap_or_default();
            if count < 8 {
                return before - self.rest.len();
            }
        }
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest {
            *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.rest = rest;
        }
        before - self.rest.len()
    }

    fn exponent(&mut self) -> Result<i32, Problem> {
        let negative = self.eat(b'-');
        if !negative {
            self.eat(b'+');
        }
        let mut value = 0_i32;
        let before = self.rest.len();
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest {
            value = value.saturating_mul(10).saturating_add(i32::from(digit - b'0'));
            self.rest = rest;
        }
        if before == self.rest.len() {
            return Err(Problem::Syntax("a digit in the exponent"));
        }
        Ok(if negative { -value } else { value })
    }

    /// Passes one value of any kind, checking its grammar. Returns the value's text.
    #[inline]
    pub fn skip_value(&mut self) -> Result<&'a [u8], Problem> {
        let start = self.rest;
        match self.peek() {
            Some(b'{' | b'[') => self.skip_nested()?,
            _ => self.skip_scalar()?,
        }
        Ok(start.get(..start.len() - self.rest.len()).unwrap_or_default())
    }

    #[inline]
    fn skip_scalar(&mut self) -> Result<(), Problem> {
        let literal: &[u8] = match self.peek() {
            Some(b'"') => return self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => return self.number().map(|_| ()),
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(b'n') => b"null",
            _ => return Err(Problem::Syntax("a value")),
        };
        if self.eat_all(literal) { Ok(()) } else { Err(Problem::Syntax("a value")) }
    }

    /// Passes an object or array. The open brackets are a stack of bits: 1 is an object.
    fn skip_nested(&mut self) -> Result<(), Problem> {
        let mut objects = 0_u128;
        let mut depth = 0_u32;
        loop {
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == DEPTH_MAX {
                        return Err(Problem::Depth);
                    }
                    self.eat(open);
                    self.skip_blank();
                    let object = open == b'{';
                    if !self.eat(closing(object)) {
                        objects = objects << 1 | u128::from(object);
                        depth += 1;
                        if object {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                self.skip_blank();
                if self.eat(b',') {
                    self.skip_blank();
                    if object {
                        self.skip_key()?;
                    }
                    break;
                }
                if !self.eat(closing(object)) {
                    return Err(Problem::Syntax(if object { "`,` or `}`" } else { "`,` or `]`" }));
                }
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    fn skip_key(&mut self) -> Result<(), Problem> {
        if self.peek() != Some(b'"') {
            return Err(Problem::Syntax("a key in quotes"));
        }
        self.string()?;
        self.colon()
    }

    /// Passes the colon after a key, and the blanks around it.
    #[inline]
    pub fn colon(&mut self) -> Result<(), Problem> {
        self.skip_blank();
        if !self.eat(b':') {
            return Err(Problem::Syntax("`:`"));
        }
        self.skip_blank();
        Ok(())
    }
}

/// 10^n, for as many digits as fit a word.
const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The digits that the word's first bytes are, little endian: their value and how many. All bytes are handled in
/// parallel: a byte is a digit if it is 0 to 9 without its 0x30, and adding 0x76 to anything else sets its top bit.
#[inline]
fn leading_digits(word: u64) -> (u64, usize) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let values = word ^ (EACH * 0x30);
    let others = (values.wrapping_add(EACH * 0x76) | values) & (EACH * 0x80);
    let count = others.trailing_zeros() / 8;
    if count == 0 {
        return (0, 0);
    }
    // As if zeros stood before them, so that there are always eight: then sums of two, four, eight.
    let digits = values << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    let value = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    (value, count as usize)
}

fn closing(object: bool) -> u8 {
    if object { b'}' } else { b']' }
}

/// What follows the bytes that may stand in a string as they are.
#[inline]
fn skip_plain(mut bytes: &[u8]) -> &[u8] {
    while let Some((chunk, _)) = bytes.split_first_chunk::<16>() {
        let chunk = u8x16::new(*chunk);
        let control = chunk.max(u8x16::splat(0x1f)).simd_eq(u8x16::splat(0x1f));
        let special = chunk.simd_eq(u8x16::splat(b'"')) | chunk.simd_eq(u8x16::splat(b'\\')) | control;
        let found = special.to_bitmask();
        let (_, rest) = bytes.split_at((found.trailing_zeros() as usize).min(16));
        bytes = rest;
        if found != 0 {
            return bytes;
        }
    }
    while let [0x20..=0x21 | 0x23..=0x5b | 0x5d.., rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// What follows an escape, of which the backslash has been read.
fn skip_escape(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => Some(rest),
        [b'u', a, b, c, d, rest @ ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar_agrees_with_serde_json_on_every_short_mutation() {
        let seeds = [
            r#"{"a":[1,-2.5e+3,{"b":null}],"c":"x\n\u00e9","d":{},"e":[],"f":true,"g":false}"#,
            r#"[[],[{}],"",0,-0,0.1,1E5,"\"\\\/\b\f\n\r\t"]"#,
            "\"a long string that is more than sixteen bytes \u{e9}\u{1f600} with text after it\"",
        ];
        let replacements = b"\"\\{}[],:0-.eE+ntu \x01a";
        let mut compared = 0_u32;
        for seed in seeds {
            for at in 0..seed.len() {
                for &byte in replacements {
                    let mut bytes = seed.as_bytes().to_vec();
                    bytes[at] = byte;
                    for bytes in [&bytes[..], &bytes[..at]] {
                        let Ok(text) = std::str::from_utf8(bytes) else { continue };
                        let mut scanner = Scanner::new(bytes);
                        scanner.skip_blank();
                        let ours = scanner.skip_value().is_ok() && {
                            scanner.skip_blank();
                            scanner.rest().is_empty()
                        };
                        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
                        assert_eq!(ours, theirs, "{text}");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 5_000, "{compared}");
    }

    #[test]
    fn strings_end_at_their_quote_wherever_it_stands() {
        for length in 0..70 {
            let text = format!("\"{}\",1", "x".repeat(length));
            let mut scanner = Scanner::new(text.as_bytes());
            assert_eq!(scanner.string().expect("a string").bytes.len(), length);
            assert_eq!(scanner.rest(), b",1");
        }
    }

    #[test]
    fn digits_are_read_wherever_they_end() {
        for text in ["7", "12345678", "123456789", "1234567890123456789", "00000000", "98765432101234567"] {
            for follower in ["", ".", "/", ":", "a", "\u{e9}", "\u{ff}", ",\"12345678901234567\""] {
                for cut in 0..=text.len() {
                    let input = format!("{}{follower}", &text[..cut]);
                    let mut scanner = Scanner::new(input.as_bytes());
                    let mut mantissa = 0;
                    assert_eq!(scanner.digits(&mut mantissa), cut, "{input}");
                    assert_eq!(mantissa, text[..cut].parse().unwrap_or(0), "{input}");
                    assert_eq!(scanner.rest(), follower.as_bytes());
                }
            }
        }
    }

    #[test]
    fn nesting_ends_at_its_limit() {
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        let most = DEPTH_MAX as usize;
        assert!(Scanner::new(&nested(most)).skip_value().is_ok());
        assert!(matches!(Scanner::new(&nested(most + 1)).skip_value(), Err(Problem::Depth)));
        assert!(matches!(Scanner::new(&b"[".repeat(1 << 20)).skip_value(), Err(Problem::Depth)));
    }
}
