//! Plans a keyed operator: its key, its module's contract, its state, and which columns go where.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use pelton_core::{
    contract::{Input, KeyedSignature, Port, PortColumn, SideTable, StateForm},
    job::{JobSpec, LATE_PORT, OperatorSpec, REJECTED_PORT, StateSpec},
    limits::Limits,
    types,
    window::Clock,
};
use pelton_wasm::{CallError, KeyedInstance, Module};

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
        KeptColumn, PortPlan,
        admit::TimeColumn,
        keyed::{Initial, KeyedPlan, KeyedPort, Ttl},
        shuffle::{LateRows, ShufflePlan},
        tables::Offered,
    },
    state,
};

/// A keyed operator whose module has answered.
pub(super) struct KeyedDraft {
    module: Arc<Module>,
    options: String,
    input: Input,
    offered: Offered,
    signature: KeyedSignature,
    /// Columns of the input.
    key: Vec<usize>,
    key_fields: Vec<FieldRef>,
    time: Option<usize>,
    initial: Vec<Initial>,
    is_window_end: bool,
    ahead: Option<i64>,
}

impl Builder<'_> {
    /// None: something was reported.
    pub(super) fn keyed(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        input: Input,
        (module, options): (Arc<Module>, String),
        upstream: Upstream,
    ) -> Option<OpenOperator> {
        self.refuse_windows(place, spec)?;
        let schema = Arc::clone(&input.schema);
        let key = self.key(place, spec, &schema)?;
        let signature = match open(&module, &spec.limits, &options, &input, &self.offered) {
            Ok(signature) => signature,
            Err(error) => {
                self.refused(&format!("{place}.module"), spec, &error);
                return None;
            }
        };
        self.check_state(place, spec, &signature)?;
        let time = input.event_time.as_ref().and_then(|name| schema.index_of(name).ok());
        let lateness = self.lateness(place, spec, time)?;
        let initial = self.initial(place, spec, &signature, &key, &schema)?;

        let mut ports = Vec::new();
        for (index, port) in signature.ports.iter().enumerate() {
            self.check_zones(spec, &schema, &port.schema);
            let output = self.output(&spec.name, Some(&port.name), Arc::clone(&port.schema), port.event_time.clone());
            if index == 0 {
                self.main_output(&spec.name, output);
            }
            self.mark_window_end(output, upstream.is_window_end && passes(port, time));
            ports.push(DraftPort { output, columns: port.columns.clone() });
        }
        let rejected = self.rejected(&spec.name, REJECTED_PORT, &schema);
        self.mark_mode(rejected, input.mode);
        let late =
            lateness.map(|_| self.output(&spec.name, Some(LATE_PORT), Arc::clone(&schema), input.event_time.clone()));
        late.iter().for_each(|late| self.mark_mode(*late, input.mode));
        let stage = upstream.stage + 1;
        let reduced: Vec<_> = ports.iter().map(|port| port.output).chain([rejected]).collect();
        let Upstream { inputs, sources, held_back, is_window_end, ahead, .. } = upstream;
        self.trace(&reduced, &sources, held_back, stage);
        self.trace(late.as_slice(), &sources, held_back, stage - 1);

        let key_fields = key.iter().filter_map(|at| schema.fields().get(*at)).cloned().collect();
        let reads = key.iter().chain(&time).chain(&signature.reads).copied().collect();
        let side = DraftSide { inputs, schema, reads, rejected: Some(rejected), late };
        let draft = Draft { sides: vec![side], ports, takes_all: false };
        let opened = Opened::Keyed(KeyedDraft {
            module,
            options,
            input,
            offered: Offered::clone(&self.offered),
            signature,
            key,
            key_fields,
            time,
            initial,
            is_window_end,
            ahead,
        });
        Some(OpenOperator { spec: spec.clone(), opened, draft, sources, held_back, stage })
    }

    /// The tables with which state begins. None: something was reported.
    fn initial(
        &mut self,
        place: &str,
        spec: &OperatorSpec,
        signature: &KeyedSignature,
        key: &[usize],
        schema: &Schema,
    ) -> Option<Vec<Initial>> {
        let mut found = Vec::new();
        let given = spec.state.iter().flat_map(|state| &state.initial);
        for (state, table) in given.clone() {
            let place = format!("{place}.state.initial.{state}");
            let values =
                signature.state.iter().position(|known| known.name == *state && known.form == StateForm::Value);
            let Some(at) = values else {
                let known = signature.state.iter().filter(|known| known.form == StateForm::Value);
                let known: Vec<_> = known.map(|known| known.name.as_str()).collect();
                let message = format!(
                    "the module of operator `{}` has no state `{}` with one row for each key",
                    spec.name,
                    shown(state)
                );
                let help = match known.as_slice() {
                    [] => "it has none such".to_owned(),
                    known => format!("it has {}", known.join(", ")),
                };
                self.mistakes.push(&place, Code::UnknownName, message, "no such state", Some(help));
                continue;
            };
            let Some(index) = self.offered.iter().position(|offered| offered.name == *table) else {
                let message =
                    format!("operator `{}` begins with table `{}`, which is not there", spec.name, shown(table));
                let help = format!("declare it: `[table.{}]` with a `path`", shown(table));
                self.mistakes.push(&place, Code::UnknownName, message, "no such table", Some(help));
                continue;
            };
            let columns = self.offered.get(index).map(|offered| SchemaRef::clone(&offered.schema))?;
            let values = signature.state.get(at).map(|known| known.values.fields().clone()).unwrap_or_default();
            let keys = key.iter().filter_map(|at| schema.fields().get(*at));
            let mut at_columns = Vec::new();
            for wanted in keys.chain(values.iter()) {
                match columns.index_of(wanted.name()) {
                    Ok(at) if columns.field(at).data_type() == wanted.data_type() => at_columns.push(at),
                    Ok(at) => {
                        let message = format!(
                            "column `{}` of table `{}` is {}, but the state of operator `{}` has {}",
                            shown(wanted.name()),
                            shown(table),
                            types::name(columns.field(at).data_type()),
                            spec.name,
                            types::name(wanted.data_type())
                        );
                        self.mistakes.push(&place, Code::ColumnMismatch, message, "of two types", None);
                    }
                    Err(_) => {
                        let message = format!(
                            "operator `{}` begins with `{}`, which table `{}` does not have",
                            spec.name,
                            shown(wanted.name()),
                            shown(table)
                        );
                        self.mistakes.no_column(&place, message, wanted.name(), &columns);
                    }
                }
            }
            if at_columns.len() == key.len() + values.len() {
                let values_at = at_columns.split_off(key.len());
                found.push(Initial { state: at, table: index, key_at: at_columns, values_at });
            }
        }
        (found.len() == given.count()).then_some(found)
    }

    fn refuse_windows(&mut self, place: &str, spec: &OperatorSpec) -> Option<()> {
        let emits = spec.emission.is_some() || spec.mode.is_some();
        let key = match (&spec.window, emits) {
            (Some(_), _) => "window",
            (None, true) => "emit",
            (None, false) => return Some(()),
        };
        let message = format!("operator `{}` has `{key}`, but its module exports `keyed`", spec.name);
        let help = "windows are for aggregates; a keyed operator keeps time with its own timers";
        self.mistakes.push(&format!("{place}.{key}"), Code::WrongValue, message, "not here", Some(help.into()));
        None
    }

    /// The engine must be able to hold what the module declared.
    fn check_state(&mut self, place: &str, spec: &OperatorSpec, signature: &KeyedSignature) -> Option<()> {
        let mut columns =
            signature.state.iter().flat_map(|table| table.values.fields().iter().map(move |field| (table, field)));
        let Some((table, field)) = columns.find(|(_, field)| !state::rows::holds(field.data_type())) else {
            return Some(());
        };
        let message = format!(
            "operator `{}`: its module keeps column `{}` of state table `{}`, which is {}, and state cannot hold that yet",
            spec.name,
            shown(field.name()),
            shown(&table.name),
            types::column(field)
        );
        let help = "state holds numbers, times, bools, utf8 and binary; lists and maps are tables with a subkey";
        self.mistakes.push(&format!("{place}.module"), Code::BadContract, message, "this module", Some(help.into()));
        None
    }

    /// How late rows may be. None: something was reported.
    #[expect(clippy::option_option, reason = "an operator for which no row is late is not a mistake")]
    fn lateness(&mut self, place: &str, spec: &OperatorSpec, time: Option<usize>) -> Option<Option<i64>> {
        let lateness = spec.state.as_ref().and_then(|state| state.lateness);
        if lateness.is_some() && time.is_none() {
            let message = format!("operator `{}` refuses late rows, but its input has no event time", spec.name);
            let help = "give the source `event-time = { column = …, watermark = … }` and let the column pass";
            let place = format!("{place}.state.lateness");
            self.mistakes.push(&place, Code::ColumnMismatch, message, "no event time", Some(help.into()));
            return None;
        }
        Some(lateness)
    }

    /// `state` is for keyed operators alone.
    pub(super) fn refuse_state(&mut self, place: &str, spec: &OperatorSpec) -> Option<()> {
        if spec.state.is_none() {
            return Some(());
        }
        let message = format!("operator `{}` has `state`, but its module does not export `keyed`", spec.name);
        let help = "take `state` out: it says how long a keyed operator keeps what it knows of a key".into();
        self.mistakes.push(&format!("{place}.state"), Code::WrongValue, message, "not here", Some(help));
        None
    }
}

/// Whether a port's event time is the input's.
fn passes(port: &Port, time: Option<usize>) -> bool {
    let at = port.event_time.as_ref().and_then(|name| port.schema.index_of(name).ok());
    let column = at.and_then(|at| port.columns.get(at));
    matches!(column, Some(PortColumn::Pass(from)) if Some(*from) == time)
}

fn open(
    module: &Module,
    limits: &Limits,
    options: &str,
    input: &Input,
    offered: &[SideTable],
) -> Result<KeyedSignature, CallError> {
    let mut instance = KeyedInstance::new(module, limits)?;
    let contract = instance.open(input, offered, options)?;
    Ok(contract.check_keyed(input, offered)?)
}

impl KeyedDraft {
    /// The side tables that it asks for.
    pub(super) fn tables(&self) -> Vec<usize> {
        self.signature.tables.iter().copied().chain(self.initial.iter().map(|initial| initial.table)).collect()
    }

    pub(super) fn plan(self, job: &JobSpec, spec: OperatorSpec, pruned: Pruned) -> KeyedPlan {
        let (side, ports) = pruned.sole();
        // In the order in which the draft's reads were put together.
        let mut at = side.reads_at.into_iter();
        let key_at = at.by_ref().take(self.key.len()).collect();
        let time_at = self.time.and_then(|_| at.next());
        let shift = if self.is_window_end { -1 } else { 0 };
        let StateSpec { ttl, idle_keys, lateness, initial: _ } = spec.state.unwrap_or_default();
        let clock = if time_at.is_some() { Clock::Event } else { Clock::Processing };
        let signature = self.signature;
        let ports = ports.into_iter().zip(&signature.ports).map(|(port, declared)| {
            let port = port?;
            let time_at = passed_time(&port, declared);
            Some(KeyedPort { port, time_at })
        });
        KeyedPlan {
            seed: seed(&job.name, &spec.name),
            name: spec.name,
            module_name: spec.modules.into_iter().next().map(|module| module.reference).unwrap_or_default(),
            module: self.module,
            limits: spec.limits,
            on_trap: spec.on_trap,
            options: self.options,
            input: self.input,
            offered: self.offered,
            shuffle: ShufflePlan {
                input: 0,
                key_at,
                key_fields: self.key_fields,
                time: time_at.map(|at| TimeColumn { at, shift, ahead: self.ahead }),
                late_rows: lateness.map_or(LateRows::Never, LateRows::Behind),
                partitions: job.partitions,
                late: side.late,
                rejected: side.rejected,
            },
            ttl: ttl.map(|length| Ttl { length, clock }),
            initial: self.initial,
            idle_keys,
            reads_at: at.collect(),
            ports: ports.collect(),
            signature,
            rows_max: job.batch.rows,
        }
    }
}

/// Which kept column of a port is its event time, if that passes.
fn passed_time(port: &PortPlan, declared: &Port) -> Option<usize> {
    let at = port.schema.index_of(declared.event_time.as_ref()?).ok()?;
    matches!(port.columns.get(at), Some(KeptColumn::Passed(_))).then_some(at)
}
