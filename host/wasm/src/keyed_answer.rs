//! The answer of a keyed operator, checked: rows for the ports, changes to state, timers, and rejected rows.
//!
//! Called with what `process` gave back. Every key, table, kind and length is checked before any of it is used; the law that
//! was broken is named with the value that broke it.

use std::collections::HashSet;

use arrow::{array::ArrayRef, buffer::ScalarBuffer};
use pelton_core::{
    contract::{Input, KeyedSignature, Port, PortColumn, StateForm},
    limits::{LimitName, Limits, show_bytes},
};

use crate::{
    answer::{self, Rejection},
    bindings::exports::pelton::operator::keyed as wit,
    error::{CallError, GuestBacktrace, Law},
    keyed::KeyedBatch,
    lift, state, state_row,
};

/// A checked answer. Keys are rows of the call's keys.
#[derive(Debug)]
pub struct KeyedAnswer {
    /// At most one for each port.
    pub emitted: Vec<KeyedRows>,
    /// In the order in which they apply.
    pub changes: Vec<StateChanges>,
    /// In the order in which they apply.
    pub timers: Vec<TimerChange>,
    pub rejected: Vec<Rejection>,
}

/// Rows for one port.
#[derive(Debug)]
pub struct KeyedRows {
    /// Index into the signature's ports.
    pub port: usize,
    pub rows: usize,
    /// The key of each row.
    pub keys: ScalarBuffer<u32>,
    /// The input row of each row, one of its key's, or [`NO_ORIGIN`]; none: no row has one.
    pub origin: Option<ScalarBuffer<u32>>,
    /// The event time of each row in µs since 1970 UTC; none: that of its origin, or of the timer.
    pub times: Option<ScalarBuffer<i64>>,
    /// One array for each computed column of the port.
    pub computed: Vec<ArrayRef>,
}

/// The origin of a row that a timer made.
pub const NO_ORIGIN: u32 = u32::MAX;

/// Changes to one state table, applied in order.
#[derive(Debug)]
pub struct StateChanges {
    /// Index into the signature's state.
    pub table: usize,
    pub kinds: Vec<ChangeKind>,
    pub keys: ScalarBuffer<u32>,
    /// Subkey columns, then value columns, of one row for each change.
    pub columns: Vec<ArrayRef>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Put,
    /// The values of its row mean nothing.
    Delete,
    /// Lists alone; the subkey of its row means nothing, the host numbers it.
    Append,
}

/// A timer to set, or to clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerChange {
    pub key: u32,
    pub id: u32,
    /// In µs since 1970 UTC.
    pub at: i64,
    pub clock: Clock,
    pub cleared: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Clock {
    EventTime = 0,
    ProcessingTime = 1,
}

/// What an answer may hold: what the call was given, and what was agreed in `open`.
pub(crate) struct KeyedAgreed<'a> {
    pub(crate) batch: &'a KeyedBatch<'a>,
    pub(crate) input: &'a Input,
    pub(crate) signature: &'a KeyedSignature,
    pub(crate) limits: &'a Limits,
}

const CALL: &str = "process";

fn invalid(law: Law) -> CallError {
    CallError::Invalid { call: CALL, law }
}

impl KeyedAgreed<'_> {
    pub(crate) fn check(&self, output: wit::KeyedOutput) -> Result<KeyedAnswer, CallError> {
        let emitted = self.check_emitted(output.emitted)?;
        let changes = output.changes.into_iter().map(|change| self.check_change(change)).collect::<Result<_, _>>()?;
        let timers = self.check_timers(output.timers).map_err(invalid)?;
        let rejected = answer::rejections(output.rejected, self.batch.rows).map_err(invalid)?;
        Ok(KeyedAnswer { emitted, changes, timers, rejected })
    }

    fn keys(&self) -> usize {
        self.batch.ends.len()
    }

    fn check_emitted(&self, parts: Vec<wit::KeyedEmitted>) -> Result<Vec<KeyedRows>, CallError> {
        // A key may speak without a row of its own, when its timer or its end brought it here.
        let given = self.batch.rows + self.batch.due.keys.len() + self.keys();
        let mut seen = HashSet::new();
        parts
            .into_iter()
            .map(|part| {
                let port = answer::port(&self.signature.ports, part.port).map_err(invalid)?;
                if !seen.insert(part.port) {
                    return Err(invalid(Law::PortTwice(port.name.clone())));
                }
                answer::rows_within(CALL, part.computed.rows as usize, given, self.limits)?;
                self.check_rows(part, port).map_err(invalid)
            })
            .collect()
    }

    fn check_rows(&self, part: wit::KeyedEmitted, port: &Port) -> Result<KeyedRows, Law> {
        let rows = part.computed.rows as usize;
        let of = |list: &str| format!("`{list}` of port `{}`", port.name);
        let keys = state::keys_of(rows, part.key, self.keys(), || of("key"))?;
        let origin = part.origin.map(|bytes| lift::exactly::<u32>(rows, bytes, || of("origin"))).transpose()?;
        self.check_origin(port, &keys, origin.as_deref())?;
        let times = part.time.map(|bytes| lift::exactly::<i64>(rows, bytes, || of("time"))).transpose()?;
        let computed = lift::columns(&port.computed, rows, part.computed.nodes, || format!("port `{}`", port.name))?;
        Ok(KeyedRows { port: part.port as usize, rows, keys, origin, times, computed })
    }

    /// An origin is a row of its key; a row without one has nulls where columns pass, so those must take nulls.
    fn check_origin(&self, port: &Port, keys: &[u32], origin: Option<&[u32]>) -> Result<(), Law> {
        let mut missing = origin.is_none() && !keys.is_empty();
        for (key, row) in keys.iter().zip(origin.unwrap_or_default()) {
            if *row == NO_ORIGIN {
                missing = true;
            } else if !self.owns(*key, *row) {
                return Err(Law::OriginKey { port: port.name.clone(), origin: *row, key: *key });
            }
        }
        match self.strict_pass(port).filter(|_| missing) {
            Some(column) => Err(Law::OriginMissing { port: port.name.clone(), column: column.to_owned() }),
            None => Ok(()),
        }
    }

    fn owns(&self, key: u32, row: u32) -> bool {
        let end = |key: u32| self.batch.ends.get(key as usize).copied().unwrap_or(0);
        let start = key.checked_sub(1).map_or(0, end);
        (start..end(key)).contains(&row)
    }

    /// A column that passes through the port and cannot be null without an origin: keys come from the key itself, and the
    /// host fills in the event time.
    fn strict_pass<'p>(&self, port: &'p Port) -> Option<&'p str> {
        port.columns.iter().zip(port.schema.fields()).find_map(|(column, field)| {
            let PortColumn::Pass(index) = column else { return None };
            let name = self.input.schema.fields().get(*index)?.name();
            let is_known = self.input.key.contains(name) || port.event_time.as_deref() == Some(field.name());
            (!field.is_nullable() && !is_known).then_some(field.name().as_str())
        })
    }

    fn check_change(&self, change: wit::Change) -> Result<StateChanges, CallError> {
        let table = state::table(&self.signature.state, change.table).map_err(invalid)?;
        let of = |list: &str| format!("`{list}` of changes to state table `{}`", table.name);
        let rows = change.rows.rows as usize;
        let kinds = lift::exactly::<u8>(rows, change.kind, || of("kind")).map_err(invalid)?;
        let kind = |kind: &u8| match kind {
            0 => Ok(ChangeKind::Put),
            1 => Ok(ChangeKind::Delete),
            2 if table.form == StateForm::List => Ok(ChangeKind::Append),
            2 => Err(invalid(Law::Append(table.name.clone()))),
            other => Err(invalid(Law::ChangeKind { table: table.name.clone(), kind: *other })),
        };
        let kinds = kinds.iter().map(kind).collect::<Result<Vec<_>, _>>()?;
        let keys = state::keys_of(rows, change.key, self.keys(), || of("key")).map_err(invalid)?;
        let columns = lift::columns(&table.row, rows, change.rows.nodes, || format!("state table `{}`", table.name))
            .map_err(|law| match law {
                Law::Column { column, fault } => Law::Column { column: format!("{}.{column}", table.name), fault },
                law => law,
            })
            .map_err(invalid)?;
        if let Some(bytes) = state_row::larger_than(self.limits.state_row_bytes, rows, &columns) {
            return Err(CallError::Limit {
                call: CALL,
                name: LimitName::StateRowBytes,
                limit: format!(
                    "{} with {bytes} bytes for state table `{}`",
                    show_bytes(self.limits.state_row_bytes),
                    table.name
                ),
                backtrace: GuestBacktrace::default(),
            });
        }
        Ok(StateChanges { table: change.table as usize, kinds, keys, columns })
    }

    fn check_timers(&self, changes: wit::TimerChanges) -> Result<Vec<TimerChange>, Law> {
        let timers = changes.timers;
        let rows = timers.ids.len() / size_of::<u32>();
        let of = |list: &str| format!("`{list}` of the timers");
        let ids = lift::exactly::<u32>(rows, timers.ids, || of("ids"))?;
        let keys = state::keys_of(rows, timers.key, self.keys(), || of("key"))?;
        let at = lift::exactly::<i64>(rows, timers.at, || of("at"))?;
        let clocks = lift::exactly::<u8>(rows, timers.clock, || of("clock"))?;
        let cleared = lift::exactly::<u8>(rows, changes.cleared, || of("cleared"))?;
        let lists = keys.iter().zip(&ids).zip(&at).zip(clocks.iter().zip(&cleared));
        lists
            .map(|(((key, id), at), (clock, cleared))| {
                let clock = match *clock {
                    0 => Clock::EventTime,
                    1 => Clock::ProcessingTime,
                    value => return Err(Law::Timer { what: "the clock", value }),
                };
                let cleared = match *cleared {
                    0 => false,
                    1 => true,
                    value => return Err(Law::Timer { what: "`cleared`", value }),
                };
                Ok(TimerChange { key: *key, id: *id, at: *at, clock, cleared })
            })
            .collect()
    }
}
