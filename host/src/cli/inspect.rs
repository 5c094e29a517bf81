//! `pelton inspect`: what a module is, and its contract for given columns.

use std::path::PathBuf;

use arrow::datatypes::{Field, Schema, SchemaRef};
use clap::Args;
use pelton_core::{
    contract::{AggregateSignature, Input, KeyedSignature, Port, PortColumn, Signature, StateTable},
    limits::Limits,
    types::{self, TypeError},
};
use pelton_wasm::{AggregateInstance, CallError, KeyedInstance, Kind, Module, TransformInstance};
use serde_json::{Map, Value, json};

use super::{Context, Exit, plan::runtime};
use crate::{
    error::Code,
    job::diagnostic::{Diagnostic, Diagnostics, Sources, shown},
    nearest::nearest,
};

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A module: `.wasm` or `.wat`.
    #[arg(value_name = "MODULE")]
    module: PathBuf,
    /// Columns of its input, as in a job file's schema: also show the contract for them.
    #[arg(long, value_name = "NAME: TYPE, …", value_parser = parse_columns)]
    columns: Option<Columns>,
    /// Its options, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = parse_options)]
    options: String,
}

#[derive(Debug, Clone)]
struct Columns(SchemaRef);

fn parse_columns(text: &str) -> Result<Columns, String> {
    let parsed = types::parse(&format!("struct<{text}>")).map_err(|error| match error {
        TypeError::Unknown(name) => match nearest(&name, types::SCALAR_NAMES) {
            Some(near) => format!("`{}` is not a type; did you mean `{near}`?", shown(&name)),
            None => format!("`{}` is not a type; types are {}", shown(&name), types::SCALAR_NAMES.join(", ")),
        },
        other => other.to_string(),
    })?;
    match parsed {
        arrow::datatypes::DataType::Struct(fields) => Ok(Columns(Schema::new(fields).into())),
        _ => Err("it has the form `auction: s64, price: f64?`".into()),
    }
}

fn parse_options(text: &str) -> Result<String, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => Ok(text.to_owned()),
        Ok(_) => Err("options are a JSON object".into()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn inspect(context: &Context, args: &InspectArgs) -> Exit {
    let bytes = match std::fs::read(&args.module) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("failed to read the module {}: {error}", args.module.display());
            let mistake =
                Diagnostic::new(Code::ModuleUnreadable, message).help("give the path of a .wasm or .wat file");
            return context.mistakes(&Diagnostics::new(Sources::new("", ""), vec![mistake]));
        }
    };
    let runtime = match runtime(context) {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let module = match Module::load(&runtime, &bytes, &Limits::default()) {
        Ok(module) => module,
        Err(error) => {
            context.error(&error);
            return Exit::Refused;
        }
    };
    let opened = match args.columns.as_ref().map(|columns| open(&module, columns, &args.options)).transpose() {
        Ok(opened) => opened,
        Err(error) => {
            context.error(&error);
            return Exit::Refused;
        }
    };
    let contract = args.columns.as_ref().zip(opened.as_ref());
    if context.is_json() {
        context.terminal.line(&to_json(&module, contract).to_string());
    } else {
        context.terminal.line(&to_text(&module, contract));
    }
    Exit::Done
}

/// The contract of a module, whatever its kind.
enum Opened {
    Transform(Signature),
    Keyed(KeyedSignature),
    Aggregate(AggregateSignature),
}

impl Opened {
    fn reads(&self) -> &[usize] {
        match self {
            Self::Transform(signature) => &signature.reads,
            Self::Keyed(signature) => &signature.reads,
            Self::Aggregate(signature) => &signature.reads,
        }
    }

    fn ports(&self) -> &[Port] {
        match self {
            Self::Transform(signature) => &signature.ports,
            Self::Keyed(signature) => &signature.ports,
            Self::Aggregate(signature) => &signature.ports,
        }
    }
}

fn open(module: &Module, columns: &Columns, options: &str) -> Result<Opened, CallError> {
    let limits = Limits::default();
    let input = Input { name: "input".into(), schema: columns.0.clone(), key: Vec::new(), event_time: None };
    Ok(match module.kind() {
        Kind::Transform => {
            let contract = TransformInstance::new(module, &limits)?.open(&input, options)?;
            Opened::Transform(contract.check(&input)?)
        }
        Kind::Keyed => {
            let contract = KeyedInstance::new(module, &limits)?.open(&input, options)?;
            Opened::Keyed(contract.check_keyed(&input)?)
        }
        Kind::Aggregate => {
            let contract = AggregateInstance::new(module, &limits)?.open(&input, options)?;
            Opened::Aggregate(contract.check_aggregate(&input)?)
        }
    })
}

fn to_json(module: &Module, contract: Option<(&Columns, &Opened)>) -> Value {
    json!({
        "kind": module.kind().name(),
        "digest": module.digest.to_string(),
        "packaging": module.packaging.to_string(),
        "bytes": module.bytes,
        "imports": module.imports,
        "exports": module.exports,
        "contract": contract.map(|(columns, opened)| contract_to_json(columns, opened)),
    })
}

fn contract_to_json(columns: &Columns, opened: &Opened) -> Value {
    let ports = opened.ports().iter().map(|port| {
        let columns = port.schema.fields().iter().zip(&port.columns).map(|(field, column)| {
            let computed = matches!(column, PortColumn::Computed(_));
            json!({ "name": field.name(), "type": types::column(field), "computed": computed })
        });
        json!({ "name": port.name, "event_time": port.event_time, "columns": columns.collect::<Vec<_>>() })
    });
    let mut contract = Map::new();
    contract.insert("reads".into(), reads(columns, opened).into());
    contract.insert("ports".into(), ports.collect());
    match opened {
        Opened::Transform(_) => {}
        Opened::Keyed(signature) => {
            contract.insert("state".into(), signature.state.iter().map(state_to_json).collect());
            contract.insert("state_version".into(), signature.state_version.into());
        }
        Opened::Aggregate(signature) => {
            contract.insert("accumulator".into(), fields_to_json(&signature.accumulator));
            contract.insert("ordered".into(), signature.ordered.into());
        }
    }
    Value::Object(contract)
}

fn state_to_json(table: &StateTable) -> Value {
    json!({ "name": table.name, "subkey": fields_to_json(&table.subkey), "values": fields_to_json(&table.values) })
}

fn fields_to_json(schema: &Schema) -> Value {
    schema.fields().iter().map(|field| json!({ "name": field.name(), "type": types::column(field) })).collect()
}

fn reads<'a>(columns: &'a Columns, opened: &Opened) -> Vec<&'a str> {
    opened
        .reads()
        .iter()
        .filter_map(|read| columns.0.fields().get(*read))
        .map(|field: &'a std::sync::Arc<Field>| field.name().as_str())
        .collect()
}

fn to_text(module: &Module, contract: Option<(&Columns, &Opened)>) -> String {
    let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let mut lines = vec![
        format!("kind       {}", module.kind().name()),
        format!("digest     {}", module.digest),
        format!("packaging  {}, {} bytes", module.packaging, module.bytes),
        format!("imports    {}", list(&module.imports)),
        format!("exports    {}", list(&module.exports)),
    ];
    match contract {
        None => lines.push(
            "contract   depends on the input: give `--columns 'name: type, …'` and `--options` to see it".to_owned(),
        ),
        Some((columns, opened)) => contract_to_text(columns, opened, &mut lines),
    }
    lines.join("\n")
}

fn contract_to_text(columns: &Columns, opened: &Opened, lines: &mut Vec<String>) {
    lines.push(format!("reads      {}", reads(columns, opened).join(", ")));
    match opened {
        Opened::Transform(_) => {}
        Opened::Keyed(signature) => {
            for table in signature.state.iter() {
                let subkey: Vec<_> = table.subkey.fields().iter().map(|field| field.name().as_str()).collect();
                let rows = if subkey.is_empty() {
                    "one row for each key".to_owned()
                } else {
                    format!("by {}", subkey.join(", "))
                };
                lines.push(format!("state {}  ({rows})", table.name));
                lines.extend(
                    table.row.fields().iter().map(|field| format!("  {}: {}", field.name(), types::column(field))),
                );
            }
        }
        Opened::Aggregate(signature) => {
            let merge = if signature.ordered { "rows of a group are folded in order" } else { "merged in any order" };
            lines.push(format!("accumulator  ({merge})"));
            let accumulator = signature.accumulator.fields().iter();
            lines.extend(accumulator.map(|field| format!("  {}: {}", field.name(), types::column(field))));
        }
    }
    for port in opened.ports() {
        lines.push(format!("port {}", port.name));
        for (field, column) in port.schema.fields().iter().zip(&port.columns) {
            let from = if matches!(column, PortColumn::Computed(_)) { "computed" } else { "passed" };
            lines.push(format!("  {}: {}  ({from})", field.name(), types::column(field)));
        }
    }
}
