//! Opens the parts of a job along its graph and types every edge.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use pelton_core::{
    contract::{Input, SideTable, Signature},
    graph,
    job::{
        EventTimeSpec, FILE_COLUMN, JobSpec, ModuleSpec, OFFSET_COLUMN, OperatorSpec, OutputRef, REJECTED_PORT,
        SHADOW_SUFFIX, SinkSpec, SourceKind, SourceSpec, TableSpec,
    },
    limits::Limits,
    types,
};
use pelton_wasm::{CallError, Kind, LoadError, Module, TransformInstance};

use super::{
    CheckpointPlan, Logic, OutputPlan, Plan, PlannedOperator, PlannedSide, SinkPlan, SourcePlan, Surroundings,
    TablePlan, TapPlan,
    aggregate::{AggregateDraft, Upstream},
    join::{JoinDraft, LookupDraft},
    keyed::KeyedDraft,
    mistakes::{Mistakes, file_place, source_place},
    modules::Unfound,
    prune::{self, Draft, DraftPort, DraftSide, Pruned, SinkDraft},
    union::{Part, union},
};
use crate::{
    error::Code,
    job::{
        diagnostic::{Diagnostic, shown},
        file::JobFile,
    },
    operator::{OperatorPlan, tables::Offered},
    sink::{self, SinkError},
    source::{self, Source, SourceError, file::FileSource, table::Table},
    standard,
};

/// The column of a rejected row that says why.
pub const REASON_COLUMN: &str = "_reason";
/// The first bytes of a row that could not be decoded.
pub const RAW_COLUMN: &str = "_raw";

pub(super) fn build(file: &JobFile, surroundings: &Surroundings) -> Result<Plan, Vec<Diagnostic>> {
    let mut builder = Builder {
        file,
        surroundings,
        outputs: Vec::new(),
        by_name: HashMap::new(),
        tables: Vec::new(),
        offered: Offered::default(),
        mistakes: Mistakes::new(file),
    };
    builder.tables = file.spec.tables.iter().map(|spec| builder.table(spec)).collect();
    let offered = builder.tables.iter().flatten();
    let offered =
        offered.map(|planned| SideTable { name: planned.name.clone(), schema: Arc::clone(planned.table.schema()) });
    builder.offered = Arc::new(offered.collect());
    let sources: Vec<_> = file.spec.sources.iter().map(|spec| builder.source(spec)).collect();
    let operators: Vec<_> = graph::order(&file.spec)
        .into_iter()
        .filter_map(|index| file.spec.operators.get(index))
        .flat_map(|spec| {
            let own = builder.operator(spec);
            let shadow = spec.shadow().map(|shadow| builder.operator(&shadow));
            [Some(own), shadow]
        })
        .flatten()
        .collect();
    let sinks: Vec<_> = file.spec.sinks.iter().map(|spec| builder.sink(spec)).collect();
    builder.check_tables(&operators);
    let tables = std::mem::take(&mut builder.tables);
    let mistakes = builder.mistakes.into_list();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let whole = "every part that is missing has been reported";
    let sources = sources.into_iter().collect::<Option<Vec<_>>>().expect(whole);
    let operators = operators.into_iter().collect::<Option<Vec<_>>>().expect(whole);
    let sinks = sinks.into_iter().collect::<Option<Vec<_>>>().expect(whole);
    let tables = tables.into_iter().collect::<Option<Vec<_>>>().expect(whole);
    Ok(assemble(file, builder.outputs, sources, (tables, builder.offered), operators, sinks))
}

struct OpenSource {
    spec: SourceSpec,
    source: Box<dyn Source>,
    rows: usize,
    rejected: usize,
    event_time: Option<usize>,
}

pub(super) struct OpenOperator {
    pub(super) spec: OperatorSpec,
    pub(super) opened: Opened,
    pub(super) draft: Draft,
    pub(super) sources: Vec<usize>,
    pub(super) held_back: i64,
    pub(super) stage: usize,
}

/// What an operator's modules answered.
pub(super) enum Opened {
    Transform { module: Arc<Module>, options: String, input: Input, signature: Signature },
    Aggregate(AggregateDraft),
    Keyed(KeyedDraft),
    Join(JoinDraft),
    Lookup(LookupDraft),
}

impl Opened {
    /// The tables that it reads, by their places in the job file.
    fn tables(&self) -> Vec<usize> {
        match self {
            Self::Transform { signature, .. } => signature.tables.clone(),
            Self::Aggregate(draft) => draft.tables(),
            Self::Keyed(draft) => draft.tables(),
            Self::Join(draft) => draft.tables(),
            Self::Lookup(draft) => vec![draft.table()],
        }
    }
}

struct OpenSink {
    spec: SinkSpec,
    sink: Box<dyn sink::Sink>,
    draft: SinkDraft,
}

pub(super) struct Builder<'a> {
    pub(super) file: &'a JobFile,
    surroundings: &'a Surroundings,
    outputs: Vec<OutputPlan>,
    by_name: HashMap<OutputRef, usize>,
    /// In the order of the file; none: it cannot be opened, which was reported.
    pub(super) tables: Vec<Option<TablePlan>>,
    /// The same, as modules may ask for them.
    pub(super) offered: Offered,
    pub(super) mistakes: Mistakes<'a>,
}

impl Builder<'_> {
    pub(super) fn output(
        &mut self,
        node: &str,
        port: Option<&str>,
        schema: SchemaRef,
        event_time: Option<String>,
    ) -> usize {
        let name = OutputRef { node: node.to_owned(), port: port.map(str::to_owned) };
        let index = self.outputs.len();
        self.outputs.push(OutputPlan {
            name: name.to_string(),
            schema,
            event_time,
            is_window_end: false,
            is_updating: false,
            sources: Vec::new(),
            held_back: 0,
            stage: 0,
            kept: Vec::new(),
            readers: Vec::new(),
        });
        self.by_name.insert(name, index);
        index
    }

    fn source(&mut self, spec: &SourceSpec) -> Option<OpenSource> {
        let place = format!("source.{}", spec.name);
        let source = match open_source(spec, self.file) {
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
        let index = self.file.spec.sources.iter().position(|source| source.name == spec.name);
        self.trace(&[rows, rejected], &index.into_iter().collect::<Vec<_>>(), 0, 0);
        Some(OpenSource { spec: spec.clone(), source, rows, rejected, event_time })
    }

    fn table(&mut self, spec: &TableSpec) -> Option<TablePlan> {
        match open_table(spec, self.file) {
            Ok(table) => Some(TablePlan { name: spec.name.clone(), table }),
            Err(error) => {
                let (key, label) = file_place(&spec.file, &error);
                self.mistakes.coded(
                    &format!("table.{}{key}", spec.name),
                    &format!("table `{}`:", spec.name),
                    &error,
                    label,
                );
                None
            }
        }
    }

    /// Tables that nobody reads.
    fn check_tables(&mut self, operators: &[Option<OpenOperator>]) {
        // What an operator that could not be opened reads is not known.
        let Some(operators) = operators.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else { return };
        for (index, spec) in self.file.spec.tables.iter().enumerate() {
            if !operators.iter().any(|open| open.opened.tables().contains(&index)) {
                let message = format!("nothing reads table `{}`", spec.name);
                let help = format!(
                    "join with it (`right = \"{}\"`), let a module ask for it, or take the table out",
                    spec.name
                );
                self.mistakes.push(
                    &format!("table.{}", spec.name),
                    Code::NoSink,
                    message,
                    "its rows go nowhere",
                    Some(help),
                );
            }
        }
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

    /// The outputs that feed a node by one of its keys, aligned. None: something was reported.
    pub(super) fn inputs(&mut self, place: &str, key: &str, inputs: &[OutputRef]) -> Option<(Vec<usize>, SchemaRef)> {
        let mut found = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            match self.by_name.get(input) {
                Some(output) => found.push(*output),
                None => {
                    let ports = self.by_name.keys().filter(|name| name.node == input.node);
                    let ports: Vec<_> = ports.filter_map(|name| name.port.as_deref()).collect();
                    self.mistakes.no_port(&format!("{place}.{key}.{index}"), input, ports);
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
                    &format!("{place}.{key}"),
                    Code::ColumnMismatch,
                    message,
                    "not of the same columns",
                    Some(help),
                );
                None
            }
        }
    }

    /// Where the rows of outputs come from, and how far behind they may be.
    pub(super) fn trace(&mut self, outputs: &[usize], sources: &[usize], held_back: i64, stage: usize) {
        for output in outputs {
            if let Some(output) = self.outputs.get_mut(*output) {
                output.sources = sources.to_vec();
                output.held_back = held_back;
                output.stage = stage;
            }
        }
    }

    /// What is common to the outputs that feed an operator.
    pub(super) fn upstream(&self, inputs: Vec<usize>) -> Upstream {
        let feeding: Vec<&OutputPlan> = inputs.iter().filter_map(|index| self.outputs.get(*index)).collect();
        let sources: BTreeSet<usize> = feeding.iter().flat_map(|output| output.sources.iter().copied()).collect();
        Upstream {
            event_time: feeding.first().and_then(|output| output.event_time.clone()),
            is_window_end: feeding.iter().any(|output| output.is_window_end),
            updating: feeding.iter().find(|output| output.is_updating).map(|output| output.name.clone()),
            sources: sources.into_iter().collect(),
            held_back: feeding.iter().map(|output| output.held_back).max().unwrap_or(0),
            stage: feeding.iter().map(|output| output.stage).max().unwrap_or(0),
            inputs,
        }
    }

    fn operator(&mut self, spec: &OperatorSpec) -> Option<OpenOperator> {
        let place = match spec.name.strip_suffix(SHADOW_SUFFIX) {
            Some(name) => format!("operator.{name}.shadow"),
            None => format!("operator.{}", spec.name),
        };
        if let Some(join) = &spec.join {
            return self.join(&place, spec, join);
        }
        let inputs = self.inputs(&place, "input", &spec.inputs);
        let modules: Vec<_> = spec.modules.iter().map(|module| self.module(&place, spec, module)).collect();
        let (inputs, schema) = inputs?;
        let modules = modules.into_iter().collect::<Option<Vec<_>>>()?;
        let upstream = self.upstream(inputs);
        if let Some(updating) = &upstream.updating {
            self.refuse_updates(&format!("{place}.input"), spec, updating);
            return None;
        }
        let names: Vec<_> = spec.inputs.iter().map(ToString::to_string).collect();
        let event_time = upstream.event_time.clone();
        let input = Input { name: names.join(" + "), schema: Arc::clone(&schema), key: spec.key.clone(), event_time };
        if let [(module, _)] = modules.as_slice()
            && module.kind() == Kind::Keyed
            && spec.modules.iter().all(|module| module.alias.is_none())
        {
            let module = modules.into_iter().next()?;
            return self.keyed(&place, spec, input, module, upstream);
        }
        self.refuse_state(&place, spec)?;
        if modules.iter().any(|(module, _)| module.kind() == Kind::Aggregate) || spec.is_keyed() {
            return self.aggregate(&place, spec, input, modules, upstream);
        }
        let (module, options) = modules.into_iter().next()?;
        let signature = match open_module(&module, &spec.limits, &options, &input, &self.offered) {
            Ok(signature) => signature,
            Err(error) => {
                self.refused(&format!("{place}.module"), spec, &error);
                return None;
            }
        };
        let mut ports = Vec::new();
        for (index, port) in signature.ports.iter().enumerate() {
            let output = self.output(&spec.name, Some(&port.name), Arc::clone(&port.schema), port.event_time.clone());
            if index == 0 {
                self.main_output(&spec.name, output);
            }
            if let Some(plan) = self.outputs.get_mut(output) {
                plan.is_window_end = upstream.is_window_end && plan.event_time == input.event_time;
            }
            ports.push(DraftPort { output, columns: port.columns.clone() });
        }
        let rejected = self.rejected(&spec.name, REJECTED_PORT, &schema);
        let all: Vec<_> = ports.iter().map(|port| port.output).chain([rejected]).collect();
        let Upstream { inputs, sources, held_back, stage, .. } = upstream;
        self.trace(&all, &sources, held_back, stage);
        let side = DraftSide { inputs, schema, reads: signature.reads.clone(), rejected: Some(rejected), late: None };
        let draft = Draft { sides: vec![side], ports };
        let opened = Opened::Transform { module, options, input, signature };
        Some(OpenOperator { spec: OperatorSpec::clone(spec), opened, draft, sources, held_back, stage: 0 })
    }

    /// A module said no, or cannot be opened.
    pub(super) fn refused(&mut self, place: &str, spec: &OperatorSpec, error: &CallError) {
        if matches!(error, CallError::Refused(_)) {
            self.mistakes.refused(spec, error);
        } else {
            let what = format!("operator `{}`: the module", spec.name);
            self.mistakes.coded(place, &what, error, "this module");
        }
    }

    pub(super) fn refuse_updates(&mut self, place: &str, spec: &OperatorSpec, updating: &str) {
        let message = format!(
            "operator `{}` reads `{updating}`, whose rows replace earlier ones, and would count them again",
            spec.name
        );
        let help = "emit each window once, with `emit = \"on-close\"`, or read it with a sink".into();
        self.mistakes.push(place, Code::ColumnMismatch, message, "a stream of updates", Some(help));
    }

    /// An output that is also known by the operator's name alone.
    pub(super) fn main_output(&mut self, name: &str, output: usize) {
        self.by_name.insert(OutputRef { node: name.to_owned(), port: None }, output);
        if let Some(plan) = self.outputs.get_mut(output) {
            name.clone_into(&mut plan.name);
        }
    }

    pub(super) fn mark_window_end(&mut self, output: usize, is_window_end: bool) {
        if let Some(output) = self.outputs.get_mut(output) {
            output.is_window_end = is_window_end;
        }
    }

    pub(super) fn mark_updating(&mut self, output: usize, is_updating: bool) {
        if let Some(output) = self.outputs.get_mut(output) {
            output.is_updating = is_updating;
        }
    }

    /// An output of rejected rows: the input's columns and the reason.
    pub(super) fn rejected(&mut self, name: &str, port: &str, schema: &Schema) -> usize {
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        fields.retain(|field| field.name() != REASON_COLUMN);
        fields.push(Field::new(REASON_COLUMN, DataType::Utf8, false).into());
        self.output(name, Some(port), Schema::new(fields).into(), None)
    }

    /// A module, and the options that it is opened with (a JSON object).
    pub(super) fn module(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        module: &ModuleSpec,
    ) -> Option<(Arc<Module>, String)> {
        let place = match &module.alias {
            Some(alias) => format!("{place}.aggregate.{alias}"),
            None => format!("{place}.module"),
        };
        if standard::is_std(&module.reference) {
            return self.standard(&place, spec, module);
        }
        let found = self.surroundings.modules.find(&module.reference, &self.file.dir, spec.limits.module_bytes);
        let bytes = match found {
            Ok(bytes) => bytes,
            Err(Unfound { what, help }) => {
                let message = format!("operator `{}`: {what}", spec.name);
                self.mistakes.push(&place, Code::ModuleUnreadable, message, "this module", Some(help));
                return None;
            }
        };
        let module_options = module.options.to_string();
        self.load(&place, spec, module, &bytes).map(|loaded| (loaded, module_options))
    }

    /// A module that comes with Pelton.
    fn standard(&mut self, place: &str, spec: &OperatorSpec, module: &ModuleSpec) -> Option<(Arc<Module>, String)> {
        let none = serde_json::Map::new();
        let given = module.options.as_object().unwrap_or(&none);
        let found = standard::find(&module.reference).and_then(|found| Ok((found.bytes, found.options(given)?)));
        match found {
            Ok((bytes, options)) => {
                let options = serde_json::Value::Object(options).to_string();
                self.load(place, spec, module, bytes).map(|loaded| (loaded, options))
            }
            Err(error) => {
                self.mistakes.coded(place, &format!("operator `{}`:", spec.name), &error, "this module");
                None
            }
        }
    }

    fn load(&mut self, place: &str, spec: &OperatorSpec, module: &ModuleSpec, bytes: &[u8]) -> Option<Arc<Module>> {
        Module::load(&self.surroundings.runtime, bytes, &spec.limits)
            .map(Arc::new)
            .map_err(|error: LoadError| {
                self.mistakes.coded(
                    place,
                    &format!("operator `{}`: {} cannot be used:", spec.name, module.reference),
                    &error,
                    "this module",
                );
            })
            .ok()
    }

    fn sink(&mut self, spec: &SinkSpec) -> Option<OpenSink> {
        let place = format!("sink.{}", spec.name);
        let (inputs, schema) = self.inputs(&place, "input", &spec.inputs)?;
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

fn open_source(spec: &SourceSpec, file: &JobFile) -> Result<Box<dyn Source>, SourceError> {
    let job = &file.spec;
    match &spec.kind {
        SourceKind::File(kind) => match &file.given {
            None => FileSource::open(kind, spec.on_bad_row, &file.dir, &job.batch),
            Some(given) => {
                let given = given.get(&format!("source.{}", spec.name));
                let given = given.ok_or_else(|| SourceError::NoFile { path: kind.paths.join(", ") })?;
                FileSource::open_given(given, kind, spec.on_bad_row, &job.batch)
            }
        },
        SourceKind::Stdin(kind) => source::stdin::StdinSource::open(kind, spec.on_bad_row, &job.batch),
        SourceKind::Generator(kind) => Ok(Box::new(source::generator::GeneratorSource::open(kind, &job.batch)?)),
    }
}

fn open_table(spec: &TableSpec, file: &JobFile) -> Result<Table, SourceError> {
    let batch = &file.spec.batch;
    let Some(given) = &file.given else { return Table::open(&spec.file, &file.dir, batch) };
    let schema = given.get(&format!("table.{}", spec.name)).and_then(|given| given.schema.clone());
    let schema = schema.ok_or_else(|| SourceError::NoFile { path: spec.file.paths.join(", ") })?;
    Ok(Table::known(&spec.file, schema, batch))
}

fn open_module(
    module: &Module,
    limits: &Limits,
    options: &str,
    input: &Input,
    offered: &[SideTable],
) -> Result<Signature, CallError> {
    let mut instance = TransformInstance::new(module, limits)?;
    let contract = instance.open(input, offered, options)?;
    Ok(contract.check(input, offered)?)
}

fn assemble(
    file: &JobFile,
    mut outputs: Vec<OutputPlan>,
    sources: Vec<OpenSource>,
    (tables, offered): (Vec<TablePlan>, Offered),
    operators: Vec<OpenOperator>,
    sinks: Vec<OpenSink>,
) -> Plan {
    let job = &file.spec;
    let mut drafts = Vec::new();
    let mut opened = Vec::new();
    for OpenOperator { spec, opened: logic, draft, sources, held_back, stage } in operators {
        drafts.push(draft);
        opened.push((spec, logic, sources, held_back, stage));
    }
    let (sinks, sink_drafts): (Vec<_>, Vec<_>) =
        sinks.into_iter().map(|open| ((open.spec, open.sink), open.draft)).unzip();
    let event_times: Vec<_> = sources.iter().filter_map(|source| Some((source.rows, source.event_time?))).collect();
    let mut pruned = prune::prune(&mut outputs, &drafts, &sink_drafts, &[], &event_times);
    let shadows = shadows(&opened.iter().map(|(spec, ..)| spec.name.as_str()).collect::<Vec<_>>());
    let (taps, tap_drafts): (Vec<_>, Vec<_>) = taps(&outputs, &drafts, &shadows).into_iter().unzip();
    if !taps.is_empty() {
        // What is compared is what somebody reads, which had to be known first.
        pruned = prune::prune(&mut outputs, &drafts, &sink_drafts, &tap_drafts, &event_times);
    }
    let operators: Vec<_> = opened
        .into_iter()
        .zip(drafts)
        .zip(pruned)
        .zip(shadows)
        .map(|((((spec, opened, sources, held_back, stage), draft), pruned), shadow_of)| PlannedOperator {
            spec: spec.clone(),
            shadow_of,
            ports: draft.ports.iter().map(|port| port.output).collect(),
            sides: draft
                .sides
                .into_iter()
                .map(|side| PlannedSide { inputs: side.inputs, rejected: side.rejected, late: side.late })
                .collect(),
            logic: match opened {
                Opened::Transform { module, options, input, signature } => {
                    let input = (input, Offered::clone(&offered));
                    Logic::Transform(Arc::new(transform(job, spec, input, module, options, signature, pruned)))
                }
                Opened::Aggregate(opened) => Logic::Aggregate(Arc::new(opened.plan(job, spec, pruned))),
                Opened::Keyed(opened) => Logic::Keyed(Arc::new(opened.plan(job, spec, pruned))),
                Opened::Join(opened) => Logic::Join(Arc::new(opened.plan(job, spec, pruned))),
                Opened::Lookup(opened) => Logic::Lookup(Arc::new(opened.plan(job, spec, pruned))),
            },
            sources,
            held_back,
            stage,
        })
        .collect();
    let identity = identity(job, &operators);
    let sinks = sinks.into_iter().zip(sink_drafts).map(|((spec, sink), draft)| SinkPlan {
        name: spec.name,
        kind: spec.kind,
        inputs: draft.inputs,
        schema: draft.schema,
        sink: Arc::from(sink),
    });
    let sources = sources.into_iter().map(|open| planned_source(open, &outputs)).collect();
    Plan {
        spec: job.clone(),
        name: job.name.clone(),
        batch: job.batch.clone(),
        threads: job.threads,
        checkpoint: job.checkpoint.as_ref().map(|checkpoint| CheckpointPlan {
            directory: file.dir.join(&checkpoint.path),
            snapshots: checkpoint.snapshots,
            retain: checkpoint.retain,
        }),
        identity,
        restart: job.restart.clone(),
        sources,
        is_keyed: operators.iter().any(|planned| planned.stage > 0),
        operators,
        tables,
        sinks: sinks.collect(),
        taps,
        outputs,
    }
}

/// For each operator, that whose shadow it is.
fn shadows(names: &[&str]) -> Vec<Option<usize>> {
    let main_of = |name: &&str| {
        let main = name.strip_suffix(SHADOW_SUFFIX)?;
        names.iter().position(|name| *name == main)
    };
    names.iter().map(main_of).collect()
}

/// The ports of shadows and of their operators that are compared, by the columns that both have and somebody reads.
fn taps(outputs: &[OutputPlan], drafts: &[Draft], shadows: &[Option<usize>]) -> Vec<(TapPlan, SinkDraft)> {
    let mut taps = Vec::new();
    for (shadow, main) in shadows.iter().enumerate().filter_map(|(at, main)| Some((at, (*main)?))) {
        let (Some(own), Some(of_main)) = (drafts.get(shadow), drafts.get(main)) else { continue };
        for (at, port) in of_main.ports.iter().enumerate() {
            let (Some(output), Some(other)) = (outputs.get(port.output), own.ports.get(at)) else { continue };
            let Some(mirror) = outputs.get(other.output) else { continue };
            let read = output.kept.iter().filter_map(|kept| output.schema.fields().get(*kept));
            let in_both = read.filter(|field| {
                let same = mirror.schema.field_with_name(field.name());
                same.is_ok_and(|same| same.data_type() == field.data_type())
            });
            // Of two that may be null where only one of them may, both may.
            let fields: Vec<Field> = in_both.map(|field| field.as_ref().clone().with_nullable(true)).collect();
            if fields.is_empty() {
                continue;
            }
            let schema = SchemaRef::new(Schema::new(fields));
            for (is_shadow, output_at) in [(false, port.output), (true, other.output)] {
                let tap = TapPlan { shadow, is_shadow, port: output.name.clone(), schema: Arc::clone(&schema) };
                taps.push((tap, SinkDraft { inputs: vec![output_at], schema: Arc::clone(&schema) }));
            }
        }
    }
    taps
}

/// A digest of everything that the results of a job depend on, but for its input.
fn identity(job: &JobSpec, operators: &[PlannedOperator]) -> String {
    let JobSpec {
        name,
        batch,
        partitions,
        sources,
        tables,
        operators: specs,
        sinks,
        threads: _,
        checkpoint: _,
        restart: _,
    } = job;
    let text = format!("{:?}", (name, batch.rows, partitions, sources, tables, specs, sinks));
    let digests = operators.iter().flat_map(|planned| planned.logic.digests());
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    digests.for_each(|digest| {
        hasher.update(&digest.0);
    });
    hasher.finalize().to_hex().to_string()
}

fn transform(
    job: &JobSpec,
    spec: OperatorSpec,
    (input, offered): (Input, Offered),
    module: Arc<Module>,
    options: String,
    signature: Signature,
    pruned: Pruned,
) -> OperatorPlan {
    let (side, ports) = pruned.sole();
    let module_name = spec.modules.into_iter().next().map(|module| module.reference).unwrap_or_default();
    OperatorPlan {
        seed: seed(&job.name, &spec.name),
        name: spec.name,
        module_name,
        module,
        limits: spec.limits,
        options,
        input,
        offered,
        signature,
        reads_at: side.reads_at,
        ports,
        rejected: side.rejected,
        rows_max: job.batch.rows,
    }
}

fn planned_source(open: OpenSource, outputs: &[OutputPlan]) -> SourcePlan {
    let output = outputs.get(open.rows);
    let kept = output.map(|output| output.kept.as_slice()).unwrap_or_default();
    let columns =
        output.iter().flat_map(|output| kept.iter().map(|column| output.schema.field(*column).name().clone()));
    let bound = open.spec.event_time.as_ref().map_or(0, |event_time| event_time.watermark.as_micros());
    let bound = i64::try_from(bound).unwrap_or(i64::MAX);
    let idle = open.spec.event_time.as_ref().and_then(|event_time| event_time.idle);
    SourcePlan {
        idle: idle.map(|idle| i64::try_from(idle.as_micros()).unwrap_or(i64::MAX)),
        columns: columns.collect(),
        event_time: open.event_time.and_then(|column| Some((kept.iter().position(|kept| *kept == column)?, bound))),
        name: open.spec.name,
        kind: open.spec.kind,
        source: Arc::from(open.source),
        rows: open.rows,
        rejected: open.rejected,
    }
}

/// The seed of an operator's random numbers: the same for every run of the same job.
pub(super) fn seed(job: &str, operator: &str) -> u64 {
    // A shadow has the numbers of its operator.
    let operator = operator.strip_suffix(SHADOW_SUFFIX).unwrap_or(operator);
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
