//! Columns of text and of bytes, read.
//!
//! A text column is checked to be UTF-8 as a whole, once, when it is viewed; each row is then a
//! slice of one `&str`. Offsets that do not fit give an error there, not later.

use std::fmt;

use crate::{
    input::InputField,
    loaded::{Conversion, Layout, Loaded},
};

/// A column of `utf8`: borrowed text.
#[derive(Clone, Copy)]
pub struct Strings<'a> {
    offsets: &'a [i32],
    text: &'a str,
}

/// A column of `binary`: borrowed bytes.
#[derive(Clone, Copy)]
pub struct Binaries<'a> {
    offsets: &'a [i32],
    bytes: &'a [u8],
}

/// The offsets of a column, `rows + 1` of them, and the bytes that they point into.
fn parts(column: &Loaded) -> Result<(&[i32], &[u8]), String> {
    const MALFORMED: &str = "its offsets decrease or leave its bytes";
    if column.rows == 0 {
        return Ok((&[0], &[]));
    }
    let offsets = column.values.elements::<i32>(column.rows + 1).ok_or(MALFORMED)?;
    // Branch-free, so that it runs at memory speed.
    let ascending =
        offsets.iter().zip(offsets.iter().skip(1)).fold(true, |sorted, (left, right)| sorted & (left <= right));
    let (first, last) = (offsets.first().copied().unwrap_or_default(), offsets.last().copied().unwrap_or_default());
    let bytes = usize::try_from(last).ok().and_then(|end| column.bytes.bytes().get(..end)).ok_or(MALFORMED)?;
    if ascending && first >= 0 { Ok((offsets, bytes)) } else { Err(MALFORMED.to_owned()) }
}

#[inline(always)]
fn bounds(offsets: &[i32], at: usize) -> Option<std::ops::Range<usize>> {
    Some(*offsets.get(at)? as usize..*offsets.get(at + 1)? as usize)
}

impl<'a> Strings<'a> {
    /// The text of row `at`; none beyond the end.
    #[inline(always)]
    pub fn get(self, at: usize) -> Option<&'a str> {
        self.text.get(bounds(self.offsets, at)?)
    }

    pub fn len(self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a str> {
        (0..self.len()).map(move |at| self.get(at).unwrap_or_default())
    }

    /// The text of all rows, one after another.
    pub fn text(self) -> &'a str {
        self.text
    }

    /// Where each row starts in [`Strings::text`]; the last is where the last row ends.
    pub fn offsets(self) -> &'a [i32] {
        self.offsets
    }
}

impl<'a> Binaries<'a> {
    /// The bytes of row `at`; none beyond the end.
    #[inline(always)]
    pub fn get(self, at: usize) -> Option<&'a [u8]> {
        self.bytes.get(bounds(self.offsets, at)?)
    }

    pub fn len(self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        (0..self.len()).map(move |at| self.get(at).unwrap_or_default())
    }

    /// The bytes of all rows, one after another.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Where each row starts in [`Binaries::bytes`]; the last is where the last row ends.
    pub fn offsets(self) -> &'a [i32] {
        self.offsets
    }
}

impl fmt::Debug for Strings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Binaries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> InputField<'a> for &'a str {
    type Column = Strings<'a>;
    const NULLABLE: bool = false;

    fn type_name() -> String {
        "utf8".to_owned()
    }

    fn accept(format: &str) -> Option<Conversion> {
        match format {
            "u" => Some(Conversion::Same(Layout::Variable)),
            "U" => Some(Conversion::Same(Layout::LargeVariable)),
            _ => None,
        }
    }

    fn view(column: &'a Loaded) -> Result<Self::Column, String> {
        let (offsets, bytes) = parts(column)?;
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let whole = offsets.iter().fold(true, |whole, offset| whole & text.is_char_boundary(*offset as usize));
        if whole { Ok(Strings { offsets, text }) } else { Err("a row starts inside a character".to_owned()) }
    }

    #[inline(always)]
    fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column {
        Strings { offsets: column.offsets.get(start..=start + rows).unwrap_or(&[0]), text: column.text }
    }

    #[inline(always)]
    fn value(column: Self::Column, at: usize) -> Self {
        column.get(at).unwrap_or_default()
    }
}

impl<'a> InputField<'a> for &'a [u8] {
    type Column = Binaries<'a>;
    const NULLABLE: bool = false;

    fn type_name() -> String {
        "binary".to_owned()
    }

    fn accept(format: &str) -> Option<Conversion> {
        match format {
            "z" => Some(Conversion::Same(Layout::Variable)),
            "Z" => Some(Conversion::Same(Layout::LargeVariable)),
            _ => None,
        }
    }

    fn view(column: &'a Loaded) -> Result<Self::Column, String> {
        let (offsets, bytes) = parts(column)?;
        Ok(Binaries { offsets, bytes })
    }

    #[inline(always)]
    fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column {
        Binaries { offsets: column.offsets.get(start..=start + rows).unwrap_or(&[0]), bytes: column.bytes }
    }

    #[inline(always)]
    fn value(column: Self::Column, at: usize) -> Self {
        column.get(at).unwrap_or_default()
    }
}

/// Owned text and bytes: one allocation a row, for those who prefer no lifetime to speed.
macro_rules! owned {
    ($($type:ty, $borrowed:ty;)*) => {$(
        impl<'a> InputField<'a> for $type {
            type Column = <&'a $borrowed as InputField<'a>>::Column;
            const NULLABLE: bool = false;

            fn type_name() -> String {
                <&$borrowed>::type_name()
            }

            fn accept(format: &str) -> Option<Conversion> {
                <&$borrowed>::accept(format)
            }

            fn view(column: &'a Loaded) -> Result<Self::Column, String> {
                <&$borrowed>::view(column)
            }

            fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column {
                <&$borrowed>::part(column, start, rows)
            }

            fn value(column: Self::Column, at: usize) -> Self {
                <&$borrowed>::value(column, at).to_owned()
            }
        }
    )*};
}

owned! {
    String, str;
    Vec<u8>, [u8];
}
