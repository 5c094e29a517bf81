//! The offline harness of aggregates: groups rows, folds them at once and in parts, merges, finishes, and compares.
//!
//! The engine folds the rows of a group in parts, merges them in any bracketing, and merges accumulators of no rows. So a
//! test does all of it, and panics with both answers when they differ: a law that `merge` breaks is found
//! here, not in a job.

use std::marker::PhantomData;

use serde_json::{Map, Value};

use super::{Cell, IntoOptions, Rows, Tested, host};
use crate::{
    bindings::{BatchContext, Contract, Output, Table},
    fold::{
        Fold, Groups, Pane, Retract, Window,
        aggregate::{Aggregate, Opened, Retractable},
    },
    log::sink,
    types::Timestamp,
};

/// What an aggregate can do in tests: `Average::test(rows! { … })`.
pub trait TestableAggregate: Aggregate {
    /// Folds all rows as one group. Panics with the reason if that fails, or if folding in parts gives something else.
    #[track_caller]
    fn test(rows: Rows) -> Tested {
        FoldTest::<Opened<Self>>::new().test(rows)
    }

    /// Folds all rows as one group and takes some of them back, in several ways. Panics with the reason if that fails, or if
    /// what is left differs from rows that were never folded.
    #[track_caller]
    fn test_taking_back(rows: Rows)
    where
        Self: Retractable,
    {
        FoldTest::<Opened<Self>>::new().test_taking_back(rows);
    }

    /// Groups rows by these columns, which come first in the results.
    fn key<const N: usize>(columns: [&str; N]) -> FoldTest<Opened<Self>> {
        FoldTest::new().key(columns)
    }

    /// Gives it options.
    fn options(options: impl IntoOptions) -> FoldTest<Opened<Self>> {
        FoldTest::new().options(options)
    }

    /// A test in which more can be set.
    fn setup() -> FoldTest<Opened<Self>> {
        FoldTest::new()
    }
}

impl<A: Aggregate> TestableAggregate for A {}

/// A test of a fold being set up; ends with [`FoldTest::test`], [`FoldTest::try_test`], [`FoldTest::contract`] or
/// [`FoldTest::refusal`].
#[derive(Debug, Clone)]
pub struct FoldTest<F> {
    options: Map<String, Value>,
    context: BatchContext,
    key: Vec<String>,
    window: Window,
    tolerance: f64,
    fold: PhantomData<F>,
}

/// Floats that differ by less are the same: sums depend on the order of their parts.
const TOLERANCE: f64 = 1e-9;

impl<F: Fold> FoldTest<F> {
    #[expect(clippy::new_without_default, reason = "a test is always set up by name")]
    pub fn new() -> Self {
        let context = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
        Self {
            options: Map::new(),
            context,
            key: Vec::new(),
            window: Window::default(),
            tolerance: TOLERANCE,
            fold: PhantomData,
        }
    }

    pub fn options(mut self, options: impl IntoOptions) -> Self {
        self.options = options.into_options();
        self
    }

    /// Groups rows by these columns, which come first in the results. Groups are in the order of their first rows.
    pub fn key<const N: usize>(mut self, columns: [&str; N]) -> Self {
        self.key = columns.map(str::to_owned).to_vec();
        self
    }

    /// The window that all rows are in; an unbounded one, on time, otherwise.
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// The seed of `ctx.random()`; 0 otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.context.seed = seed;
        self
    }

    /// The epoch's processing time; 1970 otherwise.
    pub fn now(mut self, now: Timestamp) -> Self {
        self.context.now = now.0;
        self
    }

    /// How far floats may be apart when rows are folded in parts, relative to their size; 1e-9 otherwise. For sketches.
    pub fn tolerance(mut self, relative: f64) -> Self {
        self.tolerance = relative;
        self
    }

    /// Folds `rows`, and panics with the reason if that fails, or if folding in parts gives something else.
    #[track_caller]
    pub fn test(self, rows: Rows) -> Tested {
        match self.try_test(rows) {
            Ok(tested) => tested,
            Err(why) => panic!("the aggregate failed: {why}"),
        }
    }

    /// Folds `rows`; the error is what the owner of the job would see, or names a broken law.
    pub fn try_test(self, rows: Rows) -> Result<Tested, String> {
        sink::take();
        let (contract, opened) = self.open(&rows)?;
        let groups = Grouped::new(&rows, &self.key)?;
        let run = Run { fold: &opened, contract: &contract, test: &self, rows: &rows, groups: &groups };
        let whole = run.finish(run.folded(0, rows.len())?)?;
        let mut tested = Tested { collected: sink::take(), ..whole };
        for (what, accumulators) in run.variants()? {
            let other = run.finish(accumulators)?;
            if let Some(difference) = difference(&tested, &other, self.tolerance) {
                return Err(format!("folding all rows at once differs from {what}: {difference}"));
            }
        }
        sink::take();
        tested.ports.iter_mut().for_each(|(_, rows, origins)| groups.prepend(rows, origins));
        Ok(tested)
    }

    /// Folds `rows` and takes some of them back in several ways; panics if that fails, or if what is left differs from rows
    /// that were never folded.
    #[track_caller]
    pub fn test_taking_back(self, rows: Rows)
    where
        F: Retract,
    {
        if let Err(why) = self.try_test_taking_back(&rows) {
            panic!("the aggregate failed: {why}");
        }
    }

    /// As [`FoldTest::test_taking_back`]; the error is what the owner of the job would see, or names the broken law.
    pub fn try_test_taking_back(self, rows: &Rows) -> Result<(), String>
    where
        F: Retract,
    {
        let (contract, opened) = self.open(rows)?;
        if !contract.properties.iter().any(|(name, value)| name == "accepts" && value.contains("retract")) {
            return Err("it does not take rows back: its contract does not accept the mode `retract`".to_owned());
        }
        let groups = Grouped::new(rows, &self.key)?;
        let run = Run { fold: &opened, contract: &contract, test: &self, rows, groups: &groups };
        for (what, is_taken_back) in WAYS_BACK {
            let (back, left): (Vec<u32>, Vec<u32>) =
                (0..rows.len() as u32).partition(|row| is_taken_back(*row as usize, rows.len()));
            let expected = run.finish(run.folded_rows(&left)?)?;
            let got = run.finish(run.taken_back(run.folded(0, rows.len())?, &back)?)?;
            // The host drops groups without rows: what their accumulators hold then is nobody's.
            let has_rows = |group: u32| left.iter().any(|row| groups.slots.get(*row as usize) == Some(&group));
            let (expected, got) = (expected.of_groups(&has_rows)?, got.of_groups(&has_rows)?);
            // Windows slide for months, and errors would add up.
            if let Some(difference) = difference(&got, &expected, 0.0) {
                return Err(format!("taking back {what} differs from never folding them: {difference}"));
            }
        }
        sink::take();
        Ok(())
    }

    /// The contract that the fold offers for such rows.
    #[track_caller]
    pub fn contract(self, rows: &Rows) -> Contract {
        match self.open(rows) {
            Ok((contract, _)) => contract,
            Err(why) => panic!("the aggregate refuses the input: {why}"),
        }
    }

    /// Why the fold refuses such rows or these options; panics if it takes them.
    #[track_caller]
    pub fn refusal(self, rows: &Rows) -> String {
        match self.open(rows) {
            Ok(_) => panic!("the aggregate takes these rows and options"),
            Err(why) => why,
        }
    }

    fn open(&self, rows: &Rows) -> Result<(Contract, F), String> {
        let mut input = rows.as_input(None);
        input.key = self.key.clone();
        F::open(&[input], &Value::Object(self.options.clone()).to_string())
    }
}

/// The first way in which two answers differ.
fn difference(left: &Tested, right: &Tested, tolerance: f64) -> Option<String> {
    if left.rejected != right.rejected {
        return Some(format!("{:?} were rejected, or {:?}", left.rejected, right.rejected));
    }
    left.ports.iter().zip(&right.ports).find_map(|((_, left, _), (_, right, _))| {
        let same = left.is_like(right, &|left, right| is_same(left, right, tolerance));
        (!same).then(|| format!("{left:?}or {right:?}"))
    })
}

fn is_same(left: &Cell, right: &Cell, tolerance: f64) -> bool {
    match (left, right) {
        (Cell::Float(left), Cell::Float(right)) if left.is_finite() && right.is_finite() => {
            (left - right).abs() <= tolerance * left.abs().max(right.abs()).max(f64::MIN_POSITIVE)
        }
        _ => left == right,
    }
}

/// The group of each row.
pub(super) struct Grouped {
    /// For each row.
    pub slots: Vec<u32>,
    pub groups: usize,
    /// The key columns, a row for each group, in the order of their first rows.
    pub keys: Rows,
}

impl Grouped {
    pub fn new(rows: &Rows, key: &[String]) -> Result<Self, String> {
        // Without a key there is one group, even of no rows.
        if key.is_empty() {
            return Ok(Self { slots: vec![0; rows.len()], groups: 1, keys: Rows::of_no_columns(1) });
        }
        let columns = key.iter().map(|name| rows.cells_of(name)).collect::<Result<Vec<_>, String>>()?;
        let mut firsts: Vec<u32> = Vec::new();
        let mut slots = Vec::new();
        for row in 0..rows.len() {
            let is_same = |first: &&u32| columns.iter().all(|cells| cells.get(**first as usize) == cells.get(row));
            let slot = match firsts.iter().position(|first| is_same(&first)) {
                Some(slot) => slot,
                None => {
                    firsts.push(row as u32);
                    firsts.len() - 1
                }
            };
            slots.push(slot as u32);
        }
        let columns = key.iter().map(|name| rows.take(name, &firsts)).collect::<Result<Vec<_>, String>>()?;
        Ok(Self { slots, groups: firsts.len(), keys: Rows::from_columns(firsts.len(), columns) })
    }

    /// Puts the keys before the results.
    fn prepend(&self, rows: &mut Rows, origins: &[u32]) {
        let names = self.keys.names();
        let keys = names.iter().filter_map(|name| self.keys.take(name, origins).ok()).collect();
        *rows = std::mem::take(rows).behind(keys);
    }
}

/// One test on its way.
struct Run<'a, F> {
    fold: &'a F,
    contract: &'a Contract,
    test: &'a FoldTest<F>,
    rows: &'a Rows,
    groups: &'a Grouped,
}

impl<F: Fold> Run<'_, F> {
    /// Accumulators of all groups, into which nothing was folded.
    fn identity(&self) -> Table {
        let groups = self.groups.groups;
        let columns = self.contract.state.iter().flat_map(|table| &table.values);
        let nodes = columns.map(|field| super::rows::nulls(field, groups));
        Table { rows: groups as u32, nodes: nodes.collect() }
    }

    /// Accumulators into which the rows from `start` to `end` were folded.
    fn folded(&self, start: usize, end: usize) -> Result<Table, String> {
        self.fold_into(self.identity(), start, end)
    }

    fn fold_into(&self, accumulators: Table, start: usize, end: usize) -> Result<Table, String> {
        let positions: Vec<u32> = (start as u32..end as u32).collect();
        let (rows, slots) = self.rows_at(&positions)?;
        let context = BatchContext { first_row: self.test.context.first_row + start as u64, ..self.test.context };
        self.check(self.fold.accumulate(context, rows, slots, accumulators)?, "accumulate")
    }

    /// What the fold reads of these rows, and their slots.
    fn rows_at(&self, positions: &[u32]) -> Result<(Table, Vec<u8>), String> {
        let reads = self.contract.reads.first().map(Vec::as_slice).unwrap_or_default();
        let nodes = reads.iter().map(|name| Ok(self.rows.take(name, positions)?.1)).collect::<Result<_, String>>()?;
        let slot = |row: &u32| self.groups.slots.get(*row as usize).copied().unwrap_or_default();
        let slots: Vec<u32> = positions.iter().map(slot).collect();
        Ok((Table { rows: positions.len() as u32, nodes }, bytemuck::cast_slice(&slots).to_vec()))
    }

    /// Accumulators into which these rows were folded.
    fn folded_rows(&self, positions: &[u32]) -> Result<Table, String> {
        let (rows, slots) = self.rows_at(positions)?;
        self.check(self.fold.accumulate(self.test.context, rows, slots, self.identity())?, "accumulate")
    }

    fn taken_back(&self, accumulators: Table, positions: &[u32]) -> Result<Table, String>
    where
        F: Retract,
    {
        let (rows, slots) = self.rows_at(positions)?;
        self.check(self.fold.retract(self.test.context, rows, slots, accumulators)?, "retract")
    }

    fn merged(&self, left: &Table, right: &Table) -> Result<Table, String> {
        self.check(self.fold.merge(left.clone(), right.clone())?, "merge")
    }

    fn check(&self, answer: Table, call: &str) -> Result<Table, String> {
        let columns: usize = self.contract.state.iter().map(|table| table.values.len()).sum();
        if answer.rows as usize != self.groups.groups || answer.nodes.len() != columns {
            return Err(format!(
                "`{call}` answered with {} accumulators of {} columns, not {} of {columns}",
                answer.rows,
                answer.nodes.len(),
                self.groups.groups
            ));
        }
        Ok(answer)
    }

    /// The same rows, folded and merged in other ways.
    fn variants(&self) -> Result<Vec<(&'static str, Table)>, String> {
        let rows = self.rows.len();
        let (third, two_thirds) = (rows / 3, rows - rows / 3);
        let [first, second, last] =
            [self.folded(0, third)?, self.folded(third, two_thirds)?, self.folded(two_thirds, rows)?];
        let whole = self.folded(0, rows)?;
        let identity = self.identity();
        let mut each = identity.clone();
        for row in 0..rows.min(ROWS_ALONE_MAX) {
            each = self.merged(&each, &self.folded(row, row + 1)?)?;
        }
        let mut variants = vec![
            ("folding them one batch after another", {
                let first = self.folded(0, third)?;
                self.fold_into(self.fold_into(first, third, two_thirds)?, two_thirds, rows)?
            }),
            ("merging three parts, the first two first", self.merged(&self.merged(&first, &second)?, &last)?),
            ("merging three parts, the last two first", self.merged(&first, &self.merged(&second, &last)?)?),
            ("merging them with no rows before", self.merged(&identity, &whole)?),
            ("merging them with no rows after", self.merged(&whole, &identity)?),
            ("merging every row on its own", self.merged(&each, &self.folded(rows.min(ROWS_ALONE_MAX), rows)?)?),
        ];
        let ordered = self.contract.properties.iter().any(|(name, value)| name == "ordered" && value == "true");
        if !ordered {
            variants.push((
                "merging three parts in the opposite order (is it `ordered`?)",
                self.merged(&last, &self.merged(&second, &first)?)?,
            ));
        }
        Ok(variants)
    }

    fn finish(&self, accumulators: Table) -> Result<Tested, String> {
        let groups = self.groups.groups;
        let Window { start, end, pane } = self.test.window;
        let pane = match pane {
            Pane::Early => 0,
            Pane::OnTime => 1,
            Pane::Late => 2,
        };
        let windows = Groups {
            keys: self.groups.keys.whole()?,
            starts: start.0.to_le_bytes().repeat(groups),
            ends: end.0.to_le_bytes().repeat(groups),
            pane: vec![pane; groups],
        };
        let output: Output = self.fold.finish(self.test.context, windows, accumulators)?;
        host::answer(self.contract, output, &Rows::of_no_columns(groups))
    }
}

/// Which rows a test takes back: row, of how many.
type WayBack = (&'static str, fn(usize, usize) -> bool);

const WAYS_BACK: [WayBack; 6] = [
    ("no row", |_, _| false),
    ("the first rows", |row, rows| row < rows / 2),
    ("the last rows", |row, rows| row >= rows / 2),
    ("every other row", |row, _| row % 2 == 0),
    ("all but every third row", |row, _| row % 3 != 0),
    ("all rows but the last", |row, rows| row + 1 < rows),
];

/// Rows that a test merges one by one; more would make it slow.
const ROWS_ALONE_MAX: usize = 64;
