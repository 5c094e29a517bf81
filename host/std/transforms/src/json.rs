//! `std:parse-json`: a column of JSON objects as columns of types that a schema names.
//!
//! serde_json checks that each text is JSON, bounds its depth, and finds the values of the wanted keys; they are then read by type.
//! Numbers are read from their digits, so integers and decimals are exact, as in files of JSON lines.

use std::fmt;

use pelton_guest::{
    dynamic::{
        BatchContext, ContractField, Emitted, Field, Input, Node, Number, Output, Rejection, Shape, Table,
        emitted_rows, options_from_map,
    },
    prelude::*,
};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    Chosen, Step,
    evaluate::Reader,
    input::{self, Column},
    options::{OnError, take_on_error, take_table},
    types::Type,
    value::number,
    vector::{Builder, Scalar, Source, Values, node},
};

#[derive(Options)]
struct Options {
    column: String,
    #[default(false)]
    keep: bool,
}

struct ParseJson {
    source: Source,
    wanted: Vec<Wanted>,
    on_error: OnError,
}

/// A key of the objects, and the column that it becomes.
struct Wanted {
    name: String,
    ty: Type,
    is_nullable: bool,
    reader: Reader,
}

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let mut options = options.clone();
    let schema = take_table(&mut options, "schema", "types")?;
    let on_error = take_on_error(&mut options)?;
    let Options { column, keep } = options_from_map(&options)?;
    let columns = input::columns(input)?;
    let column = input::find(&columns, &column)?;
    let source = Source::new(column);
    if source.ty != Type::Text {
        return Err(format!("column `{}` is {}, but std:parse-json reads utf8", source.name, source.ty.name()));
    }
    let wanted = schema.into_iter().map(|(name, ty)| Wanted::new(name, &ty)).collect::<Result<Vec<_>, _>>()?;
    let makes = makes(&columns, column, &wanted, keep, on_error);
    let shape = Shape { reads: vec![source.name.clone()], makes, event_time: event_time(input, &wanted) };
    Ok((shape, Box::new(ParseJson { source, wanted, on_error })))
}

/// A column that takes the place of the event time keeps its role.
fn event_time(input: &Input, wanted: &[Wanted]) -> Option<String> {
    let is_time =
        |wanted: &&Wanted| input.event_time.as_ref() == Some(&wanted.name) && matches!(wanted.ty, Type::Timestamp(..));
    wanted.iter().find(is_time).map(|wanted| wanted.name.clone())
}

/// The input's columns without those whose name is made anew, and then the made ones.
fn makes(
    columns: &[Column<'_>],
    json: &Column<'_>,
    wanted: &[Wanted],
    keep: bool,
    on_error: OnError,
) -> Vec<ContractField> {
    let passes = |column: &&Column<'_>| {
        let name = &column.field.name;
        (keep || *name != json.field.name) && !wanted.iter().any(|wanted| wanted.name == *name)
    };
    let made = wanted.iter().map(|wanted| {
        let nullable = wanted.is_nullable || on_error == OnError::Null;
        ContractField::Computed(Field { name: wanted.name.clone(), format: wanted.ty.format(), nullable, children: 0 })
    });
    columns.iter().filter(passes).map(|column| input::pass(column, &column.field.name)).chain(made).collect()
}

impl Wanted {
    fn new(name: String, text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (ty, is_nullable) = match text.strip_suffix('?') {
            Some(ty) => (ty, true),
            None => (text, false),
        };
        let ty = Type::parse(ty).map_err(|why| format!("in `schema.{name}`: {why}"))?;
        Ok(Self { name, reader: Reader::new(ty.clone()), ty, is_nullable })
    }

    /// The value in JSON `raw`, which is one value without blanks around it.
    fn read(&self, raw: &str) -> Result<Scalar, String> {
        let unfit = || format!("`{}` is {}, which is no {}", self.name, shown(raw), self.ty.name());
        let scalar = match (raw.as_bytes().first(), &self.ty) {
            (Some(b'n'), _) if self.is_nullable => Some(Scalar::Null),
            (Some(b'n'), _) => return Err(format!("`{}` is null", self.name)),
            (Some(b't' | b'f'), Type::Bool) => Some(Scalar::Bool(raw == "true")),
            (Some(b'"'), ty) => {
                let text: String = serde_json::from_str(raw).map_err(|_| unfit())?;
                match ty {
                    Type::Text => Some(Scalar::Text(text.into())),
                    Type::Date | Type::Timestamp(..) => self.reader.read(&text),
                    Type::Decimal(_) => self.decimal(&text),
                    _ => None,
                }
            }
            (Some(b'-' | b'0'..=b'9'), ty) => self.number(raw, ty),
            _ => None,
        };
        scalar.ok_or_else(unfit)
    }

    /// A JSON number in type `ty`: 1.0 is an integer, 1.5 is none; dates and times are counts of their unit.
    fn number(&self, raw: &str, ty: &Type) -> Option<Scalar> {
        match ty {
            Type::Number(Number::F32 | Number::F64) => self.reader.read(raw).filter(|scalar| match scalar {
                Scalar::Real(value) => value.is_finite(),
                _ => false,
            }),
            Type::Decimal(_) => self.decimal(raw),
            Type::Number(Number::U64) => exact(raw, 0).filter(|value| u64::try_from(*value).is_ok()).map(Scalar::Wide),
            _ => {
                let (least, most) = ty.bounds()?;
                let value = exact(raw, 0).filter(|value| (least..=most).contains(value))?;
                i64::try_from(value).ok().map(Scalar::Whole)
            }
        }
    }

    /// A decimal that loses no digit.
    fn decimal(&self, text: &str) -> Option<Scalar> {
        let Type::Decimal(digits) = &self.ty else { return None };
        let value = exact(text, digits.scale)?;
        (value.unsigned_abs() < digits.end()).then_some(Scalar::Wide(value))
    }
}

/// The number × 10^scale, if that is whole.
fn exact(raw: &str, scale: u8) -> Option<i128> {
    let number = number::parse(raw)?;
    let value = number.at_scale(scale)?;
    let back = number::Exact { mantissa: value, exponent: -i32::from(scale) };
    // Rounding would have lost digits.
    let finest = u8::try_from(-number.exponent).unwrap_or(0).max(scale).min(38);
    (back.at_scale(finest) == number.at_scale(finest)).then_some(value)
}

/// JSON in a reason; long values are cut.
fn shown(raw: &str) -> String {
    const SHOWN_MAX: usize = 40;
    match raw.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}…", raw.get(..at).unwrap_or_default()),
        None => raw.to_owned(),
    }
}

/// Reads the wanted values of one object. An error of a value is kept; that the text is JSON is still checked.
struct Object<'w> {
    wanted: &'w [Wanted],
    row: &'w mut [Option<Scalar>],
    unfit: &'w mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key_seed(Key(self.wanted))? {
            let Some((wanted, slot)) = key.and_then(|key| Some((self.wanted.get(key)?, self.row.get_mut(key)?))) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            // As in most readers, the last of several equal keys counts.
            match wanted.read(map.next_value::<&RawValue>()?.get()) {
                Ok(scalar) => *slot = Some(scalar),
                Err(why) => {
                    self.unfit.get_or_insert(why);
                }
            }
        }
        Ok(())
    }
}

/// A key's place among the wanted ones.
struct Key<'w>(&'w [Wanted]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|wanted| wanted.name == key))
    }
}

impl ParseJson {
    /// The values of one text, in the order of the schema.
    fn read(&self, text: &str, row: &mut [Option<Scalar>]) -> Result<(), String> {
        row.fill(None);
        let mut unfit = None;
        let mut json = serde_json::Deserializer::from_str(text);
        let object = Object { wanted: &self.wanted, row, unfit: &mut unfit };
        object.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| self.broken(&error, text))?;
        if let Some(why) = unfit {
            return Err(why);
        }
        for (wanted, value) in self.wanted.iter().zip(row) {
            if value.is_none() && !wanted.is_nullable {
                return Err(format!("`{}` is missing", wanted.name));
            }
        }
        Ok(())
    }

    fn broken(&self, error: &serde_json::Error, text: &str) -> String {
        if error.is_data() {
            return format!("`{}` is no JSON object but {}", self.source.name, shown(text.trim()));
        }
        format!("`{}` is no JSON: {error}", self.source.name)
    }
}

impl Step for ParseJson {
    fn process(&self, _: &BatchContext, rows: Table) -> Result<Output, String> {
        let count = rows.rows as usize;
        let held = self.source.load(&mut rows.nodes.into_iter(), count)?;
        let vector = held.vector().map_err(|why| format!("column `{}`: {why}", self.source.name))?;
        let Values::Text(texts) = &vector.values else { return Err("the column to read is no text".to_owned()) };
        let mut builders: Vec<Builder> =
            self.wanted.iter().map(|wanted| Builder::new(wanted.ty.kind(), count)).collect();
        let mut row: Vec<Option<Scalar>> = vec![None; self.wanted.len()];
        let (mut kept, mut rejected) = (Vec::with_capacity(count), Vec::new());
        for at in 0..rows.rows {
            let read = if vector.valid.get(at as usize) {
                self.read(texts.get(at as usize), &mut row)
            } else {
                Err(format!("`{}` is null", self.source.name))
            };
            match read {
                Ok(()) => {}
                Err(_) if self.on_error == OnError::Null => row.fill(None),
                Err(reason) => {
                    rejected.push(Rejection { row: at, reason });
                    continue;
                }
            }
            kept.push(at);
            for (builder, value) in builders.iter_mut().zip(&row) {
                builder.push(value.as_ref().unwrap_or(&Scalar::Null));
            }
        }
        let made = self
            .wanted
            .iter()
            .zip(builders)
            .map(|(wanted, builder)| node(&builder.finish()?, &wanted.ty, kept.len(), None));
        let nodes = made.collect::<Result<Vec<Node>, String>>()?;
        let emitted = if rejected.is_empty() && count > 0 {
            vec![Emitted { port: 0, origin: None, computed: Table { rows: rows.rows, nodes } }]
        } else {
            emitted_rows(&kept, nodes)
        };
        Ok(Output { emitted, rejected })
    }
}
