//! Side tables: files that are read whole, and again when one of them changes.
//!
//! The planner opens a table to learn its columns; a run loads it before its first epoch and asks between epochs whether
//! its files are still the same. A table is all or nothing: one bad row refuses it, for a join that silently lacks
//! rows is worse than one that does not start.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use arrow::{array::RecordBatch, compute::concat_batches, datatypes::SchemaRef};
use pelton_core::job::{BatchSpec, FileSourceSpec, OnBadRow};

use super::{
    Emit, Next, SourceError,
    file::{FileSource, listing},
};

/// A table whose columns are known.
pub struct Table {
    spec: FileSourceSpec,
    base: PathBuf,
    batch: BatchSpec,
    schema: SchemaRef,
    description: Vec<(String, String)>,
}

/// What the files of a table looked like: their names, sizes and times of change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Table {
    /// Finds the files of `spec`, relative to `base`, and learns or checks their columns.
    pub fn open(spec: &FileSourceSpec, base: &Path, batch: &BatchSpec) -> Result<Self, SourceError> {
        let source = FileSource::open(spec, OnBadRow::Fail, base, batch)?;
        Ok(Self {
            spec: spec.clone(),
            base: base.to_owned(),
            batch: batch.clone(),
            schema: source.schema(),
            description: source.describe(),
        })
    }

    /// A table whose rows are known elsewhere: it is not loaded.
    pub fn known(spec: &FileSourceSpec, schema: SchemaRef, batch: &BatchSpec) -> Self {
        Self { spec: spec.clone(), base: PathBuf::new(), batch: batch.clone(), schema, description: Vec::new() }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Lines about it for `pelton plan`.
    pub fn describe(&self) -> &[(String, String)] {
        &self.description
    }

    /// What the files look like now. Taken before they are loaded, so that a change during the load is seen later.
    pub fn fingerprint(&self) -> Result<Fingerprint, SourceError> {
        let files = listing::list(&self.spec.paths, &self.base)?;
        let look = |file: listing::ListedFile| {
            let failed = |source: io::Error| SourceError::Io { action: "read", file: file.name.to_string(), source };
            let metadata = fs::metadata(&file.path).map_err(failed)?;
            Ok((file.path, metadata.len(), metadata.modified().ok()))
        };
        Ok(Fingerprint(files.into_iter().map(look).collect::<Result<_, _>>()?))
    }

    /// All rows, in the order of the files.
    pub fn load(&self) -> Result<RecordBatch, SourceError> {
        let source = FileSource::open(&self.spec, OnBadRow::Fail, &self.base, &self.batch)?;
        if source.schema() != self.schema {
            let file = self.spec.paths.join(", ");
            return Err(SourceError::Schema {
                file,
                reason: "its columns are not those that it began with".to_owned(),
            });
        }
        let columns: Vec<String> = self.schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut decoder = source.decoder(&columns)?;
        let mut planner = source.planner()?;
        let mut batches = Vec::new();
        while let Next::Range(range) = planner.next(None)? {
            decoder.decode(&range, &mut |decoded| {
                batches.push(decoded.rows);
                Emit::Continue
            })?;
        }
        let schema = batches.first().map_or_else(|| SchemaRef::clone(&self.schema), RecordBatch::schema);
        let too_large = |error: arrow::error::ArrowError| SourceError::Types { reason: error.to_string() };
        concat_batches(&schema, &batches).map_err(too_large)
    }
}

#[cfg(test)]
mod tests {
    use pelton_core::job::{Compression, CsvDialect, Format};

    use super::*;

    #[test]
    fn a_table_is_loaded_whole_and_its_changes_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &str| fs::write(dir.path().join("codes.csv"), text).unwrap();
        write("a,1\nb,2\n");
        let schema = arrow::datatypes::Schema::new(vec![
            pelton_core::types::parse_column("code", "utf8").unwrap(),
            pelton_core::types::parse_column("n", "s64").unwrap(),
        ]);
        let spec = FileSourceSpec {
            paths: vec!["codes.csv".into()],
            format: Format::Csv(CsvDialect::default()),
            compression: Compression::Auto,
            schema: Some(schema.into()),
            max_row_bytes: 1 << 20,
            watch: None,
            tail: false,
        };
        let table = Table::open(&spec, dir.path(), &BatchSpec::default()).unwrap();
        let before = table.fingerprint().unwrap();
        assert_eq!((table.load().unwrap().num_rows(), table.fingerprint().unwrap()), (2, before.clone()));
        write("a,1\nb,2\nc,3\n");
        assert_ne!(table.fingerprint().unwrap(), before);
        assert_eq!(table.load().unwrap().num_rows(), 3);
        write("a,1\nb,two\n");
        assert!(matches!(table.load(), Err(SourceError::BadRow { .. })), "one bad row refuses the table");
        fs::remove_file(dir.path().join("codes.csv")).unwrap();
        assert!(matches!(table.fingerprint(), Err(SourceError::NoFile { .. })));
    }
}
