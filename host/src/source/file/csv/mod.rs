//! CSV: text rows of delimited fields, to Arrow columns.
//!
//! In data-flow order: [`head`] reads what stands before the rows, [`infer`] guesses a schema, [`decoder`] turns chunks
//! into batches, by way of [`index`] (where fields end, found by SIMD), [`run`] and [`column`] (fields to
//! values, by way of [`value`], [`swar`] and [`time`]), or row by row through [`row`]; [`scan`] finds row ends alone.
//!
//! Invariant: only the columns that are asked for are looked at; a bad row costs no other row.

mod column;
mod decoder;
mod fuzz;
mod head;
mod index;
mod infer;
mod quotes;
mod reason;
mod row;
mod run;
mod scan;
mod swar;
mod text;
mod value;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use pelton_core::{
    job::{CsvDialect, FILE_COLUMN, OFFSET_COLUMN},
    types,
};

pub use decoder::CsvDecoder;
pub use fuzz::fuzz_split;
pub use head::head;
pub use infer::infer;
pub use scan::RowScanner;

use super::lines::Head;
use crate::source::{SourceError, metadata};
use index::{Index, Separators};
use writer::{Output, Read, RowWriter};

/// How the rows of a source's CSV files are read.
#[derive(Debug, Clone)]
pub struct CsvFormat {
    pub dialect: CsvDialect,
    pub schema: SchemaRef,
    pub batch_rows: usize,
    pub max_row_bytes: usize,
}

impl CsvFormat {
    /// Whether every column has a type that a field can hold; the reason if one has not.
    pub fn check(&self) -> Result<(), String> {
        self.schema.fields().iter().try_for_each(|field| match column::column(field, &self.dialect, 0) {
            Some(_) => Ok(()),
            None => {
                Err(format!("a CSV field cannot be a {} (column `{}`)", types::name(field.data_type()), field.name()))
            }
        })
    }

    /// A decoder of these columns, or metadata columns, in this order, for inputs with this head.
    pub fn decoder(&self, columns: &[String], head: &Head, file: &str) -> Result<CsvDecoder, SourceError> {
        let places = self.places(head, file)?;
        let (mut outputs, mut reads, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        for name in columns {
            let output = match (self.schema.fields().find(name), name.as_str()) {
                (Some((index, field)), _) => {
                    fields.push(Arc::clone(field));
                    reads.push(self.read(field, *places.get(index).unwrap_or(&index), file)?);
                    Output::Read(reads.len() - 1)
                }
                (None, FILE_COLUMN) => {
                    fields.push(Arc::new(metadata::file_field()));
                    Output::File
                }
                (None, OFFSET_COLUMN) => {
                    fields.push(Arc::new(metadata::offset_field()));
                    Output::Offset
                }
                _ => return Err(SourceError::NoColumn { column: name.clone() }),
            };
            outputs.push(output);
        }
        let width = head.names.as_ref().map_or(self.schema.fields().len(), Vec::len).max(1);
        let dialect = self.dialect.clone();
        Ok(CsvDecoder {
            index: Index::new(decoder::WINDOW, width),
            separators: Separators::new(&dialect),
            writer: RowWriter {
                dialect,
                max_row_bytes: self.max_row_bytes,
                batch_rows: self.batch_rows.max(1),
                fields: width,
                schema: Arc::new(Schema::new(fields)),
                outputs,
                reads,
                len: 0,
                offsets: Vec::new(),
                rejected: Vec::new(),
                row: row::Fields::default(),
            },
        })
    }

    fn read(&self, field: &Field, place: usize, file: &str) -> Result<Read, SourceError> {
        let column = column::column(field, &self.dialect, self.batch_rows).ok_or_else(|| SourceError::Schema {
            file: file.to_owned(),
            reason: format!("a CSV field cannot be a {}", types::name(field.data_type())),
        })?;
        Ok(Read { name: field.name().clone(), type_name: types::name(field.data_type()), field: place, column })
    }

    /// For each column of the schema, the field of a row that holds it: by name if there is a header, else in order.
    fn places(&self, head: &Head, file: &str) -> Result<Vec<usize>, SourceError> {
        let Some(names) = &head.names else { return Ok((0..self.schema.fields().len()).collect()) };
        let missing = |name: &str| SourceError::Schema {
            file: file.to_owned(),
            reason: format!("its header has no column `{name}` (it has {})", names.join(", ")),
        };
        let place = |field: &Arc<Field>| {
            names.iter().position(|name| name == field.name()).ok_or_else(|| missing(field.name()))
        };
        self.schema.fields().iter().map(place).collect()
    }
}
