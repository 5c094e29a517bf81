//! `[operator.NAME]`.

use pelton_core::{
    job::{OperatorSpec, OutputRef},
    limits::Limits,
};
use serde_json::{Map, Number, Value as Json};

use super::{
    reader::Reader,
    tree::{Kind, Table, Value},
};
use crate::job::diagnostic::shown;

/// None: it lacks something that is needed; it has been reported.
pub fn read(name: &str, at: &Reader<'_>) -> Option<OperatorSpec> {
    let inputs = inputs(at);
    let module = at.text("module").map(str::to_owned);
    let options = at.free("options").map_or_else(Map::new, |table| object(at, &at.place("options"), table));
    let limits = at.table("limits").map_or_else(Limits::default, |at| limits(&at));
    Some(OperatorSpec {
        name: name.to_owned(),
        inputs: inputs?,
        module: module?,
        options: Json::Object(options),
        limits,
    })
}

/// `input` of an operator or a sink.
pub fn inputs(at: &Reader<'_>) -> Option<Vec<OutputRef>> {
    Some(at.texts("input")?.into_iter().map(OutputRef::parse).collect())
}

fn limits(at: &Reader<'_>) -> Limits {
    let default = Limits::default();
    let count = |key: &str| at.integer(key).and_then(|count| u64::try_from(count).ok());
    Limits {
        module_bytes: at.size("module-bytes").unwrap_or(default.module_bytes),
        memory_bytes: at.size("memory-bytes").unwrap_or(default.memory_bytes),
        call_time: at.duration("call-time").unwrap_or(default.call_time),
        output_bytes: at.size("output-bytes").unwrap_or(default.output_bytes),
        rows_out_per_row: count("rows-out-per-row")
            .and_then(|rows| u32::try_from(rows).ok())
            .unwrap_or(default.rows_out_per_row),
        log_bytes: at.size("log-bytes").unwrap_or(default.log_bytes),
        log_calls: count("log-calls").unwrap_or(default.log_calls),
        state_row_bytes: at.size("state-row-bytes").unwrap_or(default.state_row_bytes),
    }
}

/// TOML as JSON. Dates and times become strings; what JSON cannot say is reported.
fn object(at: &Reader<'_>, place: &str, table: &Table) -> Map<String, Json> {
    let entries = table.entries.iter().map(|entry| {
        let place = format!("{place}.{}", shown(&entry.key));
        (entry.key.clone(), json(at, &place, &entry.value))
    });
    entries.collect()
}

fn json(at: &Reader<'_>, place: &str, value: &Value) -> Json {
    match &value.kind {
        Kind::Boolean(value) => Json::Bool(*value),
        Kind::Integer(value) => Json::Number((*value).into()),
        Kind::Float(number) => Number::from_f64(*number).map_or_else(
            || {
                let message = format!("`{place}` cannot be {}", at.report.written(value));
                at.wrong(
                    value.span.clone(),
                    message,
                    "not a number in JSON",
                    "options reach a module as JSON, which has no nan and inf",
                );
                Json::Null
            },
            Json::Number,
        ),
        Kind::Text(text) | Kind::Datetime(text) => Json::String(text.clone()),
        Kind::Array(values) => values.iter().map(|value| json(at, place, value)).collect(),
        Kind::Table(table) => Json::Object(object(at, place, table)),
    }
}
