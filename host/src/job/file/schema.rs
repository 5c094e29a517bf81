//! The JSON schema of a job file (draft 2020-12), for editors: `pelton job schema`.
//!
//! Made from the same [`Keys`] that the reader goes by, so that an editor and `pelton lint` know the same keys.
//! What needs more than one key (a dialect for the wrong format, an unknown input) only `lint` can say.

use serde_json::{Map, Value, json};

use super::{
    keys::{Key, Keys, Named, Need, Shape},
    tables::JOB,
    tree::{self, Kind},
};

/// A string that holds a variable may become anything.
const VARIABLE: &str = r"\$\{env:";

/// The schema as a JSON document.
pub fn json_schema() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), "A Pelton job file".into());
    schema.append(&mut object(&JOB, None));
    Value::Object(schema)
}

/// `kind`: the value of its key `type`.
fn object(keys: &Keys, kind: Option<&str>) -> Map<String, Value> {
    let properties: Map<_, _> = keys
        .keys
        .iter()
        .map(|key| match kind {
            Some(kind) if key.name == "type" => {
                (key.name.to_owned(), json!({ "const": kind, "description": key.about }))
            }
            _ => (key.name.to_owned(), property(key)),
        })
        .collect();
    let required: Vec<_> = keys.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name).collect();
    let mut object = Map::new();
    object.insert("type".into(), "object".into());
    if !keys.about.is_empty() {
        object.insert("description".into(), keys.about.into());
    }
    object.insert("properties".into(), properties.into());
    object.insert("required".into(), required.into());
    object.insert("additionalProperties".into(), false.into());
    object
}

fn property(key: &Key) -> Value {
    let mut property = shape(&key.shape);
    property.insert("description".into(), key.about.into());
    if let Need::Default(default) = key.need {
        property.insert("default".into(), plain(&tree::Value::parse(default, 0)));
    }
    Value::Object(property)
}

fn shape(shape: &Shape) -> Map<String, Value> {
    let schema = match shape {
        Shape::Text | Shape::Instant => json!({ "type": "string" }),
        Shape::Texts { min } => json!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": min }]
        }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Integer { min, max } => {
            bounds("integer", (*min != i64::MIN).then_some(*min), (*max != i64::MAX).then_some(*max))
        }
        Shape::Number { min, max } if *min == f64::MIN_POSITIVE => {
            json!({ "type": "number", "exclusiveMinimum": 0, "maximum": max })
        }
        Shape::Number { min, max } => {
            bounds("number", (*min != f64::MIN).then_some(*min), (*max != f64::MAX).then_some(*max))
        }
        Shape::Duration { .. } => json!({
            "type": "string",
            "pattern": format!(r"^\s*(\d+(\.\d+)?\s*(ns|us|µs|ms|s|min|m|h|d)\s*)+$|{VARIABLE}")
        }),
        Shape::Size { min, max } => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": format!(r"^\s*\d+(\.\d+)?\s*([KMGT]i?)?B\s*$|^\s*\d+\s*$|{VARIABLE}") }
        ] }),
        Shape::Choice(choices) => json!({ "anyOf": [{ "enum": choices }, { "type": "string", "pattern": VARIABLE }] }),
        Shape::ChoiceOr(choices, keys) => {
            json!({ "anyOf": [{ "enum": choices }, { "type": "string", "pattern": VARIABLE }, object(keys, None)] })
        }
        Shape::Character { off } => {
            json!({ "type": "string", "pattern": format!(r"^[\u0001-\u007f]{}$|{VARIABLE}", if *off { "?" } else { "" }) })
        }
        Shape::Columns => json!({ "type": "object", "minProperties": 1, "additionalProperties": { "type": "string" } }),
        Shape::Rules => json!({
            "type": "object", "minProperties": 1, "additionalProperties": object(&super::tables::RULE, None)
        }),
        Shape::Free => json!({ "type": "object" }),
        Shape::Table(keys) => return object(keys, None),
        Shape::Named(named) => return tables_by_name(named),
    };
    if let Value::Object(schema) = schema { schema } else { Map::new() }
}

fn bounds(of: &str, min: Option<impl Into<Value>>, max: Option<impl Into<Value>>) -> Value {
    let mut schema = Map::new();
    schema.insert("type".into(), of.into());
    if let Some(min) = min {
        schema.insert("minimum".into(), min.into());
    }
    if let Some(max) = max {
        schema.insert("maximum".into(), max.into());
    }
    Value::Object(schema)
}

fn tables_by_name(named: &Named) -> Map<String, Value> {
    let variant =
        |(kind, keys): &(&str, &'static Keys)| Value::Object(object(keys, (!kind.is_empty()).then_some(*kind)));
    let tables = match named.variants {
        [only] => variant(only),
        several => json!({ "oneOf": several.iter().map(variant).collect::<Vec<_>>() }),
    };
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("propertyNames".into(), json!({ "pattern": "^[A-Za-z0-9_-]{1,100}$" }));
    schema.insert("additionalProperties".into(), tables);
    schema
}

fn plain(value: &tree::Value) -> Value {
    match &value.kind {
        Kind::Boolean(value) => (*value).into(),
        Kind::Integer(value) => (*value).into(),
        Kind::Float(value) => (*value).into(),
        Kind::Text(text) | Kind::Datetime(text) => text.as_str().into(),
        Kind::Array(values) => values.iter().map(plain).collect(),
        Kind::Table(table) => table.entries.iter().map(|entry| (entry.key.clone(), plain(&entry.value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_leads_to_every_key() {
        let schema = json_schema();
        let at = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {schema:#}")).clone();
        assert_eq!(at("/required"), json!(["name", "source", "sink"]));
        assert_eq!(at("/properties/batch/properties/rows/default"), json!(8192));
        assert_eq!(at("/properties/batch/additionalProperties"), json!(false));
        let file = "/properties/source/additionalProperties/oneOf/0";
        assert_eq!(at(&format!("{file}/properties/type/const")), json!("file"));
        assert_eq!(at(&format!("{file}/properties/csv/properties/quote/default")), json!("\""));
        assert_eq!(
            at("/properties/operator/additionalProperties/properties/limits/properties/call-time/default"),
            json!("1s")
        );
    }
}
