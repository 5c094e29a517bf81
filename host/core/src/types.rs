//! Column types: Arrow's, the names that people write for them, and the format strings that cross
//! the boundary.
//!
//! | written | Arrow |
//! |---|---|
//! | `bool` | Boolean |
//! | `s8 s16 s32 s64`, `u8 u16 u32 u64` | Int, UInt |
//! | `f32 f64` | Float |
//! | `utf8`, `binary` | Utf8, Binary |
//! | `date` | Date32 |
//! | `timestamp[s\|ms\|us\|ns]`, `timestamp[us, Europe/Paris]` | Timestamp |
//! | `decimal(18, 4)` | Decimal128 |
//! | `list<T>`, `struct<a: T, b: T>` | List, Struct |
//!
//! A `?` after a type makes the column nullable.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit, ffi::FFI_ArrowSchema};

/// A type name that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    #[error("`{0}` is not a type")]
    Unknown(String),
    #[error("a decimal's precision is 1 to 38 and its scale 0 to the precision, not `{0}`")]
    Decimal(String),
    #[error("type `{0}` cannot cross to a module")]
    Unsupported(String),
    #[error("`{0}` is not an Arrow format string")]
    Format(String),
}

/// The names of all scalar types, for help texts and suggestions.
pub const SCALAR_NAMES: [&str; 19] = [
    "bool",
    "s8",
    "s16",
    "s32",
    "s64",
    "u8",
    "u16",
    "u32",
    "u64",
    "f32",
    "f64",
    "utf8",
    "binary",
    "date",
    "timestamp[s]",
    "timestamp[ms]",
    "timestamp[us]",
    "timestamp[ns]",
    "decimal(18, 4)",
];

/// Reads a column's type as written in a job file.
pub fn parse_column(name: &str, text: &str) -> Result<Field, TypeError> {
    let (data_type, nullable) = parse_nullable(text)?;
    Ok(Field::new(name, data_type, nullable))
}

fn parse_nullable(text: &str) -> Result<(DataType, bool), TypeError> {
    let text = text.trim();
    match text.strip_suffix('?') {
        Some(inner) => Ok((parse(inner)?, true)),
        None => Ok((parse(text)?, false)),
    }
}

/// Reads a type name without nullability.
pub fn parse(text: &str) -> Result<DataType, TypeError> {
    let text = text.trim();
    let unknown = || TypeError::Unknown(text.to_owned());
    Ok(match text {
        "bool" => DataType::Boolean,
        "s8" => DataType::Int8,
        "s16" => DataType::Int16,
        "s32" => DataType::Int32,
        "s64" => DataType::Int64,
        "u8" => DataType::UInt8,
        "u16" => DataType::UInt16,
        "u32" => DataType::UInt32,
        "u64" => DataType::UInt64,
        "f32" => DataType::Float32,
        "f64" => DataType::Float64,
        "utf8" => DataType::Utf8,
        "binary" => DataType::Binary,
        "date" => DataType::Date32,
        _ => {
            if let Some(inner) = enclosed(text, "timestamp[", ']') {
                let (unit, zone) = match inner.split_once(',') {
                    // Arrow has no name for such a column: a module would make it without a zone.
                    Some((_, zone)) if zone.trim().is_empty() => return Err(unknown()),
                    Some((unit, zone)) => (unit.trim(), Some(Arc::from(zone.trim()))),
                    None => (inner.trim(), None),
                };
                let unit = match unit {
                    "s" => TimeUnit::Second,
                    "ms" => TimeUnit::Millisecond,
                    "us" => TimeUnit::Microsecond,
                    "ns" => TimeUnit::Nanosecond,
                    _ => return Err(unknown()),
                };
                DataType::Timestamp(unit, zone)
            } else if let Some(inner) = enclosed(text, "decimal(", ')') {
                let bad = || TypeError::Decimal(text.to_owned());
                let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
                let precision: u8 = precision.trim().parse().map_err(|_| bad())?;
                let scale: i8 = scale.trim().parse().map_err(|_| bad())?;
                if !(1..=38).contains(&precision) || scale < 0 || scale as u8 > precision {
                    return Err(bad());
                }
                DataType::Decimal128(precision, scale)
            } else if let Some(inner) = enclosed(text, "list<", '>') {
                let (item, nullable) = parse_nullable(inner)?;
                DataType::List(Arc::new(Field::new("item", item, nullable)))
            } else if let Some(inner) = enclosed(text, "struct<", '>') {
                let fields = split_top(inner)
                    .into_iter()
                    .map(|part| {
                        let (name, rest) = part.split_once(':').ok_or_else(unknown)?;
                        parse_column(name.trim(), rest)
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                DataType::Struct(Fields::from(fields))
            } else {
                return Err(unknown());
            }
        }
    })
}

fn enclosed<'a>(text: &'a str, open: &str, close: char) -> Option<&'a str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// Splits at the commas that no bracket encloses.
fn split_top(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c| {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

/// The name that [`parse`] reads; Arrow's own for types that have none.
pub fn name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".into(),
        DataType::Int8 => "s8".into(),
        DataType::Int16 => "s16".into(),
        DataType::Int32 => "s32".into(),
        DataType::Int64 => "s64".into(),
        DataType::UInt8 => "u8".into(),
        DataType::UInt16 => "u16".into(),
        DataType::UInt32 => "u32".into(),
        DataType::UInt64 => "u64".into(),
        DataType::Float32 => "f32".into(),
        DataType::Float64 => "f64".into(),
        DataType::Utf8 | DataType::LargeUtf8 => "utf8".into(),
        DataType::Binary | DataType::LargeBinary => "binary".into(),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second => "s",
                TimeUnit::Millisecond => "ms",
                TimeUnit::Microsecond => "us",
                TimeUnit::Nanosecond => "ns",
            };
            match zone {
                Some(zone) => format!("timestamp[{unit}, {zone}]"),
                None => format!("timestamp[{unit}]"),
            }
        }
        DataType::Decimal128(precision, scale) => format!("decimal({precision}, {scale})"),
        DataType::List(item) => format!("list<{}>", column(item)),
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(|f| format!("{}: {}", f.name(), column(f))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// A type's name as a sentence has it: `an s64`, `a date`, `utf8`.
pub fn with_article(name: &str) -> String {
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        _ if matches!(name, "utf8" | "binary") => name.to_owned(),
        (Some('f'), _) => format!("an {name}"),
        (Some('s'), Some(next)) if next.is_ascii_digit() => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

/// A column's type as [`parse_column`] reads it, with its `?`.
pub fn column(field: &Field) -> String {
    let mark = if field.is_nullable() { "?" } else { "" };
    format!("{}{mark}", name(field.data_type()))
}

/// One field of the contract's flat, pre-order lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatField {
    pub name: String,
    pub format: String,
    pub nullable: bool,
    pub children: u32,
}

/// A column as it crosses the boundary: itself, then its children in pre-order.
pub fn flatten(field: &Field, out: &mut Vec<FlatField>) -> Result<(), TypeError> {
    let children: Vec<&FieldRef> = match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) => vec![item],
        DataType::Struct(fields) => fields.iter().collect(),
        _ => Vec::new(),
    };
    out.push(FlatField {
        name: field.name().clone(),
        format: format_string(field.data_type())?,
        nullable: field.is_nullable(),
        children: u32::try_from(children.len()).map_err(|_| TypeError::Unsupported(name(field.data_type())))?,
    });
    children.into_iter().try_for_each(|child| flatten(child, out))
}

/// The Arrow C Data Interface format string of a type (its top level only).
pub fn format_string(data_type: &DataType) -> Result<String, TypeError> {
    let unsupported = || TypeError::Unsupported(name(data_type));
    if !crosses(data_type) {
        return Err(unsupported());
    }
    Ok(FFI_ArrowSchema::try_from(data_type).map_err(|_| unsupported())?.format().to_owned())
}

/// Whether a module may read or make columns of this type.
pub fn crosses(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) => crosses(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|f| crosses(f.data_type())),
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::Date32
        | DataType::Timestamp(..) => true,
        // Arrow reads any precision from a format string; one that it cannot hold would fail much later.
        DataType::Decimal128(precision, scale) => {
            (1..=38).contains(precision) && u8::try_from(*scale).is_ok_and(|scale| scale <= *precision)
        }
        _ => false,
    }
}

/// Depth of nesting that a module may declare.
const DEPTH_MAX: u32 = 16;

/// Reads one field, and the children that follow it, from a flat list; `fields` is left after them.
pub fn unflatten(fields: &mut dyn Iterator<Item = &FlatField>) -> Result<Option<Field>, TypeError> {
    unflatten_at(fields, 0)
}

fn unflatten_at(fields: &mut dyn Iterator<Item = &FlatField>, depth: u32) -> Result<Option<Field>, TypeError> {
    let Some(flat) = fields.next() else { return Ok(None) };
    let bad = || TypeError::Format(flat.format.clone());
    if depth > DEPTH_MAX {
        return Err(bad());
    }
    let mut children = Vec::new();
    for _ in 0..flat.children {
        children.push(Arc::new(unflatten_at(fields, depth + 1)?.ok_or_else(bad)?));
    }
    let data_type = match (flat.format.as_str(), children.as_slice()) {
        ("+s", _) => DataType::Struct(Fields::from(children)),
        ("+l", [item]) => DataType::List(Arc::clone(item)),
        ("+L", [item]) => DataType::LargeList(Arc::clone(item)),
        (format, []) if !format.starts_with('+') && !format.contains('\0') => {
            let schema = FFI_ArrowSchema::try_new(format, Vec::new(), None).map_err(|_| bad())?;
            DataType::try_from(&schema).map_err(|_| bad())?
        }
        _ => return Err(bad()),
    };
    if !crosses(&data_type) {
        return Err(TypeError::Unsupported(name(&data_type)));
    }
    Ok(Some(Field::new(&flat.name, data_type, flat.nullable)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_name_reads_back_as_itself() {
        let names = SCALAR_NAMES.into_iter().chain([
            "timestamp[us, Europe/Paris]",
            "decimal(38, 0)",
            "list<s64?>",
            "struct<a: s64, b: list<utf8?>?, c: struct<d: decimal(9, 2)?>>",
        ]);
        for text in names {
            assert_eq!(name(&parse(text).expect(text)), text);
        }
        assert_eq!(column(&parse_column("x", " f64? ").expect("f64?")), "f64?");
    }

    #[test]
    fn wrong_type_names_are_refused() {
        for text in [
            "",
            "int",
            "timestamp",
            "timestamp[h]",
            "timestamp[us, ]",
            "decimal(39, 0)",
            "decimal(4, 5)",
            "list<>",
            "struct<a>",
            "s64??",
        ] {
            assert!(parse_column("x", text).is_err(), "{text}");
        }
    }

    #[test]
    fn flat_fields_read_back_as_the_field_they_came_from() {
        let field = parse_column("x", "struct<a: s64, b: list<utf8?>?, c: timestamp[ns, UTC]>?").expect("a type");
        let mut flat = Vec::new();
        flatten(&field, &mut flat).expect("crosses");
        assert_eq!(flat.iter().map(|f| f.format.as_str()).collect::<Vec<_>>(), ["+s", "l", "+l", "u", "tsn:UTC"]);
        assert_eq!(unflatten(&mut flat.iter()), Ok(Some(field)));
    }

    #[test]
    fn hostile_format_strings_are_refused() {
        for format in ["", "+", "+w:3", "l\0", "d:99,1", "d:5,-3", "w:99999999999", "vu", "tsx:", "🦀"] {
            let flat = [FlatField { name: "x".into(), format: format.into(), nullable: false, children: 0 }];
            assert!(unflatten(&mut flat.iter()).is_err(), "{format:?}");
        }
        let deep: Vec<_> = (0..100)
            .map(|_| FlatField { name: "x".into(), format: "+l".into(), nullable: false, children: 1 })
            .collect();
        assert!(unflatten(&mut deep.iter()).is_err());
    }
}
