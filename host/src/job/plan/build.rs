//! Opens the parts of a job along its graph and types every edge.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use pelton_core::{
    contract::{ContractError, Input, Mode, SideTable, Signature},
    graph,
    job::{
        CANARY_SUFFIX, EventTimeSpec, FILE_COLUMN, ModuleSpec, OFFSET_COLUMN, OperatorSpec, OutputRef, REJECTED_PORT,
        SHADOW_SUFFIX, SinkKind, SinkSpec, SourceKind, SourceSpec, TableSpec, operator_of,
    },
    limits::Limits,
    types,
};
use pelton_wasm::{CallError, EnrichInstance, Kind, LoadError, Module, TransformInstance};

use super::{
    OutputPlan, Plan, Surroundings, TablePlan,
    aggregate::{AggregateDraft, Upstream},
    assemble::{ahead, assemble},
    join::{JoinDraft, LookupDraft},
    keyed::KeyedDraft,
    mistakes::{Mistakes, file_place, source_place},
    modules::Unfound,
    prune::{Draft, DraftPort, DraftSide, SinkDraft},
    sort::SortDraft,
    union::{Part, union},
};
use crate::{
    error::Code,
    job::{
        diagnostic::{Diagnostic, shown},
        file::JobFile,
    },
    operator::tables::Offered,
    sink::{self, SinkError},
    source::{self, Source, SourceError, file::FileSource, live::LiveSource, table::Table},
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
            if !spec.sort.is_empty() {
                return builder.sort(spec).map_or_else(|| vec![None], |halves| halves.map(Some).into());
            }
            let own = builder.operator(spec);
            let beside = spec.shadow().or_else(|| spec.canary());
            [own].into_iter().chain(beside.map(|beside| builder.operator(&beside))).collect()
        })
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
    Ok(assemble((file, surroundings.keeps_keys), builder.outputs, sources, (tables, builder.offered), operators, sinks))
}

pub(super) struct OpenSource {
    pub(super) spec: SourceSpec,
    pub(super) source: Box<dyn Source>,
    pub(super) rows: usize,
    pub(super) rejected: usize,
    pub(super) event_time: Option<usize>,
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
    Sort(SortDraft),
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
            Self::Sort(_) => Vec::new(),
        }
    }
}

pub(super) struct OpenSink {
    pub(super) spec: SinkSpec,
    pub(super) sink: Box<dyn sink::Sink>,
    pub(super) draft: SinkDraft,
}

pub(super) struct Builder<'a> {
    pub(super) file: &'a JobFile,
    surroundings: &'a Surroundings,
    pub(super) outputs: Vec<OutputPlan>,
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
            ahead: None,
            mode: Mode::Append,
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
        self.mark_ahead(rows, ahead(spec));
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
                Some(output) => {
                    let node = format!("{}{CANARY_SUFFIX}", input.node);
                    let canary = self.by_name.get(&OutputRef { node, port: input.port.clone() });
                    found.extend([*output].into_iter().chain(canary.copied()));
                }
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
            // Rows of several sources are told apart by nobody.
            ahead: feeding.iter().map(|output| output.ahead).reduce(|one, other| Some(one?.max(other?))).flatten(),
            modes: feeding.iter().map(|output| (output.name.clone(), output.mode)).collect(),
            sources: sources.into_iter().collect(),
            held_back: feeding.iter().map(|output| output.held_back).max().unwrap_or(0),
            stage: feeding.iter().map(|output| output.stage).max().unwrap_or(0),
            inputs,
        }
    }

    fn operator(&mut self, spec: &OperatorSpec) -> Option<OpenOperator> {
        let place = match (spec.name.strip_suffix(SHADOW_SUFFIX), spec.name.strip_suffix(CANARY_SUFFIX)) {
            (Some(name), _) => format!("operator.{name}.shadow"),
            (_, Some(name)) => format!("operator.{name}.canary"),
            _ => format!("operator.{}", spec.name),
        };
        self.check_share(&place, spec)?;
        self.check_draining(&place, spec)?;
        self.check_on_trap(spec);
        if let Some(join) = &spec.join {
            return self.join(&place, spec, join);
        }
        let inputs = self.inputs(&place, "input", &spec.inputs);
        let modules: Vec<_> = spec.modules.iter().map(|module| self.module(&place, spec, module)).collect();
        let (inputs, schema) = inputs?;
        let modules = modules.into_iter().collect::<Option<Vec<_>>>()?;
        let upstream = self.upstream(inputs);
        let mode = self.input_mode(&format!("operator.{}.input", operator_of(&spec.name)), spec, &upstream)?;
        let names: Vec<_> = spec.inputs.iter().map(ToString::to_string).collect();
        let event_time = upstream.event_time.clone();
        let (name, key) = (names.join(" + "), spec.key.clone());
        let input = Input { name, schema: Arc::clone(&schema), key, event_time, mode };
        if let [(module, _)] = modules.as_slice()
            && module.kind() == Kind::Keyed
            && spec.modules.iter().all(|module| module.alias.is_none())
        {
            let module = modules.into_iter().next()?;
            self.check_endpoints(&place, spec, module.0.kind())?;
            return self.keyed(&place, spec, input, module, upstream);
        }
        for (module, _) in &modules {
            self.check_endpoints(&place, spec, module.kind())?;
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
            self.check_zones(spec, &input.schema, &port.schema);
            let output = self.output(&spec.name, Some(&port.name), Arc::clone(&port.schema), port.event_time.clone());
            if index == 0 {
                self.main_output(&spec.name, output);
            }
            if let Some(plan) = self.outputs.get_mut(output) {
                plan.is_window_end = upstream.is_window_end && plan.event_time == input.event_time;
                plan.ahead = upstream.ahead.filter(|_| plan.event_time == input.event_time);
                if index == 0 {
                    plan.mode = signature.emits;
                }
            }
            ports.push(DraftPort { output, columns: port.columns.clone() });
        }
        let rejected = self.rejected(&spec.name, REJECTED_PORT, &schema);
        self.mark_mode(rejected, mode);
        let all: Vec<_> = ports.iter().map(|port| port.output).chain([rejected]).collect();
        let Upstream { inputs, sources, held_back, stage, .. } = upstream;
        self.trace(&all, &sources, held_back, stage);
        let side = DraftSide { inputs, schema, reads: signature.reads.clone(), rejected: Some(rejected), late: None };
        let draft = Draft { sides: vec![side], ports, takes_all: false };
        let opened = Opened::Transform { module, options, input, signature };
        Some(OpenOperator { spec: OperatorSpec::clone(spec), opened, draft, sources, held_back, stage: 0 })
    }

    /// Whether an operator names endpoints if its module asks, and only then. None: it was reported. A candidate may do without.
    fn check_endpoints(&mut self, place: &str, spec: &OperatorSpec, kind: Kind) -> Option<()> {
        let name = operator_of(&spec.name);
        let (asks, is_candidate) = (kind == Kind::Enrich, name != spec.name);
        if asks != spec.endpoints.is_empty() || !asks && is_candidate {
            return Some(());
        }
        if asks {
            let message = format!("operator `{name}` may ask no endpoint, and its module is an enrich operator");
            let help =
                "name those that it may ask: `endpoints = [\"NAME\"]`, each with an `[endpoint.NAME]`".to_owned();
            self.mistakes.push(&format!("{place}.module"), Code::MissingKey, message, "it asks", Some(help));
        } else {
            let message = format!("operator `{name}` names endpoints, but its module is {kind}, which asks nobody");
            let help = "leave `endpoints` out, or use a module that exports `enrich`".to_owned();
            self.mistakes.push(
                &format!("{place}.endpoints"),
                Code::WrongWorld,
                message,
                "for enrich operators",
                Some(help),
            );
        }
        None
    }

    /// Whether there are windows that a module before could finish. None: it was reported.
    fn check_draining(&mut self, place: &str, spec: &OperatorSpec) -> Option<()> {
        if spec.draining.is_none() || spec.window.is_some() && spec.join.is_none() {
            return Some(());
        }
        let message = format!("operator `{}` has no windows that the module before could finish", spec.name);
        let help = "leave `draining` out: what the module before has kept is taken over";
        let place = format!("{place}.draining");
        self.mistakes.push(&place, Code::WrongValue, message, "no windows", Some(help.into()));
        None
    }

    /// Whether the work of an operator with a canary can be shared. None: it was reported.
    fn check_share(&mut self, place: &str, spec: &OperatorSpec) -> Option<()> {
        let Some(canary) = spec.canary.as_ref().filter(|_| !spec.name.ends_with(CANARY_SUFFIX)) else {
            return Some(());
        };
        let partitions = self.file.spec.partitions;
        let taken = canary.share.partitions(partitions);
        let (what, help) = if spec.join.is_some() {
            ("joins rows".to_owned(), "try another module as the `shadow` of a join".to_owned())
        } else if spec.is_keyed() && spec.key.is_empty() {
            ("has no key by which its rows could be shared out".to_owned(), "try another module as its `shadow`".into())
        } else if !spec.key.is_empty() && taken == usize::from(partitions) {
            let what = format!("has {partitions} partitions, and {} of them is all", canary.share);
            (what, "give the job more `partitions`, or the canary a smaller share".into())
        } else {
            return Some(());
        };
        let message = format!("operator `{}` can have no canary: it {what}", spec.name);
        let place = format!("{place}.canary");
        self.mistakes.push(&place, Code::WrongValue, message, "this canary", Some(help));
        None
    }

    /// A module said no, or cannot be opened.
    pub(super) fn refused(&mut self, place: &str, spec: &OperatorSpec, error: &CallError) {
        if matches!(error, CallError::Refused(_)) {
            self.mistakes.refused(spec, error);
        } else if let CallError::Contract(ContractError::NotAccepted { input, mode, .. }) = error {
            self.refuse_mode(&format!("operator.{}.input", operator_of(&spec.name)), spec, input, *mode);
        } else {
            let what = format!("operator `{}`: the module", spec.name);
            self.mistakes.coded(place, &what, error, "this module");
        }
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

    pub(super) fn mark_ahead(&mut self, output: usize, ahead: Option<i64>) {
        if let Some(output) = self.outputs.get_mut(output) {
            output.ahead = ahead;
        }
    }

    pub(super) fn mark_mode(&mut self, output: usize, mode: Mode) {
        if let Some(output) = self.outputs.get_mut(output) {
            output.mode = mode;
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
        self.check_sink_mode(&place, spec, &inputs, &schema)?;
        match sink::open(spec, Arc::clone(&schema), &self.file.dir, &self.surroundings.print) {
            Ok(sink) => Some(OpenSink { spec: spec.clone(), sink, draft: SinkDraft { inputs, schema } }),
            Err(error) => {
                let has_format = matches!(spec.kind, SinkKind::File(_));
                let (key, label) = match error {
                    SinkError::Unsupported { .. } | SinkError::Columns { .. } if has_format => {
                        (".format", "this format")
                    }
                    SinkError::NoFolderColumn { .. } => (".partition-by", "this"),
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
        SourceKind::Stdin(kind) => LiveSource::stdin(kind, spec.on_bad_row, &job.batch),
        SourceKind::Socket(kind) => LiveSource::socket(kind, spec.on_bad_row, &job.batch),
        SourceKind::Http(kind) => LiveSource::http(kind, &file.dir, &job.batch),
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
    let contract = match module.kind() {
        Kind::Enrich => EnrichInstance::new(module, limits)?.open(input, offered, options)?,
        _ => TransformInstance::new(module, limits)?.open(input, offered, options)?,
    };
    Ok(contract.check(input, offered)?)
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
