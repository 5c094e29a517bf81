//! A Parquet file's footer: read, checked against the file's length, and its column types chosen.
//!
//! Invariant: every position in a [`Footer`] lies within the file, so that reading a page allocates no more than
//! the file has.

use std::{
    io::{self, BufReader, Read},
    sync::Arc,
};

use arrow::datatypes::{DataType, FieldRef, Fields, Schema, SchemaRef};
use bytes::Bytes;
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ParquetStatisticsPolicy, RowGroupMetaData},
        reader::{ChunkReader, Length},
    },
};

use super::{
    super::bytes::{FileBytes, guarded},
    FORMAT, Group,
};
use crate::source::SourceError;

/// A footer takes several times its length when it is decoded.
const FOOTER_BYTES_MAX: u64 = 64 << 20;

/// The last bytes of a file: the footer's length, and the format's magic.
const TAIL_BYTES: u64 = 8;

/// Enough for most page headers.
const HEADER_BUFFER: usize = 256;

#[derive(Clone)]
pub struct Footer {
    metadata: ArrowReaderMetadata,
}

impl Footer {
    pub fn read(file: &Arc<FileBytes>) -> Result<Self, SourceError> {
        let corrupt = |reason: String| SourceError::Corrupt { file: file.name().to_string(), format: FORMAT, reason };
        check_tail(file)?.map_err(corrupt)?;
        let reader = Pages(Arc::clone(file));
        let metadata = guarded(file.name(), FORMAT, || {
            let metadata = ArrowReaderMetadata::load(&reader, options())?;
            Ok::<_, ParquetError>(decode_directly(metadata))
        })?;
        let leaves = metadata.parquet_schema().num_columns();
        for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
            check_group(group, leaves, file.size()).map_err(|what| corrupt(format!("row group {index} {what}")))?;
        }
        Ok(Self { metadata })
    }

    /// The file's columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.metadata.schema())
    }

    pub fn metadata(&self) -> &ArrowReaderMetadata {
        &self.metadata
    }

    pub fn leaves(&self) -> usize {
        self.metadata.parquet_schema().num_columns()
    }

    pub fn groups(&self) -> Vec<Group> {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        self.metadata
            .metadata()
            .row_groups()
            .iter()
            .map(|group| Group {
                rows: count(group.num_rows()),
                stored_bytes: group.columns().iter().map(|chunk| count(chunk.compressed_size())).sum(),
                encoded_bytes: group.columns().iter().map(|chunk| count(chunk.uncompressed_size())).sum(),
            })
            .collect()
    }
}

/// Statistics are not used, and would take most of the footer's memory.
fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
}

/// Looks at the end of the file before the footer is believed to be one.
fn check_tail(file: &FileBytes) -> Result<Result<(), String>, SourceError> {
    let Some(tail_at) = file.size().checked_sub(TAIL_BYTES) else {
        return Ok(Err(format!("it has only {} bytes", file.size())));
    };
    let mut tail = [0; TAIL_BYTES as usize];
    file.read_into(tail_at, &mut tail).map_err(|error| file.io_error(error))?;
    let [a, b, c, d, magic @ ..] = tail;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    Ok(match &magic {
        b"PARE" => Err("its footer is encrypted".into()),
        b"PAR1" if length > tail_at => Err(format!("its footer would be {length} bytes long")),
        b"PAR1" if length > FOOTER_BYTES_MAX => {
            Err(format!("its footer is {length} bytes long; {FOOTER_BYTES_MAX} is the limit"))
        }
        b"PAR1" => Ok(()),
        _ => Err("it does not end with `PAR1`".into()),
    })
}

fn check_group(group: &RowGroupMetaData, leaves: usize, file_bytes: u64) -> Result<(), String> {
    if group.num_rows() < 0 {
        return Err(format!("has {} rows", group.num_rows()));
    }
    if group.num_columns() != leaves {
        return Err(format!("has {} columns; the schema has {leaves}", group.num_columns()));
    }
    let outside = group.columns().iter().find(|chunk| !is_inside(chunk, file_bytes));
    outside.map_or(Ok(()), |chunk| Err(format!("has column `{}` outside of the file", chunk.column_path().string())))
}

fn is_inside(chunk: &ColumnChunkMetaData, file_bytes: u64) -> bool {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let end = start.checked_add(chunk.compressed_size()).and_then(|end| u64::try_from(end).ok());
    start >= 0
        && chunk.data_page_offset() >= 0
        && chunk.compressed_size() >= 0
        && chunk.uncompressed_size() >= 0
        && chunk.num_values() >= 0
        && end.is_some_and(|end| end <= file_bytes)
}

/// Has dictionaries, views and 64-bit offsets decoded straight into plain columns, which saves a cast.
fn decode_directly(metadata: ArrowReaderMetadata) -> ArrowReaderMetadata {
    let fields: Fields = metadata.schema().fields().iter().map(direct).collect();
    if &fields == metadata.schema().fields() {
        return metadata;
    }
    let options = options().with_schema(Arc::new(Schema::new(fields)));
    // Where the reader cannot, columns are cast after they were read.
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).unwrap_or(metadata)
}

fn direct(field: &FieldRef) -> FieldRef {
    let to = direct_type(field.data_type());
    if &to == field.data_type() { Arc::clone(field) } else { Arc::new(field.as_ref().clone().with_data_type(to)) }
}

fn direct_type(from: &DataType) -> DataType {
    match from {
        DataType::Dictionary(_, values) => direct_type(values),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::LargeList(item) => DataType::List(direct(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(direct).collect()),
        other => other.clone(),
    }
}

/// The file as the Parquet reader wants it.
pub struct Pages(pub Arc<FileBytes>);

impl Length for Pages {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for Pages {
    type T = BufReader<PageReader>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::with_capacity(HEADER_BUFFER, PageReader { file: Arc::clone(&self.0), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        Ok(self.0.read(start, length as u64)?.into())
    }
}

/// Reads on from a position.
pub struct PageReader {
    file: Arc<FileBytes>,
    offset: u64,
}

impl Read for PageReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_some(self.offset, buffer)?;
        self.offset = self.offset.saturating_add(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn nested_encodings_are_decoded_directly() {
        let item =
            Field::new("element", DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8)), true);
        let list = DataType::LargeList(Arc::new(item));
        let expected = DataType::List(Arc::new(Field::new("element", DataType::Utf8, true)));
        assert_eq!(direct_type(&list), expected);
    }
}
