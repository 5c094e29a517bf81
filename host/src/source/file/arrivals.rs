//! Files of columns (Parquet, Arrow IPC) that come while a job runs.
//!
//! Held by their planners, which ask when they have nothing left to read. Invariant: a file is handed out when it is complete and has the source's
//! columns; one that has others ends the job with its name.

use std::{path::Path, sync::Arc, time::Instant};

use arrow::datatypes::SchemaRef;
use pelton_core::{checkpoint::record::FileRecord, job::FileSourceSpec};

use super::{columns, listing::ListedFile, watch::Watch};
use crate::source::SourceError;

#[derive(Debug)]
pub struct Arrivals {
    watch: Watch,
    spec: FileSourceSpec,
    schema: SchemaRef,
}

impl Arrivals {
    /// None: the files that are there are all. `known` are their names.
    pub fn new(
        base: &Path,
        spec: &FileSourceSpec,
        schema: &SchemaRef,
        known: impl Iterator<Item = Arc<str>>,
    ) -> Option<Self> {
        let watch = Watch::new(base, spec.watch?, known);
        Some(Self { watch, spec: spec.clone(), schema: Arc::clone(schema) })
    }

    /// The files that have come, by the deadline; none: there are none.
    pub fn look(&mut self, deadline: Option<Instant>) -> Result<Option<Vec<Arc<ListedFile>>>, SourceError> {
        self.watch.look(&self.spec, deadline)
    }

    /// Refuses a file that does not have the source's columns.
    pub fn check(&self, file: &ListedFile, schema: SchemaRef) -> Result<(), SourceError> {
        columns::agree(&[(Arc::clone(&file.name), schema)], Some(&self.schema)).map(drop)
    }

    pub fn take_found(&mut self) -> Vec<FileRecord> {
        self.watch.take_found()
    }
}
