//! The `print` sink: the first rows of each epoch, for people as a table, for machines as a line of JSON.
//!
//! ```text
//! bids · epoch 3 · 2 of 8192 rows
//! ┌─────────┬────────┐
//! │ auction ┆ channel│
//! ```
//!
//! The first rows are the first in canonical order. Values come from outside and the output is a terminal, so control and
//! formatting characters are escaped: a row cannot move the cursor. Epochs without rows print nothing.
//! Everything goes through the one [`Output`] that the caller gives, a whole epoch at a time.

use std::{
    fmt,
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{
    array::{RecordBatch, new_empty_array},
    datatypes::SchemaRef,
};
use pelton_core::{job::PrintSpec, model::Epoch};

use self::table::render_table;
use crate::checkpoint::CommitPermit;

use super::{
    Closing, Encoded, Encoder, Payload, Prepared, Sink, SinkError, SinkSummary, Writer,
    value::{
        json::{JsonColumn, JsonObject, write_string},
        plain::TimeFormats,
    },
};

mod table;

const FORMAT: &str = "print";
/// What it does to its output, in errors.
pub(super) const PRINT: &str = "print to";

/// Where rows are printed; shared by all sinks of a job.
pub type Output = Arc<Mutex<dyn Write + Send>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrintStyle {
    /// `width`: columns of the terminal.
    Table { width: u16 },
    /// One line for each epoch: `{"event":"rows","sink":…,"epoch":…,"total":…,"rows":[{…},…]}`.
    Json,
}

/// How and where print sinks print.
#[derive(Clone)]
pub struct PrintTarget {
    pub style: PrintStyle,
    pub output: Output,
}

impl fmt::Debug for PrintTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrintTarget({:?})", self.style)
    }
}

#[derive(Debug)]
pub struct PrintSink {
    name: String,
    rows: usize,
    schema: SchemaRef,
    target: PrintTarget,
}

impl PrintSink {
    /// Refuses types that have no text.
    pub fn open(name: &str, spec: &PrintSpec, schema: SchemaRef, target: &PrintTarget) -> Result<Self, SinkError> {
        let formats = TimeFormats::default();
        for field in schema.fields() {
            if JsonColumn::bind(&new_empty_array(field.data_type()), &formats).is_none() {
                return Err(SinkError::unsupported(FORMAT, field));
            }
        }
        Ok(Self { name: name.to_owned(), rows: spec.rows, schema, target: target.clone() })
    }
}

impl Sink for PrintSink {
    fn encoder(&self) -> Result<Box<dyn Encoder>, SinkError> {
        Ok(Box::new(PrintEncoder { rows: self.rows }))
    }

    fn writer(&self) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(PrintWriter {
            name: self.name.clone(),
            schema: self.schema.clone(),
            target: self.target.clone(),
            wanted: self.rows,
            kept: Vec::new(),
            kept_rows: 0,
            epoch_rows: 0,
            rows: 0,
            bytes: 0,
        }))
    }

    fn describe(&self) -> Vec<(String, String)> {
        vec![("rows of each epoch".to_owned(), self.rows.to_string())]
    }
}

struct PrintEncoder {
    rows: usize,
}

impl Encoder for PrintEncoder {
    fn encode(&mut self, rows: &RecordBatch) -> Result<Encoded, SinkError> {
        let first = rows.slice(0, rows.num_rows().min(self.rows));
        Ok(Encoded { rows: rows.num_rows() as u64, payload: Payload::Batch(first) })
    }
}

struct PrintWriter {
    name: String,
    schema: SchemaRef,
    target: PrintTarget,
    wanted: usize,
    /// The first rows of the open epoch.
    kept: Vec<RecordBatch>,
    kept_rows: usize,
    epoch_rows: u64,
    rows: u64,
    bytes: u64,
}

impl Writer for PrintWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        let Payload::Batch(batch) = encoded.payload else {
            return Err(SinkError::Encode { format: FORMAT, reason: "not this sink's encoder".into() });
        };
        self.epoch_rows += encoded.rows;
        let take = batch.num_rows().min(self.wanted - self.kept_rows);
        if take > 0 {
            self.kept.push(batch.slice(0, take));
            self.kept_rows += take;
        }
        Ok(())
    }

    fn prepare(&mut self, end: Closing) -> Result<Prepared, SinkError> {
        let text = match self.target.style {
            _ if self.epoch_rows == 0 => Vec::new(),
            PrintStyle::Table { width } => self.table(end.epoch, width)?,
            PrintStyle::Json => self.json(end.epoch)?,
        };
        self.rows += std::mem::take(&mut self.epoch_rows);
        self.kept.clear();
        self.kept_rows = 0;
        Ok(Prepared { outbox: text, ..Prepared::default() })
    }

    /// What is printed cannot be taken back, nor be looked at: after a crash the last epoch may be printed twice.
    fn publish(&mut self, _permit: &CommitPermit, prepared: &Prepared) -> Result<(), SinkError> {
        let mut output = self.target.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(&prepared.outbox).and_then(|()| output.flush()).map_err(|source| SinkError::Io {
            action: PRINT,
            path: "standard output".into(),
            source,
        })?;
        self.bytes += prepared.outbox.len() as u64;
        Ok(())
    }

    fn finish(&mut self) -> Result<SinkSummary, SinkError> {
        Ok(SinkSummary { rows: self.rows, bytes: self.bytes, details: Vec::new() })
    }
}

impl PrintWriter {
    fn table(&self, epoch: Epoch, width: u16) -> Result<Vec<u8>, SinkError> {
        let unit = if self.epoch_rows == 1 { "row" } else { "rows" };
        let heading = format!("{} · epoch {epoch} · {} of {} {unit}", self.name, self.kept_rows, self.epoch_rows);
        let table = render_table(&heading, &self.schema, &self.kept, width).ok_or_else(mismatch)?;
        Ok(table.into_bytes())
    }

    fn json(&self, epoch: Epoch) -> Result<Vec<u8>, SinkError> {
        let formats = TimeFormats::default();
        let mut out = b"{\"event\":\"rows\",\"sink\":".to_vec();
        write_string(self.name.as_bytes(), &mut out);
        let total = self.epoch_rows;
        out.extend_from_slice(format!(",\"epoch\":{epoch},\"total\":{total},\"rows\":[").as_bytes());
        let mut first = true;
        for batch in &self.kept {
            let columns = self.schema.fields().iter().map(AsRef::as_ref);
            let columns = columns.zip(batch.columns().iter().map(AsRef::as_ref));
            let object = JsonObject::bind(columns, &formats).ok_or_else(mismatch)?;
            for row in 0..batch.num_rows() {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                object.write(row, &mut out);
            }
        }
        out.extend_from_slice(b"]}\n");
        Ok(out)
    }
}

fn mismatch() -> SinkError {
    SinkError::Encode { format: FORMAT, reason: "a batch has other types than the sink".into() }
}

#[cfg(test)]
mod tests;
