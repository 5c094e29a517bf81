//! Values as JSON (RFC 8259).
//!
//! | type | JSON |
//! |---|---|
//! | ints, floats, decimals | numbers with all their digits; NaN and the infinities are `null` |
//! | dates, timestamps | strings, ISO 8601 |
//! | utf8 | strings; only `"`, `\` and U+0000 to U+001F are escaped |
//! | binary | strings, two hexadecimal digits a byte |
//! | lists, structs | arrays, objects; a null field is written as `null`, so that every object has every key |

use arrow::{
    array::{Array, AsArray},
    buffer::NullBuffer,
    datatypes::{DataType, Field},
};

use super::{
    digits::push_short,
    plain::{Plain, TimeFormats},
    strings::{Binaries, Strings, holds},
};

/// A column, bound to a batch.
#[derive(Debug)]
pub struct JsonColumn<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

#[derive(Debug)]
enum Values<'a> {
    Null,
    Number(Plain<'a>),
    Time(Plain<'a>),
    Text { strings: Strings<'a>, clean: bool },
    Binary(Binaries<'a>),
    List { offsets: Offsets<'a>, items: Box<JsonColumn<'a>> },
    Struct(JsonObject<'a>),
}

#[derive(Debug)]
enum Offsets<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
}

impl Offsets<'_> {
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let pair = match self {
            Self::Small(offsets) => offsets.get(row).zip(offsets.get(row + 1)).map(|(a, b)| (*a as usize, *b as usize)),
            Self::Large(offsets) => offsets.get(row).zip(offsets.get(row + 1)).map(|(a, b)| (*a as usize, *b as usize)),
        };
        pair.map(|(start, end)| start..end).unwrap_or_default()
    }
}

impl<'a> JsonColumn<'a> {
    /// None: JSON has no form for this type.
    pub fn bind(array: &'a dyn Array, formats: &'a TimeFormats) -> Option<Self> {
        let values = match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let strings = Strings::bind(array)?;
                let clean = strings.bytes().is_some_and(|bytes| !holds(bytes, is_special));
                Values::Text { strings, clean }
            }
            DataType::List(_) => {
                let list = array.as_list_opt::<i32>()?;
                let items = Box::new(Self::bind(list.values(), formats)?);
                Values::List { offsets: Offsets::Small(list.value_offsets()), items }
            }
            DataType::LargeList(_) => {
                let list = array.as_list_opt::<i64>()?;
                let items = Box::new(Self::bind(list.values(), formats)?);
                Values::List { offsets: Offsets::Large(list.value_offsets()), items }
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct_opt()?.columns();
                let keyed = fields.iter().map(AsRef::as_ref).zip(columns.iter().map(AsRef::as_ref));
                Values::Struct(JsonObject::bind(keyed, formats)?)
            }
            _ => match (Plain::bind(array, formats), Binaries::bind(array)) {
                (Some(plain), _) if plain.is_time() => Values::Time(plain),
                (Some(plain), _) => Values::Number(plain),
                (None, Some(binaries)) => Values::Binary(binaries),
                (None, None) => return None,
            },
        };
        Some(Self { nulls: array.nulls(), values })
    }

    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
            return;
        }
        match &self.values {
            Values::Null => {}
            Values::Number(plain) if plain.is_not_finite(row) => out.extend_from_slice(b"null"),
            Values::Number(plain) => plain.write(row, out),
            Values::Time(plain) if plain.has_form() => {
                let mut text = Vec::new();
                plain.write(row, &mut text);
                write_string(&text, out);
            }
            Values::Time(plain) => {
                out.push(b'"');
                plain.write(row, out);
                out.push(b'"');
            }
            Values::Text { strings, clean: true } => {
                out.push(b'"');
                push_short(strings.value(row).as_bytes(), out);
                out.push(b'"');
            }
            Values::Text { strings, clean: false } => write_string(strings.value(row).as_bytes(), out),
            Values::Binary(binaries) => {
                out.push(b'"');
                binaries.write_hex(row, out);
                out.push(b'"');
            }
            Values::List { offsets, items } => {
                out.push(b'[');
                let range = offsets.range(row);
                for item in range.clone() {
                    if item != range.start {
                        out.push(b',');
                    }
                    items.write(item, out);
                }
                out.push(b']');
            }
            Values::Struct(object) => object.write(row, out),
        }
    }
}

/// Columns under their names: a struct, or a row.
#[derive(Debug)]
pub struct JsonObject<'a> {
    /// Each with what precedes its value: `{"name":` for the first, `,"name":` for the others.
    members: Vec<(Vec<u8>, JsonColumn<'a>)>,
}

impl<'a> JsonObject<'a> {
    /// None: JSON has no form for the type of one of the columns.
    pub fn bind(columns: impl Iterator<Item = (&'a Field, &'a dyn Array)>, formats: &'a TimeFormats) -> Option<Self> {
        let members = columns.enumerate().map(|(index, (field, array))| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            write_string(field.name().as_bytes(), &mut key);
            key.push(b':');
            Some((key, JsonColumn::bind(array, formats)?))
        });
        Some(Self { members: members.collect::<Option<_>>()? })
    }

    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.members.is_empty() {
            out.push(b'{');
        }
        for (key, column) in &self.members {
            push_short(key, out);
            column.write(row, out);
        }
        out.push(b'}');
    }
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Writes UTF-8 as a JSON string, with its quotes.
pub fn write_string(mut text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if holds(text, is_special) {
        while let Some(at) = text.iter().position(|byte| is_special(*byte)) {
            let (run, rest) = text.split_at(at);
            out.extend_from_slice(run);
            let Some((special, rest)) = rest.split_first() else { break };
            write_escape(*special, out);
            text = rest;
        }
    }
    out.extend_from_slice(text);
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_reads_back_from_its_string() {
        let text: String = (0..0x300).chain([0x2028, 0x1f980]).filter_map(char::from_u32).collect();
        let mut out = Vec::new();
        write_string(text.as_bytes(), &mut out);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        let mut controls = Vec::new();
        write_string(b"a\"\\\n\x1b\x7f", &mut controls);
        assert_eq!(controls, b"\"a\\\"\\\\\\n\\u001b\x7f\"");
    }
}
