//! Sources whose rows come once: standard input, sockets, HTTP. What they were given cannot be asked for again.
//!
//! ```text
//!  receivers (one thread, tokio)          recorder (one thread)                     planner
//!  bytes ─► Cutter ─► pieces of ── room ─► groups ─► log, one fdatasync ──► ranges ──► epochs
//!           whole rows             ▲              └─► receipts: "200", the next block │
//!                                  └─────────────── room is free again ◄──────────────┘
//! ```
//!
//! One way for all of them. A [`piece::Piece`] is whole rows of one connection; it waits for room in the [`intake`], so that a source
//! that is read too slowly stops reading. In a job with a checkpoint the recorder makes each group durable in the source's log before anybody hears of it;
//! a range is a frame of the log, and a position its number. Without one, rows live in memory alone.
//! Invariants: rows of one connection keep their order; no row is planned that is not in the log; what is half a row when its connection ends is none.

mod http;
mod intake;
mod lines;
mod listen;
mod piece;
mod planner;
mod receiver;
mod socket;
mod stdin;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use pelton_core::{
    checkpoint::record::Position,
    job::{BatchSpec, Format, HttpSpec, OnBadRow, Peer, SocketSpec, StreamSpec},
};

use self::{intake::Intake, planner::LivePlanner, receiver::Receiver, stdin::Pipe};
use super::{
    Decoder, Planner, Source, SourceError,
    file::{format::RowFormat, lines::Head, rows::RowsDecoder, text},
    metadata,
};
use crate::checkpoint::InputLog;

/// Room for what standard input has given and no epoch has taken.
const STDIN_BUFFER_BYTES: usize = 8 << 20;

/// A source whose rows come once, opened. Nobody listens before there is a planner.
pub struct LiveSource {
    /// How errors, and the column `_file`, name it.
    name: Arc<str>,
    origin: Origin,
    rows: StreamSpec,
    format: Arc<RowFormat>,
    schema_from: &'static str,
    on_bad_row: OnBadRow,
    buffer_bytes: usize,
    /// Given before the planner is made, which takes it. None: rows live in memory.
    log: Mutex<Option<InputLog>>,
}

/// Where the rows come from.
enum Origin {
    Stdin(Pipe),
    Socket(Peer),
    /// The directory is the job file's.
    Http(HttpSpec, PathBuf),
}

impl LiveSource {
    /// Standard input of this process. Nothing is read before a planner asks, unless the schema comes from a CSV header: then this waits for it.
    pub fn stdin(spec: &StreamSpec, on_bad_row: OnBadRow, batch: &BatchSpec) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Self::from_pipe(Pipe::of_process(), spec, on_bad_row, batch)?))
    }

    fn from_pipe(pipe: Pipe, spec: &StreamSpec, on_bad_row: OnBadRow, batch: &BatchSpec) -> Result<Self, SourceError> {
        let name = Arc::from(stdin::NAME);
        let (schema, schema_from) = match (&spec.schema, &spec.format) {
            (None, Format::Csv(dialect)) if dialect.header => {
                let schema = header_schema(&*pipe.head(spec)?, !dialect.null_tokens.is_empty())?;
                (schema, "the header's names, all utf8")
            }
            _ => declared(stdin::NAME, spec)?,
        };
        Self::new(name, Origin::Stdin(pipe), spec, (schema, schema_from), on_bad_row, batch, STDIN_BUFFER_BYTES)
    }

    /// Rows over TCP.
    pub fn socket(spec: &SocketSpec, on_bad_row: OnBadRow, batch: &BatchSpec) -> Result<Box<dyn Source>, SourceError> {
        let name: Arc<str> = match &spec.peer {
            Peer::Server { address, .. } => Arc::from(address.as_str()),
            Peer::Clients(listen) => Arc::from(listen.address.to_string()),
        };
        let schema = declared(&name, &spec.rows)?;
        let origin = Origin::Socket(spec.peer.clone());
        Ok(Box::new(Self::new(name, origin, &spec.rows, schema, on_bad_row, batch, spec.buffer_bytes)?))
    }

    /// Rows in the bodies of POST requests.
    pub fn http(spec: &HttpSpec, dir: &Path, batch: &BatchSpec) -> Result<Box<dyn Source>, SourceError> {
        let name: Arc<str> = Arc::from(format!("http://{}", spec.listen.address));
        let schema = declared(&name, &spec.rows)?;
        let origin = Origin::Http(spec.clone(), dir.to_owned());
        Ok(Box::new(Self::new(name, origin, &spec.rows, schema, OnBadRow::Reject, batch, spec.buffer_bytes)?))
    }

    fn new(
        name: Arc<str>,
        origin: Origin,
        rows: &StreamSpec,
        (schema, schema_from): (SchemaRef, &'static str),
        on_bad_row: OnBadRow,
        batch: &BatchSpec,
        buffer_bytes: usize,
    ) -> Result<Self, SourceError> {
        let format = RowFormat::new(&rows.format, schema, batch.rows, rows.max_row_bytes)
            .map_err(|reason| SourceError::Types { reason })?;
        Ok(Self {
            name,
            origin,
            rows: rows.clone(),
            format: Arc::new(format),
            schema_from,
            on_bad_row,
            buffer_bytes,
            log: Mutex::new(None),
        })
    }

    /// Starts to receive.
    fn receive(&self, intake: Intake) -> Result<Receiver, SourceError> {
        let name = &self.name;
        match &self.origin {
            Origin::Stdin(pipe) => {
                let feed = pipe.take(&self.rows)?;
                Receiver::start(name, move |stop| Ok(stdin::pump(feed, intake, stop)))
            }
            Origin::Socket(Peer::Server { address, max_delay }) => {
                let connection = lines::Connection::new(name, &self.rows, intake);
                let (address, max_delay) = (address.clone(), *max_delay);
                Receiver::start(name, move |stop| Ok(socket::connect(address, max_delay, connection, stop)))
            }
            Origin::Socket(Peer::Clients(listen)) => {
                let connection = lines::Connection::new(name, &self.rows, intake);
                let listener = listen::bind(listen.address)?;
                let connections = listen.connections;
                Receiver::start(name, move |stop| {
                    Ok(socket::serve(listen::adopt(listener)?, connections, connection, stop))
                })
            }
            Origin::Http(spec, dir) => {
                let ingest = http::Ingest::new(spec, dir, Arc::clone(&self.format), intake)?;
                let listener = listen::bind(spec.listen.address)?;
                let connections = spec.listen.connections;
                Receiver::start(name, move |stop| Ok(http::serve(listen::adopt(listener)?, connections, ingest, stop)))
            }
        }
    }
}

impl Source for LiveSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.format.schema())
    }

    fn metadata(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![metadata::file_field(), metadata::offset_field()]))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let fact = |what: &str, value: &str| (what.to_owned(), value.to_owned());
        let mut facts = vec![fact("format", self.format.name()), fact("schema", self.schema_from)];
        match &self.origin {
            Origin::Stdin(_) => {}
            Origin::Socket(Peer::Server { address, .. }) => facts.push(fact("connects to", address)),
            Origin::Socket(Peer::Clients(listen)) => facts.push(fact("listens on", &listen.address.to_string())),
            Origin::Http(spec, _) => {
                facts.push(fact("listens on", &self.name));
                facts.push(fact("token", if spec.token_file.is_some() { "asked for" } else { "none" }));
            }
        }
        facts
    }

    fn total_bytes(&self) -> Option<u64> {
        None
    }

    fn log_slot(&mut self) -> Option<&mut Option<InputLog>> {
        Some(self.log.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_given_more(&self) -> bool {
        match &self.origin {
            Origin::Stdin(pipe) => pipe.has_more(),
            Origin::Socket(_) | Origin::Http(..) => false,
        }
    }

    fn beginnings(&self, _from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError> {
        Ok(None)
    }

    fn planner_from(&self, from: &Position) -> Result<Box<dyn Planner>, SourceError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (intake, recorder) = intake::open(&self.name, log, self.buffer_bytes, from)?;
        let receiver = self.receive(intake)?;
        Ok(Box::new(LivePlanner::new(&self.name, recorder, receiver)))
    }

    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError> {
        Ok(Box::new(RowsDecoder::new(Arc::clone(&self.format), columns, self.on_bad_row)?))
    }
}

/// The columns, as far as they are known before any row comes.
fn declared(name: &str, spec: &StreamSpec) -> Result<(SchemaRef, &'static str), SourceError> {
    match (&spec.schema, &spec.format) {
        (_, Format::Parquet | Format::Ipc) => {
            let reason = "it must be read from its end, which only a file allows".to_owned();
            Err(SourceError::Corrupt { file: name.to_owned(), format: spec.format.name(), reason })
        }
        (Some(schema), _) => Ok((Arc::clone(schema), "declared")),
        (None, Format::Text) => Ok((Arc::new(text::schema()), "a line of text")),
        (None, _) => {
            let reason = "rows that have not come yet cannot be looked at".to_owned();
            Err(SourceError::Inference { file: name.to_owned(), reason })
        }
    }
}

/// Columns by a header alone. Types would need rows, and which rows have come by now depends on the moment.
fn header_schema(head: &Head, nullable: bool) -> Result<SchemaRef, SourceError> {
    let failed = |reason: String| SourceError::Inference { file: stdin::NAME.to_owned(), reason };
    let names = head.names.as_deref().ok_or_else(|| failed("it ends before its header".to_owned()))?;
    if let Some((_, name)) =
        names.iter().enumerate().find(|(index, name)| names.iter().take(*index).any(|n| n == *name))
    {
        return Err(failed(format!("its header has the name `{name}` twice")));
    }
    Ok(Arc::new(Schema::new(names.iter().map(|name| Field::new(name, DataType::Utf8, nullable)).collect::<Vec<_>>())))
}

#[cfg(test)]
mod tests;
