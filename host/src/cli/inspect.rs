//! `pelton inspect`: what a module is, and its contract for given columns.

use std::path::PathBuf;

use arrow::datatypes::{Schema, SchemaRef};
use clap::Args;
use pelton_core::{
    contract::{
        AggregateSignature, CogroupSignature, Input, KeyedSignature, Mode, Port, PortColumn, SideTable, Signature,
        StateTable,
    },
    limits::Limits,
    types::{self, TypeError},
};
use pelton_wasm::{
    AggregateInstance, CallError, CogroupInstance, EnrichInstance, KeyedInstance, Kind, Module, TransformInstance,
};
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
    /// Columns of the right input of a cogroup, if they are not those of the left.
    #[arg(long, value_name = "NAME: TYPE, …", value_parser = parse_columns, requires = "columns")]
    right: Option<Columns>,
    /// Key columns, for a keyed operator or a cogroup.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "columns")]
    key: Vec<String>,
    /// A side table that it may look up in; once for each.
    #[arg(long = "table", value_name = "TABLE=NAME: TYPE, …", value_parser = parse_table, requires = "columns")]
    tables: Vec<SideTable>,
    /// Its options, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = parse_options)]
    options: String,
}

/// Columns as they are written in an argument.
#[derive(Debug, Clone)]
pub(super) struct Columns(pub(super) SchemaRef);

pub(super) fn parse_columns(text: &str) -> Result<Columns, String> {
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

pub(super) fn parse_table(text: &str) -> Result<SideTable, String> {
    let (name, columns) = text.split_once('=').ok_or("it has the form `rates=currency: utf8, rate: f64`")?;
    let Columns(schema) = parse_columns(columns)?;
    Ok(SideTable { name: name.trim().to_owned(), schema })
}

pub(super) fn parse_options(text: &str) -> Result<String, String> {
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
    let opened = match args.columns.as_ref().map(|columns| open(&module, columns, args)).transpose() {
        Ok(opened) => opened,
        Err(error) => {
            context.error(&error);
            return Exit::Refused;
        }
    };
    let contract = opened.as_ref();
    if context.is_json() {
        context.terminal.line(&to_json(&module, contract).to_string());
    } else {
        context.terminal.line(&to_text(&module, contract));
    }
    Exit::Done
}

/// The contract of a module, whatever its kind, with the inputs that it was shown.
struct Opened {
    /// The left and the right of a cogroup; other kinds have the first alone.
    inputs: [Input; 2],
    signature: AnySignature,
    /// The side tables that it asks for.
    tables: Vec<String>,
}

enum AnySignature {
    Transform(Signature),
    Keyed(KeyedSignature),
    Aggregate(AggregateSignature),
    Cogroup(CogroupSignature),
    Enrich(Signature),
}

impl Opened {
    /// The names of the columns that it reads of each input.
    fn reads(&self) -> Vec<Vec<&str>> {
        let reads = match &self.signature {
            AnySignature::Transform(signature) | AnySignature::Enrich(signature) => {
                std::slice::from_ref(&signature.reads)
            }
            AnySignature::Keyed(signature) => std::slice::from_ref(&signature.reads),
            AnySignature::Aggregate(signature) => std::slice::from_ref(&signature.reads),
            AnySignature::Cogroup(signature) => signature.reads.as_slice(),
        };
        let names = self.inputs.iter().zip(reads).map(|(input, reads)| {
            let fields = reads.iter().filter_map(|read| input.schema.fields().get(*read));
            fields.map(|field| field.name().as_str()).collect()
        });
        names.collect()
    }

    fn ports(&self) -> &[Port] {
        match &self.signature {
            AnySignature::Transform(signature) | AnySignature::Enrich(signature) => &signature.ports,
            AnySignature::Keyed(signature) => &signature.ports,
            AnySignature::Aggregate(signature) => &signature.ports,
            AnySignature::Cogroup(signature) => &signature.ports,
        }
    }
}

fn open(module: &Module, columns: &Columns, args: &InspectArgs) -> Result<Opened, CallError> {
    let (limits, tables, options) = (Limits::default(), args.tables.as_slice(), args.options.as_str());
    let input = |name: &str, columns: &Columns| Input {
        name: name.into(),
        schema: columns.0.clone(),
        key: args.key.clone(),
        event_time: None,
        mode: Mode::Append,
    };
    let inputs = [input("input", columns), input("right", args.right.as_ref().unwrap_or(columns))];
    let [only, _] = &inputs;
    let signature = match module.kind() {
        Kind::Transform => {
            let contract = TransformInstance::new(module, &limits)?.open(only, tables, options)?;
            AnySignature::Transform(contract.check(only, tables)?)
        }
        Kind::Keyed => {
            let contract = KeyedInstance::new(module, &limits)?.open(only, tables, options)?;
            AnySignature::Keyed(contract.check_keyed(only, tables)?)
        }
        Kind::Aggregate => {
            let contract = AggregateInstance::new(module, &limits)?.open(only, tables, options)?;
            AnySignature::Aggregate(contract.check_aggregate(only, tables)?)
        }
        Kind::Cogroup => {
            let contract = CogroupInstance::new(module, &limits)?.open(&inputs, tables, options)?;
            AnySignature::Cogroup(contract.check_cogroup(&inputs, tables)?)
        }
        Kind::Enrich => {
            let contract = EnrichInstance::new(module, &limits)?.open(only, tables, options)?;
            AnySignature::Enrich(contract.check(only, tables)?)
        }
    };
    let asked = match &signature {
        AnySignature::Transform(signature) | AnySignature::Enrich(signature) => &signature.tables,
        AnySignature::Keyed(signature) => &signature.tables,
        AnySignature::Aggregate(signature) => &signature.tables,
        AnySignature::Cogroup(signature) => &signature.tables,
    };
    let asked = asked.iter().filter_map(|at| tables.get(*at)).map(|table| table.name.clone()).collect();
    Ok(Opened { inputs, signature, tables: asked })
}

fn to_json(module: &Module, contract: Option<&Opened>) -> Value {
    json!({
        "kind": module.kind().name(),
        "digest": module.digest.to_string(),
        "packaging": module.packaging.to_string(),
        "bytes": module.bytes,
        "imports": module.imports,
        "exports": module.exports,
        "contract": contract.map(contract_to_json),
    })
}

fn contract_to_json(opened: &Opened) -> Value {
    let ports = opened.ports().iter().map(|port| {
        let columns = port.schema.fields().iter().zip(&port.columns).map(|(field, column)| {
            let computed = matches!(column, PortColumn::Computed(_));
            json!({ "name": field.name(), "type": types::column(field), "computed": computed })
        });
        json!({ "name": port.name, "event_time": port.event_time, "columns": columns.collect::<Vec<_>>() })
    });
    let mut contract = Map::new();
    for (name, reads) in ["reads", "reads_right"].into_iter().zip(opened.reads()) {
        contract.insert(name.into(), reads.into());
    }
    contract.insert("tables".into(), opened.tables.clone().into());
    contract.insert("ports".into(), ports.collect());
    match &opened.signature {
        AnySignature::Transform(_) | AnySignature::Enrich(_) => {}
        AnySignature::Keyed(signature) => {
            contract.insert("state".into(), signature.state.iter().map(state_to_json).collect());
            contract.insert("state_version".into(), signature.state_version.into());
        }
        AnySignature::Aggregate(signature) => {
            contract.insert("accumulator".into(), fields_to_json(&signature.accumulator));
            contract.insert("ordered".into(), signature.ordered.into());
            contract.insert("retracts".into(), signature.retracts.into());
        }
        AnySignature::Cogroup(signature) => {
            contract.insert("key".into(), fields_to_json(&signature.keys));
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

fn to_text(module: &Module, contract: Option<&Opened>) -> String {
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
        Some(opened) => contract_to_text(opened, &mut lines),
    }
    lines.join("\n")
}

fn contract_to_text(opened: &Opened, lines: &mut Vec<String>) {
    for (of, reads) in ["", "right "].into_iter().zip(opened.reads()) {
        lines.push(format!("reads      {of}{}", reads.join(", ")));
    }
    if !opened.tables.is_empty() {
        lines.push(format!("tables     {}", opened.tables.join(", ")));
    }
    match &opened.signature {
        AnySignature::Transform(_) | AnySignature::Enrich(_) => {}
        AnySignature::Keyed(signature) => {
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
        AnySignature::Cogroup(signature) => {
            lines.push("key".to_owned());
            let key = signature.keys.fields().iter();
            lines.extend(key.map(|field| format!("  {}: {}", field.name(), types::column(field))));
        }
        AnySignature::Aggregate(signature) => {
            let merge = if signature.ordered { "rows of a group are folded in order" } else { "merged in any order" };
            let retracts = if signature.retracts { "; takes rows back" } else { "" };
            lines.push(format!("accumulator  ({merge}{retracts})"));
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
