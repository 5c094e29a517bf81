//! A call's output, checked: rows for the ports, and rows that the module would not accept.
//!
//! Called with what `process` of a transform or a cogroup and `finish` of an aggregate gave back; answers of keyed operators
//! share its parts. Nothing passes that the contract does not allow; the law that was broken is named with the value that
//! broke it.

use std::collections::HashSet;

use arrow::{array::ArrayRef, buffer::ScalarBuffer};
use pelton_core::{
    contract::Port,
    limits::{LimitName, Limits},
};

use crate::{
    bindings::pelton::operator::types as wit,
    error::{CallError, GuestBacktrace, Law},
    lift,
};

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
    /// The input row of each output row, of a cogroup its key; none: row for row, or key for key.
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

/// What an output may hold: who was called, with how many rows, and what was agreed in `open`.
pub(crate) struct Agreed<'a> {
    pub(crate) call: &'static str,
    pub(crate) rows: usize,
    pub(crate) origins: Origins,
    pub(crate) ports: &'a [Port],
    pub(crate) limits: &'a Limits,
}

/// What `origin` names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origins {
    /// Rows of the call, in order unless the operator `reorders`.
    Rows { reorders: bool },
    /// Keys of the call, so many of them, in order.
    Keys(usize),
}

impl Agreed<'_> {
    pub(crate) fn check(&self, output: wit::Output) -> Result<Answer, CallError> {
        let invalid = |law| CallError::Invalid { call: self.call, law };
        let mut seen = HashSet::new();
        let mut emitted = Vec::with_capacity(output.emitted.len().min(self.ports.len()));
        for part in output.emitted {
            let index = part.port as usize;
            let port = port(self.ports, part.port).map_err(invalid)?;
            if !seen.insert(index) {
                return Err(invalid(Law::PortTwice(port.name.clone())));
            }
            rows_within(self.call, part.computed.rows as usize, self.rows, self.limits)?;
            emitted.push(self.check_emitted(part, index, port).map_err(invalid)?);
        }
        let rejected = rejections(output.rejected, self.rows).map_err(invalid)?;
        Ok(Answer { emitted, rejected })
    }

    fn check_emitted(&self, part: wit::Emitted, index: usize, port: &Port) -> Result<EmittedRows, Law> {
        let count = part.computed.rows;
        let (among, reorders) = match self.origins {
            Origins::Rows { reorders } => (self.rows, reorders),
            Origins::Keys(keys) => (keys, false),
        };
        let origin = match part.origin {
            Some(bytes) => {
                Some(lift::origin(&port.name, count, among, reorders, bytes).map_err(|law| self.named(law))?)
            }
            None if count as usize == among => None,
            None => return Err(self.rows_without_origin(port, count)),
        };
        let rows = count as usize;
        let computed = lift::columns(&port.computed, rows, part.computed.nodes, || format!("port `{}`", port.name))?;
        Ok(EmittedRows { port: index, rows, origin, computed })
    }

    /// A broken law of `origin` in the words of what it names.
    fn named(&self, law: Law) -> Law {
        match (self.origins, law) {
            (Origins::Keys(keys), Law::OriginRange { port, origin, .. }) => {
                Law::KeyRange { of: format!("`origin` of port `{port}`"), key: origin, keys }
            }
            (_, law) => law,
        }
    }

    fn rows_without_origin(&self, port: &Port, rows: u32) -> Law {
        let expected = match self.origins {
            Origins::Rows { .. } => format!("the batch has {}, and there is no `origin`", self.rows),
            Origins::Keys(keys) => format!("the call has {keys} keys, and there is no `origin`"),
        };
        Law::Rows { port: port.name.clone(), rows, expected }
    }
}

/// The port that an answer names.
pub(crate) fn port(ports: &[Port], index: u32) -> Result<&Port, Law> {
    ports.get(index as usize).ok_or(Law::Port { port: index, ports: ports.len() })
}

/// Holds what comes out of a call of `rows` rows against `rows-out-per-row`.
pub(crate) fn rows_within(call: &'static str, got: usize, rows: usize, limits: &Limits) -> Result<(), CallError> {
    if got <= rows.saturating_mul(limits.rows_out_per_row as usize) {
        return Ok(());
    }
    Err(CallError::Limit {
        call,
        name: LimitName::RowsOutPerRow,
        limit: limits.rows_out_per_row.to_string(),
        backtrace: GuestBacktrace::default(),
    })
}

/// Rows that are there, each once, with what is kept of their reasons.
pub(crate) fn rejections(rejected: Vec<wit::Rejection>, rows: usize) -> Result<Vec<Rejection>, Law> {
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
    reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
    reason
}
