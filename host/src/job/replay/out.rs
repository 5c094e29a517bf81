//! Writes what an epoch gave to the sinks into a directory: a folder of parts for each sink, as the sink itself would have written them, but
//! without folders by column.
//!
//! A sink that writes no files gives JSON lines.

use std::path::Path;

use pelton_core::job::{Compression, FileSinkSpec, Format, IfExists, JsonOptions, SinkKind, SinkSpec};

use super::ReplayError;
use crate::{
    job::run::replay::SinkRows,
    sink::{Sink, SinkError, file::FileSink},
};

/// Writes the rows of each sink to `directory/SINK/part-…`. Folders that hold parts already are refused.
pub fn write(rows: &[SinkRows], sinks: &[SinkSpec], directory: &Path) -> Result<(), ReplayError> {
    for of_sink in rows {
        let spec = sinks.iter().find(|spec| spec.name == of_sink.sink);
        write_one(of_sink, spec, directory)
            .map_err(|source| ReplayError::Out { name: of_sink.sink.clone(), source })?;
    }
    Ok(())
}

fn write_one(rows: &SinkRows, spec: Option<&SinkSpec>, directory: &Path) -> Result<(), SinkError> {
    let spec = match spec.map(|spec| &spec.kind) {
        Some(SinkKind::File(file)) => {
            // In one folder, with all columns.
            let (path, if_exists, partition_by) = (rows.sink.clone(), IfExists::Error, Vec::new());
            FileSinkSpec { path, if_exists, partition_by, roll_after: None, ..file.clone() }
        }
        _ => FileSinkSpec {
            path: rows.sink.clone(),
            format: Format::Json(JsonOptions::default()),
            compression: Compression::None,
            roll_bytes: u64::MAX,
            roll_after: None,
            if_exists: IfExists::Error,
            partition_by: Vec::new(),
        },
    };
    let sink = FileSink::open(&spec, rows.schema.clone(), directory)?;
    let mut encoder = sink.encoder()?;
    let mut writer = sink.writer()?;
    for batch in &rows.batches {
        writer.write(encoder.encode(batch)?)?;
    }
    writer.finish().map(drop)
}
