//! Opens the parts of a job along its graph and types every edge.

use std::{collections::HashMap, path::Path, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use pelton_core::{
    contract::{Input, Signature},
    graph,
    job::{
        EventTimeSpec, FILE_COLUMN, JobSpec, OFFSET_COLUMN, OperatorSpec, OutputRef, REJECTED_PORT, SinkSpec,
        SourceKind, SourceSpec,
    },
    types,
};
use pelton_wasm::{CallError, LoadError, Module, TransformInstance};

use super::{
    OutputPlan, Plan, PlannedOperator, SinkPlan, SourcePlan, Surroundings,
    mistakes::{Mistakes, source_place},
    prune::{self, Draft, SinkDraft},
    union::{Part, union},
};
use crate::{
    error::Code,
    job::{
        diagnostic::{Diagnostic, shown},
        file::JobFile,
    },
    operator::OperatorPlan,
    sink::{self, SinkError},
    source::{self, Source, SourceError},
};

/// The column of a rejected row that says why.
pub const REASON_COLUMN: &str = "_reason";
/// The first bytes of a row that could not be decoded.
pub const RAW_COLUMN: &str = "_raw";

pub(super) fn build(file: &JobFile, surroundings: &Surroundings) -> Result<Plan, Vec<Diagnostic>> {
    let mut builder =
        Builder { file, surroundings, outputs: Vec::new(), by_name: HashMap::new(), mistakes: Mistakes::new(file) };
    let sources: Vec<_> = file.spec.sources.iter().map(|spec| builder.source(spec)).collect();
    let operators: Vec<_> = graph::order(&file.spec)
        .into_iter()
        .filter_map(|index| file.spec.operators.get(index))
        .map(|spec| builder.operator(spec))
        .collect();
    let sinks: Vec<_> = file.spec.sinks.iter().map(|spec| builder.sink(spec)).collect();
    let mistakes = builder.mistakes.into_list();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let whole = "every part that is missing has been reported";
    let sources = sources.into_iter().collect::<Option<Vec<_>>>().expect(whole);
    let operators = operators.into_iter().collect::<Option<Vec<_>>>().expect(whole);
    let sinks = sinks.into_iter().collect::<Option<Vec<_>>>().expect(whole);
    Ok(assemble(&file.spec, builder.outputs, sources, operators, sinks))
}

struct OpenSource {
    spec: SourceSpec,
    source: Box<dyn Source>,
    rows: usize,
    rejected: usize,
    event_time: Option<usize>,
}

struct OpenOperator {
    spec: OperatorSpec,
    module: Arc<Module>,
    input: Input,
    draft: Draft,
}

struct OpenSink {
    spec: SinkSpec,
    sink: Box<dyn sink::Sink>,
    draft: SinkDraft,
}

struct Builder<'a> {
    file: &'a JobFile,
    surroundings: &'a Surroundings,
    outputs: Vec<OutputPlan>,
    by_name: HashMap<OutputRef, usize>,
    mistakes: Mistakes<'a>,
}

impl Builder<'_> {
    fn output(&mut self, node: &str, port: Option<&str>, schema: SchemaRef, event_time: Option<String>) -> usize {
        let name = OutputRef { node: node.to_owned(), port: port.map(str::to_owned) };
        let index = self.outputs.len();
        self.outputs.push(OutputPlan {
            name: name.to_string(),
            schema,
            event_time,
            kept: Vec::new(),
            readers: Vec::new(),
        });
        self.by_name.insert(name, index);
        index
    }

    fn source(&mut self, spec: &SourceSpec) -> Option<OpenSource> {
        let place = format!("source.{}", spec.name);
        let source = match open_source(spec, &self.file.spec, &self.file.dir) {
            Ok(source) => source,
            Err(error) => {
                let (key, label) = source_place(spec, &error);
                self.mistakes.coded(&format!("{place}{key}"), &format!("source `{}`:", spec.name), &error, label);
                return None;
            }
        };
        let mut fields: Vec<_> = source.schema().fields().iter().cloned().collect();
        let metadata = source.metadata();
        for (index, name) in spec.metadata.iter().enumerate() {
            match metadata.fields().iter().find(|field| field.name() == name) {
                Some(field) => fields.push(Arc::clone(field)),
                None => {
                    let message = format!("source `{}` has no metadata column `{}`", spec.name, shown(name));
                    self.mistakes.no_column(&format!("{place}.metadata.{index}"), message, name, &metadata);
                }
            }
        }
        let schema = SchemaRef::new(Schema::new(fields));
        let event_time = match &spec.event_time {
            Some(event_time) => Some(self.event_time(&place, &spec.name, event_time, &schema)?),
            None => None,
        };
        let rejected = SchemaRef::new(Schema::new(vec![
            Field::new(FILE_COLUMN, DataType::Utf8, false),
            Field::new(OFFSET_COLUMN, DataType::UInt64, false),
            Field::new(REASON_COLUMN, DataType::Utf8, false),
            Field::new(RAW_COLUMN, DataType::Utf8, false),
        ]));
        let name = spec.event_time.as_ref().map(|event_time| event_time.column.clone());
        let rows = self.output(&spec.name, None, schema, name);
        let rejected = self.output(&spec.name, Some(REJECTED_PORT), rejected, None);
        Some(OpenSource { spec: spec.clone(), source, rows, rejected, event_time })
    }

    fn event_time(&mut self, place: &str, name: &str, spec: &EventTimeSpec, schema: &Schema) -> Option<usize> {
        let place = format!("{place}.event-time.column");
        match schema.index_of(&spec.column) {
            Ok(index) if matches!(schema.field(index).data_type(), DataType::Timestamp(..)) => Some(index),
            Ok(index) => {
                let found = types::with_article(&types::column(schema.field(index)));
                let message =
                    format!("source `{name}` takes its event time from `{}`, which is {found}", shown(&spec.column));
                let help = "event time is a timestamp column: declare it as `timestamp[ms]` or another unit".into();
                self.mistakes.push(&place, Code::ColumnMismatch, message, "not a timestamp", Some(help));
                None
            }
            Err(_) => {
                let message = format!(
                    "source `{name}` takes its event time from `{}`, which it does not have",
                    shown(&spec.column)
                );
                self.mistakes.no_column(&place, message, &spec.column, schema);
                None
            }
        }
    }

    /// The outputs that feed a node, aligned. None: something was reported.
    fn inputs(&mut self, place: &str, inputs: &[OutputRef]) -> Option<(Vec<usize>, SchemaRef)> {
        let mut found = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            match self.by_name.get(input) {
                Some(output) => found.push(*output),
                None => {
                    let ports = self.by_name.keys().filter(|name| name.node == input.node);
                    let ports: Vec<_> = ports.filter_map(|name| name.port.as_deref()).collect();
                    self.mistakes.no_port(&format!("{place}.input.{index}"), input, ports);
                    return None;
                }
            }
        }
        let parts: Vec<_> = found
            .iter()
            .filter_map(|index| self.outputs.get(*index))
            .map(|output| Part { name: &output.name, schema: &output.schema })
            .collect();
        match union(&parts) {
            Ok(schema) => Some((found, schema)),
            Err(reason) => {
                let node = place.split_once('.').map_or_else(String::new, |(kind, name)| format!("{kind} `{name}`"));
                let message = format!("the inputs of {node} do not fit together: {reason}");
                let help = "inputs of one node need the same columns; their order may differ".into();
                self.mistakes.push(
                    &format!("{place}.input"),
                    Code::ColumnMismatch,
                    message,
                    "not of the same columns",
                    Some(help),
                );
                None
            }
        }
    }

    fn operator(&mut self, spec: &OperatorSpec) -> Option<OpenOperator> {
        let place = format!("operator.{}", spec.name);
        let inputs = self.inputs(&place, &spec.inputs);
        let module = self.module(&place, spec);
        let (inputs, schema) = inputs?;
        let module = module?;
        let event_time =
            inputs.first().and_then(|index| self.outputs.get(*index)).and_then(|output| output.event_time.clone());
        let names: Vec<_> = spec.inputs.iter().map(ToString::to_string).collect();
        let input = Input { name: names.join(" + "), schema: Arc::clone(&schema), key: Vec::new(), event_time };
        let signature = match open_module(&module, spec, &input) {
            Ok(signature) => signature,
            Err(error @ CallError::Refused(_)) => {
                self.mistakes.refused(spec, &error);
                return None;
            }
            Err(error) => {
                let what = format!("operator `{}`: the module", spec.name);
                self.mistakes.coded(&format!("{place}.module"), &what, &error, "this module");
                return None;
            }
        };
        let ports = signature
            .ports
            .iter()
            .enumerate()
            .map(|(index, port)| {
                let output =
                    self.output(&spec.name, Some(&port.name), Arc::clone(&port.schema), port.event_time.clone());
                if index == 0 {
                    self.by_name.insert(OutputRef { node: spec.name.clone(), port: None }, output);
                    if let Some(plan) = self.outputs.get_mut(output) {
                        plan.name.clone_from(&spec.name);
                    }
                }
                output
            })
            .collect();
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        fields.retain(|field| field.name() != REASON_COLUMN);
        fields.push(Field::new(REASON_COLUMN, DataType::Utf8, false).into());
        let rejected = self.output(&spec.name, Some(REJECTED_PORT), Schema::new(fields).into(), None);
        Some(OpenOperator {
            spec: spec.clone(),
            module,
            input,
            draft: Draft { inputs, schema, signature, ports, rejected },
        })
    }

    fn module(&mut self, place: &str, spec: &OperatorSpec) -> Option<Arc<Module>> {
        let path = self.file.dir.join(&spec.module);
        let place = format!("{place}.module");
        let bytes = match read_module(&path, spec.limits.module_bytes) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message =
                    format!("operator `{}`: failed to read the module {}: {error}", spec.name, path.display());
                let help = "paths are relative to the job file; build the module first".into();
                self.mistakes.push(&place, Code::ModuleUnreadable, message, "this module", Some(help));
                return None;
            }
        };
        Module::load(&self.surroundings.runtime, &bytes, &spec.limits)
            .map(Arc::new)
            .map_err(|error: LoadError| {
                self.mistakes.coded(
                    &place,
                    &format!("operator `{}`: {} cannot be used:", spec.name, spec.module),
                    &error,
                    "this module",
                );
            })
            .ok()
    }

    fn sink(&mut self, spec: &SinkSpec) -> Option<OpenSink> {
        let place = format!("sink.{}", spec.name);
        let (inputs, schema) = self.inputs(&place, &spec.inputs)?;
        let schema = match &spec.columns {
            None => schema,
            Some(columns) => self.select(&place, &spec.name, columns, &schema)?,
        };
        match sink::open(spec, Arc::clone(&schema), &self.file.dir, &self.surroundings.print) {
            Ok(sink) => Some(OpenSink { spec: spec.clone(), sink, draft: SinkDraft { inputs, schema } }),
            Err(error) => {
                let (key, label) = match error {
                    SinkError::Unsupported { .. } | SinkError::Columns { .. } => (".format", "this format"),
                    _ => ("", "this sink"),
                };
                self.mistakes.coded(&format!("{place}{key}"), &format!("sink `{}`:", spec.name), &error, label);
                None
            }
        }
    }

    fn select(&mut self, place: &str, name: &str, columns: &[String], schema: &Schema) -> Option<SchemaRef> {
        let mut fields = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            match schema.fields().iter().find(|field| field.name() == column) {
                Some(field) => fields.push(Arc::clone(field)),
                None => {
                    let message =
                        format!("sink `{name}` wants a column `{}`, which its input does not have", shown(column));
                    self.mistakes.no_column(&format!("{place}.columns.{index}"), message, column, schema);
                }
            }
        }
        (fields.len() == columns.len()).then(|| Schema::new(fields).into())
    }
}

/// Reads at most one byte more than is allowed, so that a huge file costs nothing and is still refused for its size.
fn read_module(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn open_source(spec: &SourceSpec, job: &JobSpec, dir: &Path) -> Result<Box<dyn Source>, SourceError> {
    match &spec.kind {
        SourceKind::File(kind) => source::file::FileSource::open(kind, spec.on_bad_row, dir, &job.batch),
        SourceKind::Stdin(kind) => source::stdin::StdinSource::open(kind, spec.on_bad_row, &job.batch),
        SourceKind::Generator(kind) => Ok(Box::new(source::generator::GeneratorSource::open(kind, &job.batch)?)),
    }
}

fn open_module(module: &Module, spec: &OperatorSpec, input: &Input) -> Result<Signature, CallError> {
    let mut instance = TransformInstance::new(module, &spec.limits)?;
    let contract = instance.open(input, &spec.options.to_string())?;
    Ok(contract.check(input)?)
}

fn assemble(
    job: &JobSpec,
    mut outputs: Vec<OutputPlan>,
    sources: Vec<OpenSource>,
    operators: Vec<OpenOperator>,
    sinks: Vec<OpenSink>,
) -> Plan {
    let (operators, drafts): (Vec<_>, Vec<_>) =
        operators.into_iter().map(|open| ((open.spec, open.module, open.input), open.draft)).unzip();
    let (sinks, sink_drafts): (Vec<_>, Vec<_>) =
        sinks.into_iter().map(|open| ((open.spec, open.sink), open.draft)).unzip();
    let event_times: Vec<_> = sources.iter().filter_map(|source| Some((source.rows, source.event_time?))).collect();
    let pruned = prune::prune(&mut outputs, &drafts, &sink_drafts, &event_times);
    let operators = operators.into_iter().zip(drafts).zip(pruned).map(|(((spec, module, input), draft), pruned)| {
        let operator = OperatorPlan {
            seed: seed(&job.name, &spec.name),
            name: spec.name,
            module_name: spec.module,
            module,
            limits: spec.limits,
            options: spec.options.to_string(),
            input,
            signature: draft.signature,
            reads_at: pruned.reads_at,
            ports: pruned.ports,
            rejected: pruned.rejected,
            rows_max: job.batch.rows,
        };
        PlannedOperator {
            operator: Arc::new(operator),
            inputs: draft.inputs,
            ports: draft.ports,
            rejected: draft.rejected,
        }
    });
    let sinks = sinks.into_iter().zip(sink_drafts).map(|((spec, sink), draft)| SinkPlan {
        name: spec.name,
        kind: spec.kind,
        inputs: draft.inputs,
        schema: draft.schema,
        sink,
    });
    let sources = sources.into_iter().map(|open| planned_source(open, &outputs)).collect();
    Plan {
        name: job.name.clone(),
        batch: job.batch.clone(),
        threads: job.threads,
        sources,
        operators: operators.collect(),
        sinks: sinks.collect(),
        outputs,
    }
}

fn planned_source(open: OpenSource, outputs: &[OutputPlan]) -> SourcePlan {
    let output = outputs.get(open.rows);
    let kept = output.map(|output| output.kept.as_slice()).unwrap_or_default();
    let columns =
        output.iter().flat_map(|output| kept.iter().map(|column| output.schema.field(*column).name().clone()));
    let bound = open.spec.event_time.as_ref().map_or(0, |event_time| event_time.watermark.as_micros());
    let bound = i64::try_from(bound).unwrap_or(i64::MAX);
    SourcePlan {
        columns: columns.collect(),
        event_time: open.event_time.and_then(|column| Some((kept.iter().position(|kept| *kept == column)?, bound))),
        name: open.spec.name,
        kind: open.spec.kind,
        source: open.source,
        rows: open.rows,
        rejected: open.rejected,
    }
}

/// The seed of an operator's random numbers: the same for every run of the same job.
fn seed(job: &str, operator: &str) -> u64 {
    let hash = blake3::hash(format!("{job}\0{operator}").as_bytes());
    hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A timestamp in µs, whatever its unit.
pub fn to_micros(unit: TimeUnit, value: i64) -> i64 {
    match unit {
        TimeUnit::Second => value.saturating_mul(1_000_000),
        TimeUnit::Millisecond => value.saturating_mul(1_000),
        TimeUnit::Microsecond => value,
        TimeUnit::Nanosecond => value.div_euclid(1_000),
    }
}
