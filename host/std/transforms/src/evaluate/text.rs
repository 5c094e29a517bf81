//! Loops over text: tests of each row, and text made of text.

use crate::vector::{Bits, Lane, Made, Texts};

/// Whether `is` holds, for each row.
#[inline(always)]
pub fn test<'a>(texts: &Texts<'_>, rows: usize, is: impl Fn(&str) -> bool) -> Bits<'a> {
    match texts {
        Texts::Same(text) => Bits::of(is(text), rows),
        texts => Bits::from_flags(&(0..rows).map(|row| u8::from(is(texts.get(row)))).collect::<Vec<u8>>()),
    }
}

/// Whether `is` holds for the texts of two columns, for each row.
#[inline(always)]
pub fn test_both<'a>(left: &Texts<'_>, right: &Texts<'_>, rows: usize, is: impl Fn(&str, &str) -> bool) -> Bits<'a> {
    match right {
        Texts::Same(right) => test(left, rows, |left| is(left, right)),
        right => {
            Bits::from_flags(&(0..rows).map(|row| u8::from(is(left.get(row), right.get(row)))).collect::<Vec<u8>>())
        }
    }
}

/// A number for each row.
pub fn measure<'a>(texts: &Texts<'_>, rows: usize, of: impl Fn(&str) -> i64) -> Lane<'a, i64> {
    match texts {
        Texts::Same(text) => Lane::Same(of(text)),
        texts => (0..rows).map(|row| of(texts.get(row))).collect::<Vec<_>>().into(),
    }
}

/// Text for each row that is not null; `append` writes it.
pub fn make<'a>(
    valid: &Bits<'_>,
    rows: usize,
    mut append: impl FnMut(usize, &mut String),
) -> Result<Texts<'a>, String> {
    let mut made = Made::with_capacity(rows);
    for row in 0..rows {
        if valid.get(row) {
            append(row, made.part());
        }
        made.end_row();
    }
    made.finish()
}

/// `length` characters of `text` from `start`, of which 1 is the first. As in SQL, characters before the first count, but are not there.
pub fn substring(text: &str, start: i64, length: Option<i64>) -> &str {
    let end = length.map_or(i64::MAX, |length| start.saturating_add(length.max(0)));
    let skipped = usize::try_from(start.saturating_sub(1)).unwrap_or(0);
    let kept = usize::try_from(end.saturating_sub(start.max(1))).unwrap_or(0);
    if text.is_ascii() {
        let rest = text.get(skipped..).unwrap_or_default();
        return rest.get(..kept).unwrap_or(rest);
    }
    let from = text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at);
    let rest = text.get(from..).unwrap_or_default();
    let to = rest.char_indices().nth(kept).map_or(rest.len(), |(at, _)| at);
    rest.get(..to).unwrap_or_default()
}

/// Part `n` of `text` between separators, from 1, or from -1 at the end. An empty separator separates nothing.
pub fn split_part<'t>(text: &'t str, separator: &str, n: i64) -> Option<&'t str> {
    let at = usize::try_from(n.unsigned_abs()).ok()?.checked_sub(1)?;
    if separator.is_empty() {
        return (at == 0).then_some(text);
    }
    if n > 0 { text.split(separator).nth(at) } else { text.rsplit(separator).nth(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substrings_count_characters_from_one() {
        assert_eq!((substring("abcde", 2, Some(3)), substring("abcde", 4, None)), ("bcd", "de"));
        assert_eq!((substring("été", 2, Some(1)), substring("été", 1, Some(99))), ("t", "été"));
        assert_eq!((substring("abc", -1, Some(3)), substring("abc", 0, Some(1))), ("a", ""));
        assert_eq!((substring("abc", 9, None), substring("abc", 1, Some(-5))), ("", ""));
        assert_eq!(substring("abc", i64::MIN, Some(i64::MAX)), "");
        assert_eq!(substring("été", i64::MAX, Some(i64::MAX)), "");
    }

    #[test]
    fn parts_are_counted_from_either_end() {
        assert_eq!((split_part("/a/b", "/", 1), split_part("/a/b", "/", -1)), (Some(""), Some("b")));
        assert_eq!((split_part("a", "/", 2), split_part("a", "/", 0), split_part("a", "", 1)), (None, None, Some("a")));
        assert_eq!(split_part("a", "/", i64::MIN), None);
    }
}
