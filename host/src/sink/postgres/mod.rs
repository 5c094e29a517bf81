//! The `postgres` sink: rows of a table of a PostgreSQL server, inserted or upserted.
//!
//! ```text
//!  compute threads                  commit thread
//!  batch ─► COPY rows (copy) ─► outbox ─ prepare ─► checkpoint ─ commit ─ publish ─► one transaction: rows and marker
//! ```
//!
//! [`form`] says how values of a type go into a column, [`table`] looks at the server's table before the job begins, [`session`] keeps a
//! connection and tries again, [`marker`] decides whether an epoch is still to be published, [`publish`] does it. Invariant: with a
//! checkpoint, an epoch's rows and its marker become visible together, once, and only for the process that has the job.

mod config;
mod copy;
mod error;
mod form;
mod marker;
mod numeric;
mod outbox;
mod publish;
mod session;
mod table;
mod writer;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use arrow::datatypes::SchemaRef;
use pelton_core::job::{PostgresSpec, SqlMode};

pub use self::error::PostgresError;
use self::{
    config::Server,
    copy::CopyEncoder,
    form::made_for,
    table::{Layout, TableName},
    writer::PostgresWriter,
};
use super::{Begin, Encoder, Sink, SinkError, Writer};

const FORMAT: &str = "postgres";

/// Connects to nothing before [`Sink::writer`].
#[derive(Debug)]
pub struct PostgresSink {
    name: String,
    spec: PostgresSpec,
    server: Server,
    table: TableName,
    marker: TableName,
    schema: SchemaRef,
    /// What the server's table takes; known once a writer has looked at it.
    layout: Arc<OnceLock<Layout>>,
}

impl PostgresSink {
    /// Refuses options and columns that cannot work. A relative path of `ca` starts at `base`.
    pub fn open(name: &str, spec: &PostgresSpec, schema: SchemaRef, base: &Path) -> Result<Self, SinkError> {
        let server = Server::new(spec, base)?;
        for field in schema.fields() {
            if made_for(field.data_type()).is_none() {
                return Err(SinkError::unsupported(FORMAT, field));
            }
        }
        if schema.fields().is_empty() {
            return Err(SinkError::Columns { format: FORMAT, needs: "at least one column", count: 0 });
        }
        if let SqlMode::Upsert { key } = &spec.mode
            && let Some(column) = key.iter().find(|column| schema.field_with_name(column).is_err())
        {
            return Err(PostgresError::NoKeyColumn { column: column.clone() }.into());
        }
        Ok(Self {
            name: name.to_owned(),
            spec: spec.clone(),
            server,
            table: TableName::parse("table", &spec.table)?,
            marker: TableName::parse("marker-table", &spec.marker_table)?,
            schema,
            layout: Arc::default(),
        })
    }
}

impl Sink for PostgresSink {
    fn encoder(&self) -> Result<Box<dyn Encoder>, SinkError> {
        Ok(Box::new(CopyEncoder::new(Arc::clone(&self.layout), self.table.to_string())))
    }

    fn writer(&self) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(PostgresWriter::open(self, None)?))
    }

    fn epoch_writer(&self, begin: &Begin<'_>) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(PostgresWriter::open(self, Some(begin))?))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let mode = match &self.spec.mode {
            SqlMode::Insert => "insert".to_owned(),
            SqlMode::Upsert { key } => format!("upsert by {}", key.join(", ")),
        };
        let types = self.schema.fields().iter().map(|field| {
            let made = made_for(field.data_type()).unwrap_or_default();
            format!("{} {made}", field.name())
        });
        let mut lines = vec![
            ("server".to_owned(), self.server.to_string()),
            ("table".to_owned(), self.table.to_string()),
            ("mode".to_owned(), mode),
        ];
        if self.spec.create {
            lines.push(("created if missing".to_owned(), types.collect::<Vec<_>>().join(", ")));
        }
        lines
    }
}
