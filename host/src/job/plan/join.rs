//! Plans a join: its inputs, the columns that rows meet by, and the columns of its result.
//!
//! The result has the left columns, then the right ones but those that have the same name and value, then the bounds of
//! the window. Columns that both sides share have the value of whichever side has a row.

use std::{collections::HashSet, sync::Arc};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use pelton_core::{
    contract::{CogroupSignature, Input, Mode, PortColumn},
    job::{JobSpec, JoinKind, JoinSpec, OperatorSpec},
    types,
    window::{Clock, WindowKind, WindowSpec},
};
use pelton_wasm::{CallError, CogroupInstance, Module};

use super::{
    aggregate::Upstream,
    assemble::seed,
    build::{Builder, OpenOperator, Opened},
    prune::{Draft, DraftPort, DraftSide, Pruned},
};
use crate::{
    error::Code,
    job::diagnostic::shown,
    operator::{
        admit::TimeColumn,
        aggregate::{WINDOW_END, WINDOW_START, has_bounds},
        join::{CogroupPlan, JoinForm, JoinOutput, JoinPlan, LookupPlan},
        shuffle::{LateRows, ShufflePlan},
        tables::Offered,
    },
    state::keys::{KeyCodec, KeyError},
};

/// The name of the main output's port.
const OUT: &str = "out";
const SIDES: [&str; 2] = ["left", "right"];

/// A join of two streams whose columns fit.
pub(super) struct JoinDraft {
    kind: JoinKind,
    form: JoinForm,
    key_fields: Vec<FieldRef>,
    has_time: bool,
    /// Whether the event time of each side is the end of a window.
    is_window_end: [bool; 2],
    ahead: [Option<i64>; 2],
    made: Made,
}

/// What leaves a join.
enum Made {
    /// For each column of the result, which of the right side's reads has the same value.
    Pairs {
        result: SchemaRef,
        merged: Vec<Option<usize>>,
    },
    Cogroup(Box<CogroupDraft>),
}

/// A cogroup whose module has answered.
struct CogroupDraft {
    module_name: String,
    module: Arc<Module>,
    options: String,
    inputs: [Input; 2],
    offered: Offered,
    signature: CogroupSignature,
}

/// An output of a join.
struct JoinPort {
    name: String,
    schema: SchemaRef,
    columns: Vec<PortColumn>,
}

/// A join of a stream and a table whose columns fit.
pub(super) struct LookupDraft {
    kind: JoinKind,
    table: usize,
    table_key: Vec<usize>,
    key_fields: Vec<FieldRef>,
}

/// One side of a join.
struct Joined {
    /// As the job file names it.
    name: String,
    schema: SchemaRef,
    /// The columns that rows meet by.
    key: Vec<usize>,
}

impl Builder<'_> {
    /// None: something was reported.
    pub(super) fn join(&mut self, place: &str, spec: &OperatorSpec, join: &JoinSpec) -> Option<OpenOperator> {
        let [left, right] = spec.inputs.as_slice() else { return None };
        let tables = self.file.spec.tables.iter();
        let table = tables.enumerate().find(|(_, table)| right.port.is_none() && table.name == right.node);
        if let Some((table, _)) = table {
            return self.lookup(place, spec, join, table);
        }
        let left_inputs = self.inputs(place, "join.left", std::slice::from_ref(left));
        let right_inputs = self.inputs(place, "join.right", std::slice::from_ref(right));
        let form = self.form(place, spec, join);
        let (left_inputs, left_schema) = left_inputs?;
        let (right_inputs, right_schema) = right_inputs?;
        let form = form?;
        let upstreams = [self.upstream(left_inputs), self.upstream(right_inputs)];
        for (upstream, side) in upstreams.iter().zip(SIDES) {
            self.facts(&format!("{place}.join.{side}"), spec, upstream)?;
        }
        let sides = [(left, left_schema), (right, right_schema)].map(|(name, schema)| Joined {
            name: name.to_string(),
            schema,
            key: Vec::new(),
        });
        let (sides, key_fields) = self.keyed_sides(place, spec, join, sides)?;
        let needs_time = match &form {
            JoinForm::Interval { .. } => true,
            JoinForm::Windows(window) => has_bounds(&window.kind),
        };
        let times = if needs_time { Some(self.times(place, spec, join, &sides, &upstreams)?) } else { None };
        let (ports, made) = if join.kind == JoinKind::Cogroup {
            let inputs = [0, 1].map(|at| input_of(join, at, &sides, &upstreams));
            let cogroup = self.cogroup(place, spec, inputs)?;
            (self.cogroup_ports(place, spec, &cogroup, &form)?, Made::Cogroup(Box::new(cogroup)))
        } else {
            let (result, merged) = self.result_of(place, spec, join, &sides, times, &form)?;
            (vec![pair_port(join, &sides, &result)], Made::Pairs { result, merged })
        };
        Some(self.join_draft(spec, join, form, sides, upstreams, JoinColumns { key_fields, times, ports, made }))
    }

    /// Opens the module of a cogroup. None: something was reported.
    fn cogroup(&mut self, place: &str, spec: &OperatorSpec, inputs: [Input; 2]) -> Option<CogroupDraft> {
        let named = spec.modules.first()?;
        let (module, options) = self.module(place, spec, named)?;
        let opened = || -> Result<CogroupSignature, CallError> {
            let mut instance = CogroupInstance::new(&module, &spec.limits)?;
            let contract = instance.open(&inputs, &self.offered, &options)?;
            Ok(contract.check_cogroup(&inputs, &self.offered)?)
        };
        match opened() {
            Ok(signature) => {
                let offered = Offered::clone(&self.offered);
                Some(CogroupDraft { module_name: named.reference.clone(), module, options, inputs, offered, signature })
            }
            Err(error) => {
                self.refused(&format!("{place}.module"), spec, &error);
                None
            }
        }
    }

    /// What the module makes, and the bounds of the window. None: something was reported.
    fn cogroup_ports(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        cogroup: &CogroupDraft,
        form: &JoinForm,
    ) -> Option<Vec<JoinPort>> {
        let ports = cogroup.signature.ports.iter().map(|port| {
            let mut fields: Vec<Field> = port.schema.fields().iter().map(|field| field.as_ref().clone()).collect();
            fields.extend(bounds(form));
            let columns = (0..fields.len()).map(PortColumn::Computed).collect();
            Some(JoinPort { name: port.name.clone(), schema: self.distinct(place, spec, fields)?, columns })
        });
        ports.collect()
    }

    /// By window or by interval. None: something was reported.
    fn form(&mut self, place: &str, spec: &OperatorSpec, join: &JoinSpec) -> Option<JoinForm> {
        let wrong = match (&spec.window, join.within) {
            (None, Some(_)) if join.kind == JoinKind::Cogroup => {
                "hands a module all rows of a key, and does not say of which window"
            }
            (None, Some((least, most))) => return Some(JoinForm::Interval { least, most, lateness: join.lateness }),
            (Some(window), _) => match (&window.kind, window.clock) {
                (
                    WindowKind::Tumbling { .. } | WindowKind::Sliding { .. } | WindowKind::Session { .. },
                    Clock::Event,
                )
                | (WindowKind::Global, _) => return Some(JoinForm::Windows(window.clone())),
                (_, Clock::Processing) => {
                    "joins within windows of processing time, in which nobody can say what belongs together"
                }
                _ => "joins within windows of a type that is for aggregates only",
            },
            (None, None) => "joins two streams, and does not say which rows may still meet",
        };
        let message = format!("operator `{}` {wrong}", spec.name);
        let help = "give the join `within = [\"-1m\", \"10m\"]`, or the operator a tumbling, sliding, session or global `window`";
        let at = if spec.window.is_some() { "window" } else { "join" };
        self.mistakes.push(&format!("{place}.{at}"), Code::WrongValue, message, "no bound", Some(help.into()));
        None
    }

    /// Finds the columns of `on` on both sides. None: something was reported.
    fn keyed_sides(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        join: &JoinSpec,
        mut sides: [Joined; 2],
    ) -> Option<([Joined; 2], Vec<FieldRef>)> {
        let mut fields: Vec<FieldRef> = Vec::new();
        let mut is_good = true;
        for (index, (left, right)) in join.on.iter().enumerate() {
            let place = format!("{place}.join.on.{index}");
            let mut found = Vec::new();
            for (side, name) in sides.iter().zip([left, right]) {
                match side.schema.index_of(name) {
                    Ok(at) => found.push(at),
                    Err(_) => {
                        let message = format!(
                            "operator `{}` joins by `{}`, which `{}` does not have",
                            spec.name,
                            shown(name),
                            shown(&side.name)
                        );
                        self.mistakes.no_column(&place, message, name, &side.schema);
                    }
                }
            }
            let [left_at, right_at] = *found.as_slice() else {
                is_good = false;
                continue;
            };
            let [left_side, right_side] = &mut sides;
            let (one, other) = (left_side.schema.field(left_at), right_side.schema.field(right_at));
            if one.data_type() == other.data_type() {
                let nullable = one.is_nullable() || other.is_nullable();
                fields.push(one.clone().with_nullable(nullable).into());
            } else {
                let message = format!(
                    "operator `{}` joins by `{}`, which is {} in `{}`, but {} in `{}`",
                    spec.name,
                    shown(left),
                    types::name(one.data_type()),
                    shown(&left_side.name),
                    types::name(other.data_type()),
                    shown(&right_side.name)
                );
                let help = "give both columns one type, in the schema or with `std:cast`".to_owned();
                self.mistakes.push(&place, Code::ColumnMismatch, message, "of two types", Some(help));
                is_good = false;
            }
            left_side.key.push(left_at);
            right_side.key.push(right_at);
        }
        if is_good && let Err(error) = KeyCodec::new(&fields) {
            let message = format!("operator `{}`: {error}", spec.name);
            let help = match error {
                KeyError::Float(_) => "round it to an integer or a decimal before, and join by that",
                KeyError::Type(..) => "join by columns of numbers, text, times or bools",
            };
            self.mistakes.push(
                &format!("{place}.join.on"),
                Code::ColumnMismatch,
                message,
                "not a key",
                Some(help.into()),
            );
            is_good = false;
        }
        is_good.then_some((sides, fields))
    }

    /// The event-time columns. None: something was reported.
    fn times(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        join: &JoinSpec,
        sides: &[Joined; 2],
        upstreams: &[Upstream; 2],
    ) -> Option<[usize; 2]> {
        let mut times = Vec::new();
        for ((side, upstream), name) in sides.iter().zip(upstreams).zip(SIDES) {
            let time = upstream.event_time.as_ref().and_then(|name| side.schema.index_of(name).ok());
            if time.is_none() {
                let message = format!(
                    "operator `{}` joins by event time, but its input `{}` has none",
                    spec.name,
                    shown(&side.name)
                );
                let help = "give the source `event-time = { column = …, watermark = … }` and let the column pass";
                let place = format!("{place}.join.{name}");
                self.mistakes.push(&place, Code::ColumnMismatch, message, "no event time", Some(help.into()));
            }
            times.extend(time);
        }
        let [left, right] = *times.as_slice() else { return None };
        let [left_side, right_side] = sides;
        let (one, other) = (left_side.schema.field(left), right_side.schema.field(right));
        let [_, keeps_right] = join.kind.keeps();
        if keeps_right && one.data_type() != other.data_type() {
            let message = format!(
                "operator `{}` keeps right rows without a partner, but the event time of `{}` is {}, and that of `{}` {}",
                spec.name,
                shown(&right_side.name),
                types::name(other.data_type()),
                shown(&left_side.name),
                types::name(one.data_type())
            );
            let help = "give both event times one type".to_owned();
            self.mistakes.push(&format!("{place}.join"), Code::ColumnMismatch, message, "of two types", Some(help));
            return None;
        }
        Some([left, right])
    }

    /// The columns of the result, and for each which of the right side's reads (its key, then its time) has the same value.
    fn result_of(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        join: &JoinSpec,
        sides: &[Joined; 2],
        times: Option<[usize; 2]>,
        form: &JoinForm,
    ) -> Option<(SchemaRef, Vec<Option<usize>>)> {
        let [left, right] = sides;
        let [keeps_left, keeps_right] = join.kind.keeps();
        let shared = |column: usize| {
            let time = times.filter(|[time, _]| *time == column).map(|_| right.key.len());
            left.key.iter().position(|key| *key == column).or(time)
        };
        let right_reads: Vec<usize> = right.key.iter().copied().chain(times.map(|[_, time]| time)).collect();
        let mut fields = Vec::new();
        let mut merged = Vec::new();
        for (column, field) in left.schema.fields().iter().enumerate() {
            let same = shared(column).filter(|_| keeps_right);
            let same_is_nullable =
                same.and_then(|read| right_reads.get(read)).map(|at| right.schema.field(*at).is_nullable());
            let nullable = field.is_nullable() || keeps_right && same_is_nullable.unwrap_or(true);
            fields.push(field.as_ref().clone().with_nullable(nullable));
            merged.push(same);
        }
        fields.extend(right_fields(join, left, right, keeps_left).into_iter().map(|(_, field)| field));
        fields.extend(bounds(form));
        merged.resize(fields.len(), None);
        let schema = self.distinct(place, spec, fields)?;
        Some((schema, merged))
    }

    fn distinct(&mut self, place: &str, spec: &OperatorSpec, fields: Vec<Field>) -> Option<SchemaRef> {
        let mut names = HashSet::new();
        if let Some(twice) = fields.iter().find(|field| !names.insert(field.name().as_str())) {
            let message = format!("operator `{}` would have two columns named `{}`", spec.name, shown(twice.name()));
            let help = if matches!(twice.name().as_str(), WINDOW_START | WINDOW_END) {
                "results of windows have it already: join them by it (`on = [\"window_end\"]`, `within = \"0s\"`), or rename it before"
            } else {
                "give the join another `prefix` for columns of the right side, or rename the column before"
            };
            let help = help.to_owned();
            self.mistakes.push(&format!("{place}.join"), Code::ColumnMismatch, message, "in this join", Some(help));
            return None;
        }
        Some(Schema::new(fields).into())
    }

    fn join_draft(
        &mut self,
        spec: &OperatorSpec,
        join: &JoinSpec,
        form: JoinForm,
        sides: [Joined; 2],
        upstreams: [Upstream; 2],
        columns: JoinColumns,
    ) -> OpenOperator {
        let JoinColumns { key_fields, times, ports, made } = columns;
        let [left, _] = &sides;
        let sources: Vec<usize> = {
            let all: std::collections::BTreeSet<usize> =
                upstreams.iter().flat_map(|upstream| upstream.sources.iter().copied()).collect();
            all.into_iter().collect()
        };
        let stage = upstreams.iter().map(|upstream| upstream.stage).max().unwrap_or(0) + 1;
        let held_back = upstreams.iter().map(|upstream| upstream.held_back).max().unwrap_or(0);
        let is_window_end = upstreams.each_ref().map(|upstream| upstream.is_window_end);
        let ahead = upstreams.each_ref().map(|upstream| upstream.ahead);
        let (event_time, own) = match &form {
            JoinForm::Interval { least, most, lateness } => {
                let [_, keeps_right] = join.kind.keeps();
                let right = if keeps_right { -least } else { 0 };
                let name = times.map(|[left_time, _]| left.schema.field(left_time).name().clone());
                (name, lateness.saturating_add(right.max(*most).max(0)))
            }
            JoinForm::Windows(window) => (has_bounds(&window.kind).then(|| WINDOW_END.to_owned()), window.lateness),
        };
        let is_windowed = event_time.as_deref() == Some(WINDOW_END);
        let is_of_sessions = form.is_of_sessions();
        let [left_end, _] = is_window_end;
        let mut draft_ports = Vec::new();
        for (index, port) in ports.into_iter().enumerate() {
            let output = self.output(&spec.name, Some(&port.name), port.schema, event_time.clone());
            if index == 0 {
                self.main_output(&spec.name, output);
            }
            self.mark_window_end(output, is_windowed || left_end && times.is_some());
            self.trace(&[output], &sources, held_back.saturating_add(own), stage);
            draft_ports.push(DraftPort { output, columns: port.columns });
        }
        let reads_of = match &made {
            Made::Pairs { .. } => [Vec::new(), Vec::new()],
            Made::Cogroup(cogroup) => cogroup.signature.reads.clone(),
        };

        let mut draft_sides = Vec::new();
        for (at, (((side, upstream), name), module_reads)) in
            sides.into_iter().zip(upstreams).zip(SIDES).zip(reads_of).enumerate()
        {
            let time = times.and_then(|times| times.get(at).copied());
            let is_cogroup = matches!(made, Made::Cogroup(_));
            let rejected = (time.is_some() || is_cogroup)
                .then(|| self.rejected(&spec.name, &format!("{name}-rejected"), &side.schema));
            let late = time.map(|_| {
                let port = format!("{name}-late");
                self.output(&spec.name, Some(&port), SchemaRef::clone(&side.schema), upstream.event_time.clone())
            });
            // A module says only at the end of the epoch what it rejects.
            let rejected_stage = if is_cogroup { stage } else { upstream.stage };
            self.trace(rejected.as_slice(), &upstream.sources, upstream.held_back, rejected_stage);
            // Which session a row is of, and so whether it is late, is known at the end of the epoch only.
            let late_stage = if is_of_sessions { stage } else { upstream.stage };
            self.trace(late.as_slice(), &upstream.sources, upstream.held_back, late_stage);
            let reads = side.key.iter().copied().chain(time).chain(module_reads).collect();
            draft_sides.push(DraftSide { inputs: upstream.inputs, schema: side.schema, reads, rejected, late });
        }
        let draft = Draft { sides: draft_sides, ports: draft_ports, takes_all: false };
        let has_time = times.is_some();
        let opened =
            Opened::Join(JoinDraft { kind: join.kind, form, key_fields, has_time, is_window_end, ahead, made });
        OpenOperator { spec: spec.clone(), opened, draft, sources, held_back, stage }
    }

    /// A stream and a table. None: something was reported.
    fn lookup(&mut self, place: &str, spec: &OperatorSpec, join: &JoinSpec, table: usize) -> Option<OpenOperator> {
        let [left, right] = spec.inputs.as_slice() else { return None };
        let inputs = self.inputs(place, "join.left", std::slice::from_ref(left));
        self.check_lookup(place, spec, join)?;
        let table_schema = SchemaRef::clone(self.tables.get(table)?.as_ref()?.table.schema());
        let (inputs, schema) = inputs?;
        let upstream = self.upstream(inputs);
        self.facts(&format!("{place}.join.left"), spec, &upstream)?;
        let sides = [(left, schema), (right, table_schema)].map(|(name, schema)| Joined {
            name: name.to_string(),
            schema,
            key: Vec::new(),
        });
        let ([left, right], key_fields) = self.keyed_sides(place, spec, join, sides)?;

        let columns = right_fields(join, &left, &right, join.kind == JoinKind::Left);
        let fields = left.schema.fields().iter().map(|field| field.as_ref().clone());
        let result =
            self.distinct(place, spec, fields.chain(columns.iter().map(|(_, field)| field.clone())).collect())?;
        let mut port: Vec<PortColumn> = (0..left.schema.fields().len()).map(PortColumn::Pass).collect();
        port.extend(columns.iter().map(|(at, _)| PortColumn::Computed(*at)));

        let output = self.output(&spec.name, Some(OUT), result, upstream.event_time);
        self.main_output(&spec.name, output);
        self.mark_window_end(output, upstream.is_window_end);
        self.mark_ahead(output, upstream.ahead);
        let Upstream { inputs, sources, held_back, stage, .. } = upstream;
        self.trace(&[output], &sources, held_back, stage);
        let side = DraftSide { inputs, schema: left.schema, reads: left.key, rejected: None, late: None };
        let draft = Draft { sides: vec![side], ports: vec![DraftPort { output, columns: port }], takes_all: false };
        let opened = Opened::Lookup(LookupDraft { kind: join.kind, table, table_key: right.key, key_fields });
        Some(OpenOperator { spec: spec.clone(), opened, draft, sources, held_back, stage: 0 })
    }

    fn check_lookup(&mut self, place: &str, spec: &OperatorSpec, join: &JoinSpec) -> Option<()> {
        let (key, why, help) = if spec.window.is_some() {
            ("window", "whose rows are in no window", "take `window` out")
        } else if join.within.is_some() {
            ("join.within", "whose rows have no time", "take `within` out")
        } else if matches!(join.kind, JoinKind::Inner | JoinKind::Left) {
            return Some(());
        } else {
            (
                "join.type",
                "whose rows never leave alone",
                "take `inner` or `left`: a table has no moment at which a row has found no partner",
            )
        };
        let message = format!("operator `{}` joins with a table, {why}", spec.name);
        self.mistakes.push(&format!("{place}.{key}"), Code::WrongValue, message, "not with a table", Some(help.into()));
        None
    }
}

/// What is decided of a join's columns.
struct JoinColumns {
    key_fields: Vec<FieldRef>,
    times: Option<[usize; 2]>,
    ports: Vec<JoinPort>,
    made: Made,
}

/// The columns that the host adds to what leaves a window.
fn bounds(form: &JoinForm) -> Vec<Field> {
    let bound = |name: &str| Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), false);
    match form {
        JoinForm::Windows(window) if has_bounds(&window.kind) => vec![bound(WINDOW_START), bound(WINDOW_END)],
        _ => Vec::new(),
    }
}

/// An input as the module of a cogroup sees it.
fn input_of(join: &JoinSpec, at: usize, sides: &[Joined; 2], upstreams: &[Upstream; 2]) -> Input {
    let ([left, right], [left_upstream, right_upstream]) = (sides, upstreams);
    let (side, upstream) = if at == 0 { (left, left_upstream) } else { (right, right_upstream) };
    let key = join.on.iter().map(|(left, right)| if at == 0 { left.clone() } else { right.clone() });
    Input {
        name: side.name.clone(),
        schema: SchemaRef::clone(&side.schema),
        key: key.collect(),
        event_time: upstream.event_time.clone(),
        mode: Mode::Append,
    }
}

/// The output of pairs.
fn pair_port(join: &JoinSpec, [left, right]: &[Joined; 2], result: &SchemaRef) -> JoinPort {
    let left_columns = left.schema.fields().len();
    let [keeps_left, _] = join.kind.keeps();
    let passed = right_fields(join, left, right, keeps_left);
    let mut columns: Vec<PortColumn> = (0..left_columns).map(PortColumn::Pass).collect();
    columns.extend(passed.iter().map(|(at, _)| PortColumn::Pass(left_columns + at)));
    columns.extend((0..result.fields().len() - columns.len()).map(PortColumn::Computed));
    JoinPort { name: OUT.to_owned(), schema: SchemaRef::clone(result), columns }
}

/// The right columns of the result, each with its place on the right side: all but those of the key that have the left one's name.
fn right_fields(join: &JoinSpec, left: &Joined, right: &Joined, is_nullable: bool) -> Vec<(usize, Field)> {
    let is_same = |column: usize, field: &Field| {
        let mut keys = left.key.iter().zip(&right.key);
        keys.any(|(left_key, key)| *key == column && left.schema.field(*left_key).name() == field.name())
    };
    let columns = right.schema.fields().iter().enumerate().filter(|(at, field)| !is_same(*at, field));
    let renamed = columns.map(|(at, field)| {
        let nullable = field.is_nullable() || is_nullable;
        let field = field.as_ref().clone().with_nullable(nullable);
        if left.schema.index_of(field.name()).is_ok() {
            let name = format!("{}{}", join.prefix, field.name());
            (at, field.with_name(name))
        } else {
            (at, field)
        }
    });
    renamed.collect()
}

impl JoinDraft {
    /// The side tables that its module asks for.
    pub(super) fn tables(&self) -> Vec<usize> {
        match &self.made {
            Made::Pairs { .. } => Vec::new(),
            Made::Cogroup(cogroup) => cogroup.signature.tables.clone(),
        }
    }

    pub(super) fn plan(self, job: &JobSpec, spec: OperatorSpec, pruned: Pruned) -> JoinPlan {
        let Self { kind, form, key_fields, has_time, is_window_end, ahead, made } = self;
        let Pruned { sides, ports } = pruned;
        let schemas: Vec<SchemaRef> = sides.iter().map(|side| SchemaRef::clone(&side.schema)).collect();
        let left_columns = schemas.first().map_or(0, |schema| schema.fields().len());
        let right_reads = sides.get(1).map(|side| side.reads_at.clone()).unwrap_or_default();
        let (output, cogroup) = match made {
            Made::Pairs { result, merged } => {
                let output = ports.into_iter().next().flatten().map(|port| {
                    let fallback = port.schema.fields().iter().map(|field| {
                        let read = merged.get(result.index_of(field.name()).ok()?).copied().flatten()?;
                        Some(left_columns + right_reads.get(read)?)
                    });
                    JoinOutput { fallback: fallback.collect(), left_columns, port }
                });
                (output, None)
            }
            Made::Cogroup(draft) => {
                // The key, then the time, then what the module reads.
                let before = key_fields.len() + usize::from(has_time);
                let reads = |side: usize| -> Vec<usize> {
                    sides.get(side).into_iter().flat_map(|side| side.reads_at.iter().skip(before).copied()).collect()
                };
                let cogroup = CogroupPlan {
                    module_name: draft.module_name,
                    module: draft.module,
                    limits: spec.limits.clone(),
                    options: draft.options,
                    inputs: draft.inputs,
                    offered: draft.offered,
                    signature: draft.signature,
                    reads_at: [reads(0), reads(1)],
                    ports,
                    seed: seed(&job.name, &spec.name),
                };
                (None, Some(cogroup))
            }
        };
        let late_rows = match &form {
            _ if !has_time || form.is_of_sessions() => LateRows::Never,
            JoinForm::Interval { lateness, .. } => LateRows::Behind(*lateness),
            JoinForm::Windows(window) => LateRows::After(WindowSpec::clone(window)),
        };
        let times = is_window_end.into_iter().zip(ahead);
        let shuffles = sides.into_iter().zip(times).enumerate().map(|(input, (side, (is_window_end, ahead)))| {
            // The key, then the time: as the draft's reads were put together.
            let mut at = side.reads_at.into_iter();
            let key_at = at.by_ref().take(key_fields.len()).collect();
            let shift = if is_window_end { -1 } else { 0 };
            ShufflePlan {
                input,
                key_at,
                key_fields: key_fields.clone(),
                time: at.next().filter(|_| has_time).map(|at| TimeColumn { at, shift, ahead }),
                late_rows: late_rows.clone(),
                partitions: job.partitions,
                late: side.late,
                rejected: side.rejected,
            }
        });
        JoinPlan {
            name: spec.name,
            kind,
            shuffles: shuffles.collect::<Vec<_>>().try_into().expect("a join of streams has two sides"),
            schemas: schemas.try_into().expect("a join of streams has two sides"),
            form,
            partitions: job.partitions,
            output,
            cogroup,
            on_trap: spec.on_trap,
            state_bytes: spec.limits.state_bytes,
            rows_max: job.batch.rows,
        }
    }
}

impl LookupDraft {
    pub(super) fn table(&self) -> usize {
        self.table
    }

    pub(super) fn plan(self, job: &JobSpec, spec: OperatorSpec, pruned: Pruned) -> LookupPlan {
        let (side, ports) = pruned.sole();
        LookupPlan {
            name: spec.name,
            kind: self.kind,
            table: self.table,
            key_at: side.reads_at,
            table_key_at: self.table_key,
            key_fields: self.key_fields,
            output: ports.into_iter().next().flatten(),
            rows_max: job.batch.rows,
        }
    }
}
