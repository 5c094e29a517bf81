//! Collects the rows of an epoch and gives them to the server when the epoch has been committed.
//!
//! Lives on the commit thread. While the server is down it waits there, and the job with it: tasks that are computed hold their permits, and sources
//! are not read. Invariant: an epoch whose rows the server has not confirmed is published again by whoever goes on.

use std::fmt::Write as _;

use pelton_core::{checkpoint::record::SinkState, model::Epoch};

use super::{
    FORMAT, PostgresError, PostgresSink,
    marker::{Owner, number},
    outbox::Outbox,
    publish::{Pieces, Statements},
    session::{Failed, Session},
    table::{definition, look},
};
use crate::{
    checkpoint::{CommitPermit, Files},
    sink::{Begin, Closing, Encoded, Payload, Prepared, SinkError, SinkSummary, Writer},
};

/// Puts rows into one table.
#[derive(Debug)]
pub struct PostgresWriter {
    session: Session,
    statements: Statements,
    outbox: Outbox,
    /// None: the job keeps no checkpoints.
    marked: Option<Marked>,
    rows: u64,
    bytes: u64,
    details: Vec<(String, String)>,
}

/// What a writer that keeps a marker knows of it.
#[derive(Debug)]
struct Marked {
    owner: Owner,
    files: Files,
    /// The last epoch that had rows, of those prepared.
    last: Epoch,
    /// The epoch that the server's marker has.
    at: i64,
}

impl PostgresWriter {
    /// Connects, makes tables that are missing if it may, and refuses a table that does not fit. `begin`: of a job with checkpoints.
    pub fn open(sink: &PostgresSink, begin: Option<&Begin<'_>>) -> Result<Self, SinkError> {
        let mut session = Session::new(&sink.server, sink.spec.retry)?;
        let (table, schema, mode) = (&sink.table, &sink.schema, &sink.spec.mode);
        let layout = session.run("look at the sink's table", async |client| {
            if sink.spec.create {
                table.make(client, &definition(schema, mode)).await?;
            }
            look(client, table, schema, mode).await
        })?;
        let statements = Statements::new(table, &sink.marker, &layout, mode);
        let marked = begin.map(|begin| Marked::claim(sink, begin, &mut session, &statements)).transpose()?;
        // A sink has one writer.
        drop(sink.layout.set(layout));
        let details = vec![("server".to_owned(), sink.server.to_string()), ("table".to_owned(), table.to_string())];
        let outbox = Outbox::new(begin.map(|begin| begin.files.clone()));
        Ok(Self { session, statements, outbox, marked, rows: 0, bytes: 0, details })
    }
}

impl Marked {
    fn claim(
        sink: &PostgresSink,
        begin: &Begin<'_>,
        session: &mut Session,
        statements: &Statements,
    ) -> Result<Self, SinkError> {
        let (run, last, has_begun) = match begin.last {
            Some(SinkState::Marked { run, last, .. }) => (run.clone(), *last, true),
            _ => (new_run()?, Epoch(0), false),
        };
        let generation = number(begin.generation);
        let owner = Owner { job: begin.job.to_owned(), sink: sink.name.clone(), run, generation, has_begun };
        let at = session.run("claim the sink's marker", async |client| statements.claim(client, &owner).await)?;
        Ok(Self { owner, files: begin.files.clone(), last, at })
    }
}

/// A number that no other run has.
fn new_run() -> Result<String, SinkError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| SinkError::Encode { format: FORMAT, reason: format!("no random number: {error}") })?;
    Ok(bytes.iter().fold(String::new(), |mut run, byte| {
        write!(run, "{byte:02x}").expect("a string takes everything");
        run
    }))
}

impl Writer for PostgresWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        let Payload::Rows { bytes, .. } = encoded.payload else {
            return Err(SinkError::Encode { format: FORMAT, reason: "not this sink's encoder".into() });
        };
        self.rows += encoded.rows;
        self.bytes += bytes.len() as u64;
        self.outbox.append(&bytes)
    }

    fn prepare(&mut self, end: Closing) -> Result<Prepared, SinkError> {
        let is_empty = self.outbox.is_empty();
        let (files, outbox) = self.outbox.settle()?;
        let state = match &mut self.marked {
            None => SinkState::None,
            Some(marked) => {
                let before = marked.last;
                if !is_empty {
                    marked.last = end.epoch;
                }
                SinkState::Marked { run: marked.owner.run.clone(), before, last: marked.last }
            }
        };
        Ok(Prepared { state, outbox, files })
    }

    fn publish(&mut self, permit: &CommitPermit, prepared: &Prepared) -> Result<(), SinkError> {
        let Self { session, statements, outbox, marked, .. } = self;
        let before = match &prepared.state {
            SinkState::Marked { before, .. } => *before,
            _ => Epoch(0),
        };
        let owner = marked.as_ref().map(|marked| (&marked.owner, before));
        let files = marked.as_ref().map(|marked| (&marked.files, prepared.files.as_slice()));
        let pieces = Pieces { files, temps: outbox.temps(), rest: &prepared.outbox };
        let epoch = permit.epoch();
        if !pieces.is_empty() {
            let publish = async |client: &tokio_postgres::Client| -> Result<(), Failed> {
                statements.publish(client, owner, epoch, &pieces).await
            };
            session.run("publish an epoch", publish)?;
            if let Some(marked) = marked {
                marked.at = marked.at.max(number(epoch.0));
            }
        }
        self.outbox.forget();
        Ok(())
    }

    fn recover(&mut self, last: &SinkState) -> Result<(), SinkError> {
        if let (Some(marked), SinkState::Marked { last, .. }) = (&self.marked, last) {
            let table = self.statements.marker().to_string();
            let check = marked.owner.check(marked.at, *last);
            check.map_err(|found| PostgresError::Marker { table, found })?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<SinkSummary, SinkError> {
        Ok(SinkSummary { rows: self.rows, bytes: self.bytes, details: std::mem::take(&mut self.details) })
    }
}
