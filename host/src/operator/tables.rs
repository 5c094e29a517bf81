//! Side tables on their way into modules: every instance is given the tables of its contract before its first call, and
//! again whenever an epoch sees another version.

use std::sync::Arc;

use arrow::array::RecordBatch;
use pelton_core::contract::SideTable;
use pelton_wasm::CallError;

/// All tables of the job, as one epoch sees them.
#[derive(Debug, Default)]
pub struct SideTables(pub Vec<TableVersion>);

#[derive(Debug, Clone)]
pub struct TableVersion {
    pub name: String,
    /// Grows whenever the rows change; the first is 1.
    pub version: u64,
    pub rows: RecordBatch,
}

/// What one instance has been given.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    tables: Arc<SideTables>,
    /// The version of each table that is asked for; empty: none has been given.
    versions: Vec<u64>,
}

impl Loaded {
    /// From now on calls see these.
    pub fn see(&mut self, tables: &Arc<SideTables>) {
        if !Arc::ptr_eq(&self.tables, tables) {
            self.tables = Arc::clone(tables);
        }
    }

    /// The instance is a new one.
    pub fn forget(&mut self) {
        self.versions.clear();
    }

    /// Gives an instance those of the tables asked for (by their place among all) that it does not have in this version.
    pub fn give(
        &mut self,
        asked: &[usize],
        mut load: impl FnMut(&str, u64, &RecordBatch) -> Result<(), CallError>,
    ) -> Result<(), CallError> {
        if asked.is_empty() {
            return Ok(());
        }
        self.versions.resize(asked.len(), 0);
        for (at, has) in asked.iter().zip(&mut self.versions) {
            let Some(table) = self.tables.0.get(*at) else { continue };
            if *has != table.version {
                load(&table.name, table.version, &table.rows)?;
                *has = table.version;
            }
        }
        Ok(())
    }
}

/// What an operator's module may ask for.
pub type Offered = Arc<Vec<SideTable>>;

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;

    use super::*;

    #[test]
    fn an_instance_is_given_what_it_does_not_have() {
        let tables = |versions: [u64; 3]| {
            let rows = RecordBatch::new_empty(Arc::new(Schema::empty()));
            let table = |(name, version): (&str, u64)| TableVersion { name: name.into(), version, rows: rows.clone() };
            Arc::new(SideTables(["a", "b", "c"].into_iter().zip(versions).map(table).collect()))
        };
        let mut loaded = Loaded::default();
        let given = |loaded: &mut Loaded| {
            let mut given = Vec::new();
            loaded
                .give(&[2, 0], |name, version, _| {
                    given.push(format!("{name}{version}"));
                    Ok(())
                })
                .unwrap();
            given.concat()
        };
        loaded.see(&tables([1, 1, 1]));
        assert_eq!([given(&mut loaded), given(&mut loaded)], ["c1a1", ""]);
        loaded.see(&tables([1, 2, 3]));
        assert_eq!(given(&mut loaded), "c3", "the other one is asked for by nobody");
        loaded.forget();
        assert_eq!(given(&mut loaded), "c3a1");
    }
}
