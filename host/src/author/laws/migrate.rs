//! The laws of modules that migrate: what an older version kept becomes this version's state, whichever rows are in a call.
//!
//! The older version runs over rows that are made up, so that what is migrated is what it really keeps.

use arrow::array::ArrayRef;
use pelton_wasm::{CallError, KeyedInstance, OlderRows};

use super::{
    Answered, Asked, Broken, Law, Older, Trial, an_answer,
    epochs::{Course, Keyed, Numbered, shown},
    given::Given,
    no_answer,
};
use crate::{
    operator::keyed::{Partition, migrate::Sample},
    state::budget::Budget,
};

pub(super) const NAMES: [&str; 4] = ["migrates", "migrate-twice", "migrate-split", "goes-on"];

/// A module, and the one before it.
pub(super) struct Versions<'a> {
    old: Keyed<'a>,
    new: Keyed<'a>,
}

fn laws<'a>() -> [Law<Versions<'a>>; 4] {
    let [migrates, twice, split, goes_on] = NAMES;
    [
        Law {
            name: migrates,
            says: "what the version before has kept is not migrated",
            ways: ["expected", "got"],
            one: |_, _| an_answer(),
            other: |versions, given| versions.at_once(given).map_or_else(no_answer, |_| an_answer()),
            asked: Asked::Always,
        },
        Law {
            name: twice,
            says: "the same rows, migrated again, come to something else",
            ways: ["the first call", "the second call of the instance"],
            one: |versions, given| versions.at_once(given).unwrap_or_else(no_answer),
            other: |versions, given| versions.migrated(given, Cut::Twice).unwrap_or_else(no_answer),
            asked: Asked::Always,
        },
        Law {
            name: split,
            says: "rows migrated one by one come to something else",
            ways: ["all in one call", "one by one, the last first"],
            one: |versions, given| versions.at_once(given).unwrap_or_else(no_answer),
            other: |versions, given| versions.migrated(given, Cut::Rows).unwrap_or_else(no_answer),
            asked: Asked::Always,
        },
        Law {
            name: goes_on,
            says: "the module cannot go on with what it has migrated",
            ways: ["expected", "got"],
            one: |_, _| an_answer(),
            other: |versions, given| versions.go_on(given).map_or_else(no_answer, |()| an_answer()),
            asked: Asked::Always,
        },
    ]
}

/// How rows are cut into calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Once,
    /// All rows in one call, made two times.
    Twice,
    Rows,
}

pub(super) fn check<'a>(trial: &mut Trial<'a>, new: Keyed<'a>, older: &'a Older) -> Result<(), Broken> {
    let opened = |error| Broken::OpenOlder(Box::new(error));
    let old = Keyed::open(trial.subject, &older.module, &older.options).map_err(opened)?;
    let (from, to) = (old.signature.state_version, new.signature.state_version);
    let nothing = |why: String| Err(Broken::NothingToMigrate(why));
    if !trial.subject.module.migrates() {
        return nothing("the module exports no `migrate`".to_owned());
    }
    if from == to {
        return nothing(format!("the state of both modules is of version {to}"));
    }
    trial.all(&laws(), &Versions { old, new }, false)
}

impl Versions<'_> {
    /// What the older version keeps of the rows, of all partitions.
    fn kept(&self, given: &Given) -> Result<Vec<Sample>, CallError> {
        let course = Course::default();
        let mut run = self.old.run(given, course);
        run.rows(&Numbered::new(given.input(0)), 0..course.cuts)?;
        let plan = self.old.plan(&course);
        Ok(run.partitions.iter().flat_map(|partition| partition.sample(&plan)).collect())
    }

    fn at_once(&self, given: &Given) -> Result<Answered, CallError> {
        self.migrated(given, Cut::Once)
    }

    /// The rows of each table that both versions have, as the new one keeps them.
    fn migrated(&self, given: &Given, cut: Cut) -> Result<Answered, CallError> {
        let (subject, new) = (self.new.subject, &self.new.signature);
        let mut instance = KeyedInstance::new(&subject.module, &subject.limits)?;
        instance.open_as(self.new.input(), &subject.offered, &subject.options, new)?;
        let mut lines = Vec::new();
        let of_older = |error| CallError::Failed(format!("the version before: {error}"));
        for sample in self.kept(given).map_err(of_older)? {
            let Some(table) = new.state.iter().find(|table| table.name == sample.table().name) else { continue };
            let mut migrate = |start: usize, count: usize| {
                let rows = sample.rows().slice(start, count);
                let keys: Vec<ArrayRef> = sample.keys().iter().map(|key| key.slice(start, count)).collect();
                let older = OlderRows {
                    table: sample.table(),
                    version: self.old.signature.state_version,
                    rows: count,
                    keys: &keys,
                    columns: rows.columns(),
                };
                let migrated = instance.migrate(&older, &subject.options, table)?;
                let of_row = |row: usize| match migrated.is_kept.get(row) {
                    Some(true) => format!("{{ {} }}", shown(&migrated.columns, row)),
                    _ => "dropped".to_owned(),
                };
                let line = |row| format!("{}: {} {}", shown(&keys, row), table.name, of_row(row));
                Ok::<_, CallError>((0..count).map(line).collect::<Vec<_>>())
            };
            let rows = sample.rows().num_rows();
            match cut {
                _ if rows == 0 => {}
                Cut::Once => lines.extend(migrate(0, rows)?),
                Cut::Twice => {
                    migrate(0, rows)?;
                    lines.extend(migrate(0, rows)?);
                }
                Cut::Rows => {
                    let one_by_one: Result<Vec<_>, _> = (0..rows).rev().map(|row| migrate(row, 1)).collect();
                    lines.extend(one_by_one?.into_iter().rev().flatten());
                }
            }
        }
        Ok(lines)
    }

    /// The older version has the first epochs, and this one the others with what was kept.
    fn go_on(&self, given: &Given) -> Result<(), CallError> {
        let course = Course::default();
        let rows = Numbered::new(given.input(0));
        let mut before = self.old.run(given, course);
        before.rows(&rows, 0..1)?;
        let mut after = self.new.run(given, course);
        let (old, new) = (self.old.plan(&course), self.new.plan(&course));
        let budget = Budget::new(self.new.subject.limits.state_bytes);
        let mut partitions: Vec<Partition> = std::mem::take(&mut before.partitions);
        for partition in &mut partitions {
            partition.evolve(&old, &new, &budget).map_err(CallError::Failed)?;
        }
        after.partitions = partitions;
        after.rows(&rows, 1..course.cuts)?;
        after.end().map(drop)
    }
}
