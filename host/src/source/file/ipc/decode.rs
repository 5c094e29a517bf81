//! Decodes record batches of Arrow IPC files.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::Schema,
    ipc::reader::RecordBatchDecoder,
};

use super::{
    super::{bytes::guarded, columns::Projection},
    FORMAT, IpcRange,
    layout::spans,
    message::{check_decompressed, corrupt},
};
use crate::source::{Decoded, Decoder, Emit, Range, RangeData, SourceError};

pub struct IpcDecoder {
    projection: Projection,
    batch_rows: usize,
}

impl IpcDecoder {
    pub fn new(projection: Projection, batch_rows: usize) -> Self {
        Self { projection, batch_rows }
    }

    /// The record batch with the columns that are needed, as the file has them.
    fn record_batch(&self, part: &IpcRange) -> Result<RecordBatch, SourceError> {
        let bytes = &part.file.bytes;
        let wrong = |reason: String| corrupt(bytes, reason);
        let schema = part.file.schema();
        let positions = self.projection.positions(&schema, bytes.name())?;
        let batch = part.header.record_batch().map_err(wrong)?;
        if positions.is_empty() {
            return Ok(without_columns(batch.length()));
        }
        let version = part.header.version();
        let spans = spans(&batch, &schema, &positions, version).map_err(wrong)?;
        let body = part.header.body(bytes, &spans)?;
        check_decompressed(&batch, &body).map_err(wrong)?;
        guarded(bytes.name(), FORMAT, || {
            RecordBatchDecoder::try_new(&body, batch, schema, &part.dictionaries, &version)?
                .with_projection(Some(&positions))
                .read_record_batch()
        })
    }
}

impl Decoder for IpcDecoder {
    fn decode(&mut self, range: &Range, emit: &mut dyn FnMut(Decoded) -> Emit) -> Result<(), SourceError> {
        let RangeData::Ipc(part) = &range.data else {
            unreachable!("a source's decoder is given the ranges of its own planner")
        };
        let all = self.record_batch(part)?;
        for start in (0..all.num_rows()).step_by(self.batch_rows) {
            let rows = all.slice(start, self.batch_rows.min(all.num_rows() - start));
            let first_row = part.first_row.saturating_add(start as u64);
            if emit(self.projection.assemble(&rows, &range.name, first_row)?) == Emit::Stop {
                return Err(SourceError::Stopped);
            }
        }
        Ok(())
    }
}

fn without_columns(rows: i64) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(usize::try_from(rows).ok());
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
        .expect("a batch without columns needs only its row count")
}
