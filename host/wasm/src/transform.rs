//! Instances of transforms: `open` and `process`, called with a deadline and believed only after checks.
//!
//! An instance belongs to one compute thread. What it keeps in its memory is a cache: the caller drops the instance after
//! any error but [`CallError::Failed`] and makes another.

use std::{borrow::Cow, collections::HashSet};

use arrow::{array::ArrayRef, buffer::ScalarBuffer};
use pelton_core::{
    contract::{Contract, ContractField, ContractPort, Input, Port, Signature},
    limits::{LimitName, Limits, show_bytes},
    types::{self, FlatField},
};
use wasmtime::{Store, Trap, WasmBacktrace};

use crate::{
    bindings::{TransformOperator, pelton::operator::types as wit},
    error::{CallError, GuestBacktrace, Law, show_time, shown},
    host::{CallLog, Host, LimitExceeded},
    lift::{self, RawNode},
    lower::{self, LoweredNode},
    module::Module,
    ticker,
};

/// What a call may know about the world. Times in µs since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchContext {
    pub epoch: u64,
    pub first_row: u64,
    pub now: i64,
    pub watermark: i64,
    pub seed: u64,
}

/// A checked answer.
#[derive(Debug)]
pub struct Answer {
    /// At most one for each port.
    pub emitted: Vec<EmittedRows>,
    pub rejected: Vec<Rejection>,
}

#[derive(Debug)]
pub struct EmittedRows {
    /// Index into the signature's ports.
    pub port: usize,
    pub rows: usize,
    /// The input row of each output row; none: row for row.
    pub origin: Option<ScalarBuffer<u32>>,
    /// One array for each computed column of the port.
    pub computed: Vec<ArrayRef>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub row: u32,
    /// At most [`REASON_BYTES_MAX`] bytes.
    pub reason: String,
}

/// What is kept of a rejection's reason.
pub const REASON_BYTES_MAX: usize = 1 << 10;

/// One live instance of a transform.
pub struct TransformInstance {
    store: Store<Host>,
    guest: TransformOperator,
    limits: Limits,
}

impl std::fmt::Debug for TransformInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransformInstance").finish_non_exhaustive()
    }
}

impl TransformInstance {
    /// Makes an instance; the module's start code runs under the limits of a call.
    pub fn new(module: &Module, limits: &Limits) -> Result<Self, CallError> {
        let mut store = Store::new(&module.runtime.engine, Host::new(limits));
        store.limiter(|host| &mut host.meter);
        store.set_hostcall_fuel(usize::try_from(limits.output_bytes).unwrap_or(usize::MAX));
        store.epoch_deadline_trap();
        store.set_epoch_deadline(ticker::ticks(limits.call_time));
        let guest = match module.pre.instantiate(&mut store) {
            Ok(guest) => guest,
            Err(error) => {
                let error = fault("start", &error, &store, limits);
                return Err(match error {
                    CallError::Trap { reason, .. } => CallError::Instantiate(reason),
                    other => other,
                });
            }
        };
        Ok(Self { store, guest, limits: limits.clone() })
    }

    /// Shows the module its input and options (a JSON object); answers with its contract, unchecked.
    pub fn open(&mut self, input: &Input, options: &str) -> Result<Contract, CallError> {
        let offered = shown_fields(input)?;
        let fields: Vec<_> = offered.iter().map(to_wit_field).collect();
        let key: Vec<_> = input.key.iter().map(String::as_str).collect();
        let input = wit::Input {
            name: &input.name,
            fields: &fields,
            key: &key,
            event_time: input.event_time.as_deref(),
            mode: "append",
            properties: &[],
        };
        self.begin_call(0, 0);
        let answer = self.guest.pelton_operator_transform().call_open(&mut self.store, &[input], options);
        match answer {
            Ok(Ok(contract)) => Ok(from_wit_contract(contract)),
            Ok(Err(reason)) => Err(CallError::Refused(shown(&reason))),
            Err(error) => Err(fault("open", &error, &self.store, &self.limits)),
        }
    }

    /// Opens an instance with what its plan agreed on: the same contract must come back.
    pub fn open_as(&mut self, input: &Input, options: &str, signature: &Signature) -> Result<(), CallError> {
        let contract = self.open(input, options)?;
        if contract.check(input)? == *signature { Ok(()) } else { Err(CallError::ContractChanged) }
    }

    /// One batch. `columns` are those of `signature.reads`, all of `rows` rows.
    pub fn process(
        &mut self,
        context: &BatchContext,
        rows: usize,
        columns: &[ArrayRef],
        signature: &Signature,
    ) -> Result<Answer, CallError> {
        let mut lowered: Vec<LoweredNode<'_>> = Vec::with_capacity(columns.len());
        for column in columns {
            lower::lower(column, &mut lowered);
        }
        let buffers: Vec<Vec<&[u8]>> =
            lowered.iter().map(|node| node.buffers.iter().map(Cow::as_ref).collect()).collect();
        let nodes: Vec<wit::NodeParam<'_>> =
            lowered.iter().zip(&buffers).map(|(node, buffers)| wit::NodeParam { rows: node.rows, buffers }).collect();
        let table = wit::TableParam { rows: u32::try_from(rows).unwrap_or(u32::MAX), nodes: &nodes };

        self.begin_call(context.now, context.seed);
        let context = wit::BatchContext {
            epoch: context.epoch,
            first_row: context.first_row,
            now: context.now,
            watermark: context.watermark,
            seed: context.seed,
        };
        let answer = self.guest.pelton_operator_transform().call_process(&mut self.store, context, table);
        match answer {
            Ok(Ok(output)) => self.check(output, rows, signature),
            Ok(Err(wit::Failure::Fatal(reason) | wit::Failure::Retry(reason))) => {
                Err(CallError::Failed(shown(&reason)))
            }
            Err(error) => Err(fault("process", &error, &self.store, &self.limits)),
        }
    }

    /// What the calls since the last take logged and counted.
    pub fn take_log(&mut self) -> CallLog {
        self.store.data_mut().take_log()
    }

    fn begin_call(&mut self, now: i64, seed: u64) {
        let host = self.store.data_mut();
        host.begin_call();
        host.wasi.begin_call(now, seed);
        self.store.set_epoch_deadline(ticker::ticks(self.limits.call_time));
    }

    fn check(&self, output: wit::Output, rows: usize, signature: &Signature) -> Result<Answer, CallError> {
        let invalid = |law| CallError::Invalid { call: "process", law };
        let rows_max = rows.saturating_mul(self.limits.rows_out_per_row as usize);
        let mut ports = HashSet::new();
        let mut emitted = Vec::with_capacity(output.emitted.len().min(signature.ports.len()));
        for part in output.emitted {
            let index = part.port as usize;
            let port = signature
                .ports
                .get(index)
                .ok_or_else(|| invalid(Law::Port { port: part.port, ports: signature.ports.len() }))?;
            if !ports.insert(index) {
                return Err(invalid(Law::PortTwice(port.name.clone())));
            }
            if part.computed.rows as usize > rows_max {
                return Err(CallError::Limit {
                    call: "process",
                    name: LimitName::RowsOutPerRow,
                    limit: self.limits.rows_out_per_row.to_string(),
                    backtrace: GuestBacktrace::default(),
                });
            }
            emitted.push(check_emitted(part, index, port, rows, signature.reorders).map_err(invalid)?);
        }
        let rejected = check_rejected(output.rejected, rows).map_err(invalid)?;
        Ok(Answer { emitted, rejected })
    }
}

fn check_emitted(
    part: wit::Emitted,
    index: usize,
    port: &Port,
    rows: usize,
    reorders: bool,
) -> Result<EmittedRows, Law> {
    let count = part.computed.rows;
    let origin = match part.origin {
        Some(bytes) => Some(lift::origin(&port.name, count, rows, reorders, bytes)?),
        None if count as usize == rows => None,
        None => {
            return Err(Law::Rows {
                port: port.name.clone(),
                rows: count,
                expected: format!("the batch has {rows}, and there is no `origin`"),
            });
        }
    };
    let want = flat_len(port);
    if part.computed.nodes.len() != want {
        return Err(Law::Nodes { port: port.name.clone(), want, got: part.computed.nodes.len() });
    }
    let mut nodes = part.computed.nodes.into_iter().map(|node| RawNode { rows: node.rows, buffers: node.buffers });
    let computed = port
        .computed
        .fields()
        .iter()
        .map(|field| lift::lift(field, count as usize, &mut nodes))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(EmittedRows { port: index, rows: count as usize, origin, computed })
}

/// Nodes that the computed columns of a port take up: themselves and their children.
fn flat_len(port: &Port) -> usize {
    use arrow::datatypes::{DataType, Field};
    fn count(field: &Field) -> usize {
        1 + match field.data_type() {
            DataType::List(item) | DataType::LargeList(item) => count(item),
            DataType::Struct(fields) => fields.iter().map(|field| count(field)).sum(),
            _ => 0,
        }
    }
    port.computed.fields().iter().map(|field| count(field)).sum()
}

fn check_rejected(rejected: Vec<wit::Rejection>, rows: usize) -> Result<Vec<Rejection>, Law> {
    let mut seen = HashSet::with_capacity(rejected.len().min(rows));
    rejected
        .into_iter()
        .map(|rejection| {
            if rejection.row as usize >= rows {
                return Err(Law::RejectRange { row: rejection.row, rows });
            }
            if !seen.insert(rejection.row) {
                return Err(Law::RejectTwice(rejection.row));
            }
            Ok(Rejection { row: rejection.row, reason: truncated(rejection.reason) })
        })
        .collect()
}

fn truncated(mut reason: String) -> String {
    let mut end = REASON_BYTES_MAX.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}

/// Why a call failed, told from wasmtime's error.
fn fault(call: &'static str, error: &wasmtime::Error, store: &Store<Host>, limits: &Limits) -> CallError {
    let root = error.root_cause().to_string();
    let root = root.strip_prefix("wasm trap: ").unwrap_or(&root);
    let backtrace = GuestBacktrace(error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default());
    let limit = |name, limit| CallError::Limit { call, name, limit, backtrace: backtrace.clone() };
    if let Some(exceeded) = error.downcast_ref::<LimitExceeded>() {
        return match exceeded.name {
            LimitName::LogCalls => limit(LimitName::LogCalls, limits.log_calls.to_string()),
            name => limit(name, show_bytes(limits.memory_bytes)),
        };
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return limit(LimitName::CallTime, show_time(limits.call_time));
    }
    // wasmtime keeps the type of this error to itself; a hostile guest in the test suite holds the wording.
    if root.contains("fuel allocated for hostcalls has been exhausted") {
        return limit(LimitName::OutputBytes, show_bytes(limits.output_bytes));
    }
    // A panic's message goes to the log before the trap.
    let reason = match store.data().last_error() {
        Some(last) => format!("{root} (it last said: {})", shown(&last)),
        None => root.to_owned(),
    };
    CallError::Trap { call, reason, backtrace }
}

/// Innermost first; source places where the module carries them.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    const FRAMES_MAX: usize = 32;
    backtrace
        .frames()
        .iter()
        .take(FRAMES_MAX)
        .map(|frame| {
            let name = frame.symbols().iter().find_map(|symbol| symbol.name()).or(frame.func_name());
            let name =
                name.map_or_else(|| format!("function {}", frame.func_index()), |name| shown(&rustc_demangled(name)));
            let place = frame.symbols().iter().find_map(|symbol| Some((symbol.file()?, symbol.line()?)));
            match place {
                Some((file, line)) => format!("{name} at {}:{line}", shown(file)),
                None => name,
            }
        })
        .collect()
}

/// Function names of Rust guests, readable, without their hash.
fn rustc_demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// The columns of an input that a module is shown: those that can cross. Others can still be passed.
fn shown_fields(input: &Input) -> Result<Vec<FlatField>, CallError> {
    let mut fields = Vec::new();
    for field in input.schema.fields().iter().filter(|field| types::crosses(field.data_type())) {
        types::flatten(field, &mut fields).map_err(|error| CallError::Refused(error.to_string()))?;
    }
    Ok(fields)
}

fn to_wit_field(field: &FlatField) -> wit::FieldParam<'_> {
    wit::FieldParam { name: &field.name, format: &field.format, nullable: field.nullable, children: field.children }
}

fn from_wit_contract(contract: wit::Contract) -> Contract {
    Contract {
        reads: contract.reads,
        ports: contract
            .ports
            .into_iter()
            .map(|port| ContractPort {
                name: port.name,
                event_time: port.event_time,
                fields: port
                    .fields
                    .into_iter()
                    .map(|field| match field {
                        wit::OutputField::Pass((from, to)) => ContractField::Pass(from, to),
                        wit::OutputField::Computed(field) => ContractField::Computed(FlatField {
                            name: field.name,
                            format: field.format,
                            nullable: field.nullable,
                            children: field.children,
                        }),
                    })
                    .collect(),
            })
            .collect(),
        tables: contract.tables,
        state: contract.state.into_iter().map(|table| table.name).collect(),
        state_version: contract.state_version,
        properties: contract.properties,
    }
}
