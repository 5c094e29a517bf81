//! Plans an aggregating operator: its key, its window, its modules, and the columns of its results.

use std::{collections::HashSet, sync::Arc};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use pelton_core::{
    contract::{AggregateSignature, ContractError, Input, Mode, OP_COLUMN, PortColumn, SideTable},
    job::{DrainingSpec, JobSpec, LATE_PORT, OperatorSpec, REJECTED_PORT},
    limits::Limits,
    window::{Clock, WindowKind, WindowSpec},
};
use pelton_wasm::{AggregateInstance, CallError, Kind, Module};

use super::{
    assemble::seed,
    build::{Builder, OpenOperator, Opened},
    leaves::Leaves,
    prune::{Draft, DraftPort, DraftSide, Pruned},
};
use crate::{
    error::Code,
    job::diagnostic::shown,
    operator::{
        aggregate::{AggregatePlan, Crossing, Function, WINDOW_END, WINDOW_START, has_bounds},
        tables::Offered,
    },
    standard,
    state::{
        keys::{KeyCodec, KeyError},
        snapshot::columns,
    },
};

/// The name of the main output's port.
const OUT: &str = "out";

/// Without `window`: all rows of a key.
const GLOBAL: WindowSpec = WindowSpec { kind: WindowKind::Global, lateness: 0, clock: Clock::Event, inverse: false };

/// An aggregating operator whose modules have answered.
pub(super) struct AggregateDraft {
    functions: Vec<FunctionDraft>,
    /// Columns of the input.
    key: Vec<usize>,
    key_fields: Vec<FieldRef>,
    time: Option<usize>,
    /// The column that says what a row of a stream of changes does.
    op: Option<usize>,
    input: Input,
    offered: Offered,
    is_window_end: bool,
    ahead: Option<i64>,
    window: WindowSpec,
    leaves: Leaves,
    result: SchemaRef,
    /// Those that finish the windows that were open when the functions took their place.
    draining: Option<Vec<FunctionDraft>>,
}

struct FunctionDraft {
    module_name: String,
    module: Arc<Module>,
    options: String,
    signature: AggregateSignature,
}

/// Where the rows of an operator come from.
pub(super) struct Upstream {
    pub(super) inputs: Vec<usize>,
    pub(super) event_time: Option<String>,
    /// Its event time is the end of a window.
    pub(super) is_window_end: bool,
    /// How far ahead of processing time it may be, in µs.
    pub(super) ahead: Option<i64>,
    /// The name and the mode of each.
    pub(super) modes: Vec<(String, Mode)>,
    pub(super) sources: Vec<usize>,
    /// How far its rows may be behind the watermark of the sources, in µs.
    pub(super) held_back: i64,
    pub(super) stage: usize,
}

impl Builder<'_> {
    /// None: something was reported.
    pub(super) fn aggregate(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        input: Input,
        modules: Vec<(Arc<Module>, String)>,
        upstream: Upstream,
    ) -> Option<OpenOperator> {
        self.check_kinds(place, spec, &modules)?;
        let schema = Arc::clone(&input.schema);
        let key = self.key(place, spec, &schema)?;
        let key_fields: Vec<FieldRef> = key.iter().filter_map(|at| schema.fields().get(*at)).cloned().collect();
        let window = spec.window.clone().unwrap_or(GLOBAL);
        let time = self.window_time(place, spec, &window, &input)?;
        let leaves = Leaves::of(&mut self.mistakes, place, spec, &window, input.mode)?;
        let functions = self.functions(place, spec, &input, modules)?;
        self.check_inverse(place, spec, &window, &functions)?;
        let result = self.result(place, spec, &key_fields, &window, &functions, leaves.mode)?;
        let draining = match &spec.draining {
            Some(draining) => Some(self.draining(place, spec, draining, (&input, &window), (&key_fields, &result))?),
            None => None,
        };
        let op = (input.mode == Mode::Retract).then(|| schema.index_of(OP_COLUMN).ok()).flatten();

        let is_in_time = has_bounds(&window.kind);
        let event_time = is_in_time.then(|| WINDOW_END.to_owned());
        let output = self.output(&spec.name, Some(OUT), Arc::clone(&result), event_time);
        self.main_output(&spec.name, output);
        self.mark_window_end(output, is_in_time);
        self.mark_mode(output, leaves.mode);
        let rejected = self.rejected(&spec.name, REJECTED_PORT, &schema);
        let late =
            is_in_time.then(|| self.output(&spec.name, Some(LATE_PORT), Arc::clone(&schema), input.event_time.clone()));
        late.iter().chain([&rejected]).for_each(|refused| self.mark_mode(*refused, input.mode));
        let stage = upstream.stage + 1;
        self.trace(&[output], &upstream.sources, upstream.held_back, stage);
        self.trace(&[rejected], &upstream.sources, upstream.held_back, upstream.stage);
        // Which rows of sessions are late is found out after the shuffle.
        let is_late_after = matches!(window.kind, WindowKind::Session { .. });
        let late_stage = if is_late_after { stage } else { upstream.stage };
        self.trace(&Vec::from_iter(late), &upstream.sources, upstream.held_back, late_stage);

        let all = functions.iter().chain(draining.iter().flatten());
        let reads = all.flat_map(|function| function.signature.reads.iter().copied());
        let reads = key.iter().copied().chain(time).chain(op).chain(reads).collect();
        let columns = (0..result.fields().len()).map(PortColumn::Computed).collect();
        let Upstream { inputs, sources, held_back, is_window_end, ahead, .. } = upstream;
        let side = DraftSide { inputs, schema, reads, rejected: Some(rejected), late };
        let draft = Draft { sides: vec![side], ports: vec![DraftPort { output, columns }], takes_all: false };
        let opened = Opened::Aggregate(AggregateDraft {
            functions,
            key,
            key_fields,
            time,
            op,
            input,
            offered: Offered::clone(&self.offered),
            is_window_end,
            ahead,
            window,
            leaves,
            result,
            draining,
        });
        Some(OpenOperator { spec: spec.clone(), opened, draft, sources, held_back, stage })
    }

    /// The modules that finish open windows: whose windows follow each other in time, and whose results have the same columns. None: something
    /// was reported.
    fn draining(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        draining: &DrainingSpec,
        (input, window): (&Input, &WindowSpec),
        (key_fields, result): (&[FieldRef], &SchemaRef),
    ) -> Option<Vec<FunctionDraft>> {
        let place = format!("{place}.draining");
        if !AggregatePlan::can_drain(&window.kind) {
            let message = format!(
                "operator `{}`: only tumbling and sliding windows can be finished by the module before",
                spec.name
            );
            let help = "sessions grow together, and without a window or with `rows` nothing says when a window is full: let the new \
                        module take the state over (`--windows migrate`), or begin anew (`--windows reset`)";
            self.mistakes.push(&place, Code::WrongValue, message, "these would be left open", Some(help.into()));
            return None;
        }
        let spec = OperatorSpec { modules: draining.modules.clone(), draining: None, ..spec.clone() };
        let modules: Vec<_> = spec.modules.iter().map(|module| self.module(&place, &spec, module)).collect();
        let modules = modules.into_iter().collect::<Option<Vec<_>>>()?;
        self.check_kinds(&place, &spec, &modules)?;
        let functions = self.functions(&place, &spec, input, modules)?;
        self.check_inverse(&place, &spec, window, &functions)?;
        let mode = if result.index_of(OP_COLUMN).is_ok() { Mode::Retract } else { Mode::Append };
        let theirs = self.result(&place, &spec, key_fields, window, &functions, mode)?;
        if theirs != *result {
            let message = format!(
                "operator `{}`: the modules that finish open windows compute ({}), and those after them ({})",
                spec.name,
                columns(theirs.fields()),
                columns(result.fields())
            );
            let help = "results of both leave by one output, and must have the same columns".into();
            self.mistakes.push(&place, Code::ColumnMismatch, message, "other columns", Some(help));
            return None;
        }
        Some(functions)
    }

    /// Windows from which rows are taken back need modules that can. None: something was reported.
    fn check_inverse(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        window: &WindowSpec,
        functions: &[FunctionDraft],
    ) -> Option<()> {
        let cannot = functions.iter().zip(&spec.modules).find(|(function, _)| !function.signature.retracts);
        let (Some((function, named)), true) = (cannot, window.inverse) else { return Some(()) };
        let message = format!(
            "operator `{}`: its windows take rows back, which the module {} cannot",
            spec.name,
            shown(&function.module_name)
        );
        let help = "take `inverse` out of the window: panes are then merged, which every aggregate can".into();
        let place = module_place(place, named.alias.as_deref());
        self.mistakes.push(&place, Code::NotRetractable, message, "cannot take rows back", Some(help));
        None
    }

    fn check_kinds(&mut self, place: &str, spec: &OperatorSpec, modules: &[(Arc<Module>, String)]) -> Option<()> {
        let other = modules.iter().zip(&spec.modules).find(|((module, _), _)| module.kind() != Kind::Aggregate);
        let Some(((module, _), named)) = other else { return Some(()) };
        let what = match &named.alias {
            Some(_) => "is one of its aggregates",
            None => "has a key or a window",
        };
        let message = format!(
            "operator `{}`: the module {} exports `{}`, but {what}, which needs an `aggregate`",
            spec.name,
            shown(&named.reference),
            module.kind().name()
        );
        let help = "name a module that folds rows, such as `std:count`, or take `key` and `window` out".into();
        self.mistakes.push(
            &module_place(place, named.alias.as_deref()),
            Code::WrongWorld,
            message,
            "this module",
            Some(help),
        );
        None
    }

    pub(super) fn key(&mut self, place: &str, spec: &OperatorSpec, schema: &Schema) -> Option<Vec<usize>> {
        let mut key = Vec::new();
        for (index, name) in spec.key.iter().enumerate() {
            match schema.index_of(name) {
                Ok(at) => key.push(at),
                Err(_) => {
                    let message =
                        format!("operator `{}` groups by `{}`, which its input does not have", spec.name, shown(name));
                    self.mistakes.no_column(&format!("{place}.key.{index}"), message, name, schema);
                }
            }
        }
        if key.len() < spec.key.len() {
            return None;
        }
        let fields: Vec<FieldRef> = key.iter().filter_map(|at| schema.fields().get(*at)).cloned().collect();
        match KeyCodec::new(&fields) {
            Ok(_) => Some(key),
            Err(error) => {
                let message = format!("operator `{}`: {error}", spec.name);
                let help = match error {
                    KeyError::Float(_) => "round it to an integer or a decimal before, and group by that",
                    KeyError::Type(..) => "group by columns of numbers, text, times or bools",
                };
                self.mistakes.push(
                    &format!("{place}.key"),
                    Code::ColumnMismatch,
                    message,
                    "not a key",
                    Some(help.into()),
                );
                None
            }
        }
    }

    /// The column that tells a row's time, for windows by event time. None: something was reported.
    #[expect(clippy::option_option, reason = "a window without a column is not a mistake")]
    fn window_time(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        window: &WindowSpec,
        input: &Input,
    ) -> Option<Option<usize>> {
        let place = format!("{place}.window");
        if !has_bounds(&window.kind) || window.clock == Clock::Processing {
            return Some(None);
        }
        let at = input.event_time.as_ref().and_then(|name| input.schema.index_of(name).ok());
        if at.is_none() {
            let message = format!("operator `{}` has windows by event time, but its input has none", spec.name);
            let help = "give the source `event-time = { column = …, watermark = … }` and let the column pass, \
                        or set `time = \"processing\"` in the window";
            self.mistakes.push(&place, Code::ColumnMismatch, message, "no event time", Some(help.into()));
            return None;
        }
        Some(at)
    }

    fn functions(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        input: &Input,
        modules: Vec<(Arc<Module>, String)>,
    ) -> Option<Vec<FunctionDraft>> {
        let mut functions = Vec::new();
        let expected = modules.len();
        for ((module, options), named) in modules.into_iter().zip(&spec.modules) {
            if expected > 1 && standard::find(&named.reference).is_ok_and(|found| found.function.makes_rows) {
                let message = format!(
                    "operator `{}`: {} makes several rows of a group, so that it stands beside no other aggregate",
                    spec.name,
                    shown(&named.reference)
                );
                let place = module_place(place, named.alias.as_deref());
                let help = "give it an operator of its own, with the same input, key and window";
                self.mistakes.push(&place, Code::WrongValue, message, "not beside others", Some(help.into()));
                continue;
            }
            match open(&module, &spec.limits, &options, input, &self.offered) {
                Ok(signature) if signature.ports.len() == 1 => {
                    functions.push(FunctionDraft { module_name: named.reference.clone(), module, options, signature })
                }
                Ok(signature) => {
                    let message = format!(
                        "operator `{}`: the module {} has {} ports, but an aggregate has one",
                        spec.name,
                        shown(&named.reference),
                        signature.ports.len()
                    );
                    let place = module_place(place, named.alias.as_deref());
                    self.mistakes.push(&place, Code::BadContract, message, "this module", None);
                }
                Err(CallError::Contract(ContractError::NotAccepted { mode: Mode::Retract, .. })) => {
                    let message = format!(
                        "operator `{}` reads `{}`, whose rows take earlier ones back, which the module {} cannot",
                        spec.name,
                        shown(&input.name),
                        shown(&named.reference)
                    );
                    let place = module_place(place, named.alias.as_deref());
                    let help = "let the operator before it emit each result once, with `emit = \"on-close\"`, or use a module that \
                                takes rows back: docs/std.md says which do";
                    self.mistakes.push(&place, Code::EdgeMode, message, "cannot take rows back", Some(help.into()));
                }
                Err(error) => self.refused(&module_place(place, named.alias.as_deref()), spec, &error),
            }
        }
        (functions.len() == expected).then_some(functions)
    }

    /// Key columns, the window's bounds, what the modules compute, and of changes what each row does.
    fn result(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        key: &[FieldRef],
        window: &WindowSpec,
        functions: &[FunctionDraft],
        mode: Mode,
    ) -> Option<SchemaRef> {
        let mut fields: Vec<Field> = key.iter().map(|field| field.as_ref().clone()).collect();
        if has_bounds(&window.kind) {
            let bound = |name: &str| Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), false);
            fields.extend([bound(WINDOW_START), bound(WINDOW_END)]);
        }
        for (function, named) in functions.iter().zip(&spec.modules) {
            let computed = function.signature.ports.iter().flat_map(|port| port.computed.fields());
            let is_sole = computed.clone().count() == 1;
            fields.extend(computed.map(|field| {
                let field = field.as_ref().clone();
                match &named.alias {
                    None => field,
                    Some(alias) if is_sole => field.with_name(alias),
                    Some(alias) => {
                        let name = format!("{alias}_{}", field.name());
                        field.with_name(name)
                    }
                }
            }));
        }
        if mode == Mode::Retract {
            fields.push(Field::new(OP_COLUMN, DataType::Int8, false));
        }
        let mut names = HashSet::new();
        if let Some(twice) = fields.iter().find(|field| !names.insert(field.name().as_str())) {
            let message = format!("operator `{}` would have two columns named `{}`", spec.name, shown(twice.name()));
            let help = "call the result otherwise with `aggregate = { NAME = … }`, or rename the key column before";
            self.mistakes.push(place, Code::ColumnMismatch, message, "in this operator", Some(help.into()));
            return None;
        }
        Some(Schema::new(fields).into())
    }
}

/// Where a module is named in the job file.
fn module_place(place: &str, alias: Option<&str>) -> String {
    match alias {
        Some(alias) => format!("{place}.aggregate.{alias}"),
        None => format!("{place}.module"),
    }
}

fn open(
    module: &Module,
    limits: &Limits,
    options: &str,
    input: &Input,
    offered: &[SideTable],
) -> Result<AggregateSignature, CallError> {
    let mut instance = AggregateInstance::new(module, limits)?;
    let contract = instance.open(input, offered, options)?;
    Ok(contract.check_aggregate(input, offered)?)
}

impl AggregateDraft {
    /// The side tables that it asks for.
    pub(super) fn tables(&self) -> Vec<usize> {
        let all = self.functions.iter().chain(self.draining.iter().flatten());
        all.flat_map(|function| function.signature.tables.iter().copied()).collect()
    }

    pub(super) fn plan(self, job: &JobSpec, spec: OperatorSpec, pruned: Pruned) -> AggregatePlan {
        let (side, ports) = pruned.sole();
        // In the order in which the draft's reads were put together.
        let mut at = side.reads_at.into_iter();
        let key_at = at.by_ref().take(self.key.len()).collect();
        let time_at = self.time.and_then(|_| at.next());
        let op_at = self.op.and_then(|_| at.next());
        let mut function = |draft: FunctionDraft| Function {
            reads_at: at.by_ref().take(draft.signature.reads.len()).collect(),
            module_name: draft.module_name,
            module: draft.module,
            limits: spec.limits.clone(),
            options: draft.options,
            input: self.input.clone(),
            offered: Offered::clone(&self.offered),
            signature: draft.signature,
        };
        let functions: Vec<Function> = self.functions.into_iter().map(&mut function).collect();
        let draining: Option<Vec<Function>> =
            self.draining.map(|drafts| drafts.into_iter().map(&mut function).collect());
        let in_order = |functions: &[Function]| functions.iter().any(|function| function.signature.ordered);
        let plan = AggregatePlan {
            seed: seed(&job.name, &spec.name),
            in_order: in_order(&functions),
            functions,
            draining: None,
            name: spec.name,
            key_at,
            key_fields: self.key_fields,
            time_at,
            op_at,
            time_shift: if self.is_window_end { -1 } else { 0 },
            time_ahead: self.ahead,
            window: self.window,
            emission: self.leaves.emission,
            emits_changes: self.leaves.mode == Mode::Retract,
            partitions: job.partitions,
            result: self.result,
            output: ports.into_iter().next().flatten(),
            late: side.late,
            rejected: side.rejected,
            on_trap: spec.on_trap,
            rows_max: job.batch.rows,
            crossing: Crossing::DEFAULT,
        };
        // What late and rejected rows there are the new ones say.
        let before = draining.map(|functions| AggregatePlan {
            in_order: in_order(&functions),
            functions,
            late: None,
            rejected: None,
            ..plan.clone()
        });
        AggregatePlan { draining: before.map(Arc::new), ..plan }
    }
}
