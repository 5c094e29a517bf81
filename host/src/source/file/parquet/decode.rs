//! Decodes runs of rows of Parquet row groups.
//!
//! A decoder keeps the reader of the row group that it was last in: the run that follows goes on with it, and only
//! other runs pay for finding their first row. Both ways give the same batches.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::Schema,
};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelectionPolicy},
};

use super::{
    super::{
        bytes::{FileBytes, guarded},
        columns::Projection,
        listing::ListedFile,
    },
    FORMAT, ParquetRange,
    footer::{Footer, Pages},
};
use crate::source::{Decoded, Decoder, Emit, Range, RangeData, SourceError};

pub struct ParquetDecoder {
    projection: Projection,
    file: Option<Arc<OpenFile>>,
    run: Option<Run>,
}

/// The file that was read last.
struct OpenFile {
    listed: Arc<ListedFile>,
    bytes: Arc<FileBytes>,
    footer: Footer,
    mask: ProjectionMask,
}

/// A row group's reader, and where it is.
struct Run {
    file: Arc<ListedFile>,
    row_group: usize,
    next_row: u64,
    reader: ParquetRecordBatchReader,
}

impl Run {
    fn is_at(&self, part: &ParquetRange) -> bool {
        Arc::ptr_eq(&self.file, &part.file) && (self.row_group, self.next_row) == (part.row_group, part.start)
    }
}

impl ParquetDecoder {
    pub fn new(projection: Projection) -> Self {
        Self { projection, file: None, run: None }
    }

    /// The reader at the first row of `part`.
    fn run(&mut self, part: &ParquetRange, name: &str) -> Result<Run, SourceError> {
        if let Some(run) = self.run.take().filter(|run| run.is_at(part)) {
            return Ok(run);
        }
        let file = self.file(&part.file)?;
        let metadata = file.footer.metadata();
        let known = part.row_group < metadata.metadata().num_row_groups();
        let (Ok(start), Ok(batch_rows), true) = (usize::try_from(part.start), usize::try_from(part.batch_rows), known)
        else {
            return Err(corrupt(name, format!("row group {} is no longer there", part.row_group)));
        };
        let reader = guarded(name, FORMAT, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(Pages(Arc::clone(&file.bytes)), metadata.clone())
                .with_row_groups(vec![part.row_group])
                .with_projection(file.mask.clone())
                .with_batch_size(batch_rows)
                .with_row_selection_policy(RowSelectionPolicy::Selectors)
                .with_offset(start)
                .build()
        })?;
        Ok(Run { file: Arc::clone(&part.file), row_group: part.row_group, next_row: part.start, reader })
    }

    fn file(&mut self, listed: &Arc<ListedFile>) -> Result<Arc<OpenFile>, SourceError> {
        if let Some(file) = self.file.as_ref().filter(|file| Arc::ptr_eq(&file.listed, listed)) {
            return Ok(Arc::clone(file));
        }
        let bytes = Arc::new(FileBytes::open(listed)?);
        let footer = Footer::read(&bytes)?;
        let positions = self.projection.positions(&footer.schema(), &listed.name)?;
        let mask = ProjectionMask::roots(footer.metadata().parquet_schema(), positions);
        let file = Arc::new(OpenFile { listed: Arc::clone(listed), bytes, footer, mask });
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Decodes with a reader: some columns are in the file.
    fn decode_columns(
        &mut self,
        part: &ParquetRange,
        name: &str,
        emit: &mut dyn FnMut(RecordBatch, u64) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let mut run = self.run(part, name)?;
        while run.next_row < part.end {
            let rows = guarded(name, FORMAT, || run.reader.next().transpose())?;
            let left = part.end - run.next_row;
            let count = rows.as_ref().map_or(0, |rows| rows.num_rows() as u64);
            let (Some(rows), true) = (rows, (1..=left).contains(&count)) else {
                let reason = format!("row group {} does not have the rows that its footer gives it", part.row_group);
                return Err(corrupt(name, reason));
            };
            emit(rows, part.first_row + (run.next_row - part.start))?;
            run.next_row += count;
        }
        self.run = Some(run);
        Ok(())
    }
}

/// Decodes without a reader: the rows have no column of the file.
fn count_rows(
    part: &ParquetRange,
    emit: &mut dyn FnMut(RecordBatch, u64) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut row = part.start;
    while row < part.end {
        let count = (part.end - row).min(part.batch_rows);
        let options = RecordBatchOptions::new().with_row_count(usize::try_from(count).ok());
        let rows = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
            .expect("a batch without columns needs only its row count");
        emit(rows, part.first_row + (row - part.start))?;
        row += count;
    }
    Ok(())
}

impl Decoder for ParquetDecoder {
    fn decode(&mut self, range: &Range, emit: &mut dyn FnMut(Decoded) -> Emit) -> Result<(), SourceError> {
        let RangeData::Parquet(part) = &range.data else {
            unreachable!("a source's decoder is given the ranges of its own planner")
        };
        let projection = self.projection.clone();
        let mut emit =
            |rows: RecordBatch, first_row: u64| match emit(projection.assemble(&rows, &range.name, first_row)?) {
                Emit::Continue => Ok(()),
                Emit::Stop => Err(SourceError::Stopped),
            };
        if self.projection.reads_files() {
            self.decode_columns(part, &range.name, &mut emit)
        } else {
            count_rows(part, &mut emit)
        }
    }
}

fn corrupt(name: &str, reason: String) -> SourceError {
    SourceError::Corrupt { file: name.to_owned(), format: FORMAT, reason }
}
