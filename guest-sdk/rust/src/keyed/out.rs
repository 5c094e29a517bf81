//! What leaves a keyed operator: `out`.
//!
//! Sinks number what is pushed into them, as those of a transform number input rows; here the number is that of the emission, which
//! has a key and maybe an origin. So rows and ports are those of transforms, and no column is touched twice.

use crate::{
    batch::Batch,
    bindings::{Rejection, Table, keyed::KeyedEmitted},
    contract::Plan,
    group::Arrival,
    grouped::Rejections,
    outcome::{Leave, Rejected},
    ports::{Finished, Ports},
};

/// The origin of rows that have none.
pub(crate) const NO_ORIGIN: u32 = u32::MAX;

/// Takes the rows that a keyed operator makes. Their key columns are the host's to fill in.
pub struct Out<O: Leave> {
    sinks: <O::Ports as Ports>::Sinks,
    key: u32,
    /// Of each emission.
    keys: Vec<u32>,
    origins: Vec<u32>,
    rejected: Rejections,
}

impl<O: Leave> Out<O> {
    pub(super) fn new(keys: usize) -> Self {
        Self {
            sinks: O::Ports::sinks(keys),
            key: 0,
            keys: Vec::new(),
            origins: Vec::new(),
            rejected: Rejections::default(),
        }
    }

    pub(super) fn enter(&mut self, key: u32) {
        self.key = key;
    }

    /// Emits a row that no single input row stands for. Columns that pass through, beside the key and the event time, are null.
    #[inline(always)]
    pub fn emit(&mut self, made: O) {
        self.leave(made, NO_ORIGIN);
    }

    /// Emits a row that came from `row`: it has that row's event time and, if the port passes any, its columns.
    #[inline(always)]
    pub fn emit_from<R>(&mut self, row: &Arrival<R>, made: O) {
        self.leave(made, row.at);
    }

    /// Rejects `row`: it goes to `operator.rejected` with the reason. The first reason counts.
    #[cold]
    pub fn reject<R>(&mut self, row: &Arrival<R>, reason: impl Into<String>) {
        self.refuse(row.at, reason.into());
    }

    pub(super) fn refuse(&mut self, row: u32, reason: String) {
        self.rejected.push(row, reason);
    }

    #[inline(always)]
    fn leave(&mut self, made: O, origin: u32) {
        // More than a u32 has no table: finishing the sinks says so.
        let number = self.keys.len() as u32;
        self.keys.push(self.key);
        self.origins.push(origin);
        // Neither a row nor an enum of ports rejects.
        made.each(&mut self.sinks, number, &mut Rejected::default());
    }

    pub(super) fn finish(self) -> Result<Left, String> {
        let Self { sinks, keys, origins, rejected, .. } = self;
        Ok(Left { ports: O::Ports::finish(sinks)?, keys, origins, rejected: rejected.finish() })
    }
}

impl<O: Leave> std::fmt::Debug for Out<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out").field("emitted", &self.keys.len()).finish_non_exhaustive()
    }
}

/// All that left. The `origin` of a port's row is its emission's number.
#[derive(Debug)]
pub struct Left {
    ports: Vec<Finished>,
    keys: Vec<u32>,
    origins: Vec<u32>,
    pub rejected: Vec<Rejection>,
}

impl Left {
    /// Rows for the host, in its numbers and its order of columns.
    pub fn emitted(&mut self, plan: &Plan, batch: &Batch) -> Result<Vec<KeyedEmitted>, String> {
        let ports = std::mem::take(&mut self.ports);
        let mut emitted = Vec::new();
        for ((index, port), planned) in (0_u32..).zip(ports).zip(&plan.ports) {
            if port.rows == 0 {
                continue;
            }
            let (key, origin) = self.of_rows(port.origin.as_deref().unwrap_or_default(), batch)?;
            let port = planned.arrange(port);
            let computed = Table { rows: port.rows, nodes: port.nodes };
            emitted.push(KeyedEmitted { port: index, key, origin, time: None, computed });
        }
        Ok(emitted)
    }

    /// The keys and the origins of the emissions with these numbers; no origins if none has one.
    fn of_rows(&self, numbers: &[u8], batch: &Batch) -> Result<(Vec<u8>, Option<Vec<u8>>), String> {
        let (numbers, _) = numbers.as_chunks::<4>();
        let mut keys = Vec::with_capacity(size_of_val(numbers));
        let mut origins = Vec::with_capacity(size_of_val(numbers));
        let mut any = false;
        for number in numbers {
            let at = u32::from_le_bytes(*number) as usize;
            let (Some(key), Some(origin)) = (self.keys.get(at), self.origins.get(at)) else {
                return Err("more rows were emitted than a call can have".to_owned());
            };
            let origin = match *origin {
                NO_ORIGIN => NO_ORIGIN,
                row => batch.number(row)?,
            };
            any |= origin != NO_ORIGIN;
            keys.extend_from_slice(&key.to_le_bytes());
            origins.extend_from_slice(&origin.to_le_bytes());
        }
        Ok((keys, any.then_some(origins)))
    }
}
