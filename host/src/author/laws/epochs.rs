//! A keyed operator over some epochs, by the engine's own map and reduce side: with its state, its timers, and what leaves it, key by key.
//!
//! ```text
//! given rows, numbered ─► epochs (by a course) ─► shuffle ─► reduce of each partition ─► a day without rows ─► the end of the input
//!                                                                │                                             │
//!                                                                └► rows, rejections: lines of keys            └► state: lines of keys
//! ```
//!
//! Rows carry a number of their own, so that what came from which row can be said whatever was done to them.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array},
    compute,
    datatypes::{DataType, Field, FieldRef, Schema, TimeUnit, TimestampMicrosecondType, UInt32Type},
};
use pelton_core::{
    contract::{Input, KeyedSignature, StateForm},
    poison::OnTrap,
    window::Clock,
};
use pelton_wasm::{BatchContext, CallError, KeyedInstance, Module};

use super::{
    Subject,
    answer::cell,
    given::{Given, Part},
    sample,
};
use crate::{
    operator::{
        Closing, KeptColumn, PortPlan,
        admit::TimeColumn,
        keyed::{KeyedPlan, KeyedPort, Partition, Reducer, Ttl},
        shuffle::{LateRows, ShufflePlan, Shuffler},
        tables::{SideTables, TableVersion},
    },
    state::budget::Budget,
};

/// A keyed operator that was opened.
pub(super) struct Keyed<'a> {
    pub(super) subject: &'a Subject,
    module: Arc<Module>,
    options: &'a str,
    pub(super) signature: KeyedSignature,
}

/// How rows go through it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// Epochs into which the rows are cut.
    pub(super) cuts: usize,
    /// Rows of a call.
    pub(super) rows_max: usize,
    pub(super) partitions: u16,
    /// Each epoch has an instance of its own.
    pub(super) is_fresh: bool,
    /// No time passes until the input ends.
    pub(super) is_still: bool,
    /// Event time comes to its end in so many steps, and then at once.
    pub(super) steps: usize,
    /// Keys are called in each epoch, and end.
    pub(super) calls_all: bool,
    /// What is added to every time, in µs, and to every epoch's number.
    pub(super) later: (i64, u64),
    pub(super) seed: u64,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            cuts: 2,
            rows_max: 8_192,
            partitions: 1,
            is_fresh: false,
            is_still: false,
            steps: 0,
            calls_all: false,
            later: (0, 0),
            seed: 42,
        }
    }
}

/// Rows with numbers: those of the whole, of which these may be a part, in another order.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    rows: RecordBatch,
    /// They say into which epoch each row belongs, and how far event time comes with it.
    whole: RecordBatch,
}

/// What came of rows: lines by key, and by where they came out.
pub(super) type Lines = BTreeMap<(String, String), Vec<String>>;

/// Processing time of the first epoch, in µs since 1970 UTC; each begins a minute after the one before.
const NOW: i64 = 1_700_000_000_000_000;
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;
/// How far the first step of event time goes to its end; each goes farther than the one before.
const FIRST_STEP: i64 = 2_000_000;
/// The number of a row, as a column behind all others.
const NUMBER: &str = "_number";
/// What the state of all keys together may hold, in bytes.
const STATE_BYTES: u64 = 1 << 30;
/// How far watermarks are behind the latest row.
const DISORDER: i64 = 5_000_000;

impl Numbered {
    pub(super) fn new(rows: &RecordBatch) -> Self {
        let numbers: ArrayRef = Arc::new(UInt32Array::from_iter_values((0..).take(rows.num_rows())));
        let fields: Vec<FieldRef> = rows.schema().fields().iter().cloned().chain([number_field()]).collect();
        let columns = rows.columns().iter().cloned().chain([numbers]).collect();
        let schema = Arc::new(Schema::new(fields));
        let rows = sample::batch(&schema, columns, rows.num_rows());
        Self { whole: rows.clone(), rows }
    }

    /// The rows of each key, in the order of their first row.
    pub(super) fn by_key(&self, input: &Input) -> Vec<Self> {
        let columns = key_columns(input, &self.rows);
        by_key(&columns, self.rows.num_rows())
            .into_iter()
            .map(|(_, rows)| Self { rows: sample::rows_of(&self.rows, rows), whole: self.whole.clone() })
            .collect()
    }

    /// These, one after the other.
    pub(super) fn all(parts: &[Self]) -> Option<Self> {
        let first = parts.first()?;
        let rows = compute::concat_batches(&first.rows.schema(), parts.iter().map(|part| &part.rows)).ok()?;
        Some(Self { rows, whole: first.whole.clone() })
    }

    /// The rows whose numbers are of one of `cuts` parts of the whole, and that part itself.
    fn cut(&self, part: usize, cuts: usize) -> (RecordBatch, RecordBatch) {
        let bound = |part: usize| (self.whole.num_rows() * part).div_ceil(cuts);
        let wanted: Range<usize> = bound(part)..bound(part + 1);
        let numbers = self.rows.columns().last().and_then(|column| column.as_primitive_opt::<UInt32Type>().cloned());
        let numbers: Vec<usize> = numbers.iter().flat_map(|numbers| numbers.values()).map(|at| *at as usize).collect();
        let rows = numbers.iter().enumerate().filter(|(_, number)| wanted.contains(number)).map(|(row, _)| row);
        let rows = sample::rows_of(&self.rows, rows.collect::<Vec<_>>());
        (rows, self.whole.slice(wanted.start, wanted.len()))
    }
}

fn number_field() -> FieldRef {
    Arc::new(Field::new(NUMBER, DataType::UInt32, true))
}

pub(super) fn key_columns(input: &Input, rows: &RecordBatch) -> Vec<ArrayRef> {
    input.key.iter().filter_map(|name| rows.column_by_name(name)).cloned().collect()
}

/// The rows of each key, by how it is shown, in the order of their first row.
pub(super) fn by_key(columns: &[ArrayRef], rows: usize) -> Vec<(String, Vec<usize>)> {
    let mut keys: Vec<(String, Vec<usize>)> = Vec::new();
    for row in 0..rows {
        let key = shown(columns, row);
        match keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, rows)) => rows.push(row),
            None => keys.push((key, vec![row])),
        }
    }
    keys
}

pub(super) fn shown(columns: &[ArrayRef], row: usize) -> String {
    columns.iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(", ")
}

impl<'a> Keyed<'a> {
    pub(super) fn open(subject: &'a Subject, module: &Arc<Module>, options: &'a str) -> Result<Self, CallError> {
        let input = subject.inputs.first().expect("every operator has an input");
        let mut instance = KeyedInstance::new(module, &subject.limits)?;
        let contract = instance.open(input, &subject.offered, options)?;
        let signature = contract.check_keyed(input, &subject.offered)?;
        Ok(Self { subject, module: Arc::clone(module), options, signature })
    }

    pub(super) fn input(&self) -> &Input {
        self.subject.inputs.first().expect("every operator has an input")
    }

    /// The operator as the engine plans it; all its ports leave with the row's number, the key, and what was computed.
    pub(super) fn plan(&self, course: &Course) -> Arc<KeyedPlan> {
        let input = self.input();
        let number_at = input.schema.fields().len();
        let key_at: Vec<usize> = input.key.iter().filter_map(|name| input.schema.index_of(name).ok()).collect();
        let key_fields: Vec<FieldRef> =
            key_at.iter().filter_map(|at| input.schema.fields().get(*at)).cloned().collect();
        let passed = || {
            let columns = std::iter::once(number_at).chain(key_at.iter().copied()).map(KeptColumn::Passed);
            let fields = std::iter::once(number_field()).chain(key_fields.iter().cloned());
            columns.zip(fields)
        };
        let port = |computed: &[FieldRef]| {
            let computed = computed.iter().cloned().enumerate().map(|(at, field)| (KeptColumn::Computed(at), field));
            let (columns, fields): (Vec<_>, Vec<FieldRef>) = passed().chain(computed).unzip();
            PortPlan { schema: Arc::new(Schema::new(fields)), columns }
        };
        let ports = self.signature.ports.iter().map(|declared| {
            let computed: Vec<FieldRef> = declared.computed.fields().iter().cloned().collect();
            Some(KeyedPort { port: port(&computed), time_at: None })
        });
        let reason: FieldRef = Arc::new(Field::new("reason", DataType::Utf8, false));
        let time = input.event_time.as_ref().and_then(|name| input.schema.index_of(name).ok());
        let clock = if time.is_some() { Clock::Event } else { Clock::Processing };
        Arc::new(KeyedPlan {
            name: "module".to_owned(),
            module_name: "module".to_owned(),
            module: Arc::clone(&self.module),
            limits: self.subject.limits.clone(),
            on_trap: OnTrap::Halt,
            options: self.options.to_owned(),
            input: input.clone(),
            offered: Arc::new(self.subject.offered.clone()),
            shuffle: ShufflePlan {
                input: 0,
                key_at: key_at.clone(),
                key_fields: key_fields.clone(),
                time: time.map(|at| TimeColumn { at, shift: 0, ahead: None }),
                late_rows: LateRows::Never,
                partitions: course.partitions,
                late: None,
                rejected: Some(port(&[reason])),
            },
            ttl: course.calls_all.then_some(Ttl { length: MINUTE, clock }),
            initial: Vec::new(),
            idle_keys: course.calls_all,
            reads_at: self.signature.reads.clone(),
            ports: ports.collect(),
            signature: self.signature.clone(),
            rows_max: course.rows_max,
            seed: course.seed,
        })
    }

    pub(super) fn run<'k>(&'k self, given: &Given, course: Course) -> Run<'k> {
        Run::new(self, self.plan(&course), given.tables(), course)
    }
}

/// The operator at work.
pub(super) struct Run<'k> {
    keyed: &'k Keyed<'k>,
    plan: Arc<KeyedPlan>,
    course: Course,
    tables: Arc<SideTables>,
    reducer: Reducer,
    pub(super) partitions: Vec<Partition>,
    /// Of the next epoch.
    epoch: u64,
    watermark: i64,
    lines: Lines,
}

impl<'k> Run<'k> {
    fn new(keyed: &'k Keyed<'k>, plan: Arc<KeyedPlan>, tables: &[Part], course: Course) -> Self {
        let tables = Arc::new(side_tables(tables, 1));
        let partitions = partitions(&plan, &tables);
        let mut run = Self {
            keyed,
            reducer: Reducer::new(Arc::clone(&plan)),
            plan,
            course,
            tables,
            partitions,
            epoch: 0,
            watermark: i64::MIN,
            lines: Lines::new(),
        };
        run.reducer.see(&run.tables);
        run
    }

    /// The same instance begins anew: without state, at the first epoch. `tables` may be others now, of this version.
    pub(super) fn again(&mut self, tables: &[Part], version: u64) {
        self.tables = Arc::new(side_tables(tables, version));
        self.reducer.see(&self.tables);
        self.partitions = partitions(&self.plan, &self.tables);
        (self.epoch, self.watermark, self.lines) = (0, i64::MIN, Lines::new());
    }

    /// All of it: the rows, a day without, and the end.
    pub(super) fn whole(&mut self, rows: &Numbered) -> Result<Lines, CallError> {
        self.rows(rows, 0..self.course.cuts)?;
        self.keep_state("kept");
        self.end()
    }

    /// Some of the epochs with rows.
    pub(super) fn rows(&mut self, rows: &Numbered, epochs: Range<usize>) -> Result<(), CallError> {
        for part in epochs {
            let (rows, whole) = rows.cut(part, self.course.cuts);
            let watermark = self.latest(&whole).filter(|_| !self.course.is_still);
            let watermark = watermark.map_or(self.watermark, |latest| self.watermark.max(latest - DISORDER));
            self.epoch(&rows, watermark, i64::try_from(part).unwrap_or(0) * MINUTE)?;
        }
        Ok(())
    }

    /// The time after the rows.
    pub(super) fn end(&mut self) -> Result<Lines, CallError> {
        let none = Numbered::new(&RecordBatch::new_empty(Arc::clone(&self.keyed.input().schema))).rows;
        self.epoch(&none, self.watermark, DAY)?;
        let from = self.watermark;
        for step in (1..=self.course.steps).filter(|_| from > i64::MIN) {
            let step = i64::try_from(step).unwrap_or(0);
            self.epoch(&none, from + FIRST_STEP * step * step, DAY)?;
        }
        self.epoch(&none, i64::MAX, DAY)?;
        self.keep_state("left");
        Ok(std::mem::take(&mut self.lines))
    }

    /// One epoch, up to this watermark, so many µs after the first one began.
    fn epoch(&mut self, rows: &RecordBatch, watermark: i64, passed: i64) -> Result<(), CallError> {
        if self.course.is_fresh {
            self.reducer = Reducer::new(Arc::clone(&self.plan));
            self.reducer.see(&self.tables);
        }
        let passed = if self.course.is_still { 0 } else { passed };
        let (later, epochs) = self.course.later;
        let mut context = BatchContext {
            epoch: 10 + self.epoch + epochs,
            first_row: (1 + self.epoch) << 32,
            now: NOW + passed + later,
            watermark: self.watermark,
            seed: self.course.seed,
        };
        let mapped = Shuffler::new(self.plan.shuffle.clone()).shuffle(&context, rows);
        self.watermark = watermark;
        context.watermark = self.watermark;
        let closing = Closing { watermark: self.watermark, is_last: self.watermark == i64::MAX };
        for partition in &mut self.partitions {
            let reduced = self.reducer.reduce(&context, partition, &mapped.pieces, closing)?;
            for (port, batch) in &reduced.emitted {
                let name = self.keyed.signature.ports.get(*port).map_or("?", |port| port.name.as_str());
                take(&mut self.lines, &format!("→ {name}"), self.plan.shuffle.key_at.len(), batch);
            }
            for batch in &reduced.rejected {
                take(&mut self.lines, "rejected", self.plan.shuffle.key_at.len(), batch);
            }
        }
        self.epoch += 1;
        Ok(())
    }

    /// The latest event time of rows, in µs.
    fn latest(&self, rows: &RecordBatch) -> Option<i64> {
        let name = self.keyed.input().event_time.as_ref()?;
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let times = compute::cast(rows.column_by_name(name)?, &micros).ok()?;
        compute::max(times.as_primitive_opt::<TimestampMicrosecondType>()?)
    }

    /// Takes down what is kept of each key, as of now.
    fn keep_state(&mut self, when: &str) {
        for partition in &self.partitions {
            let slots = partition.slots();
            for (at, looked) in self.plan.looked().iter().enumerate() {
                // When keys end is the engine's own, and so is how it numbers the rows of lists.
                if looked.name == "_keys" {
                    continue;
                }
                let form = self.plan.signature.state.get(at).map(|table| table.form);
                let hidden = looked.key_columns + usize::from(form == Some(StateForm::List));
                let batch = partition.look(&self.plan, at, looked, &slots);
                let keys: Vec<ArrayRef> = batch.columns().iter().take(looked.key_columns).cloned().collect();
                for row in 0..batch.num_rows() {
                    let place = (shown(&keys, row), format!("{when} {}", looked.name));
                    self.lines.entry(place).or_default().push(cells(&batch, hidden, row));
                }
            }
        }
    }
}

fn partitions(plan: &KeyedPlan, tables: &SideTables) -> Vec<Partition> {
    let budget = Budget::new(STATE_BYTES);
    (0..plan.partitions()).map(|number| Partition::new(plan, number, &budget, tables)).collect()
}

fn side_tables(parts: &[Part], version: u64) -> SideTables {
    let table = |part: &Part| TableVersion { name: part.name.clone(), version, rows: part.rows.clone() };
    SideTables(parts.iter().map(table).collect())
}

/// The rows of a batch that begins with numbers and keys, as lines of their keys.
fn take(lines: &mut Lines, place: &str, keys: usize, batch: &RecordBatch) {
    let Some((numbers, rest)) = batch.columns().split_first() else { return };
    let key: Vec<ArrayRef> = rest.iter().take(keys).cloned().collect();
    for row in 0..batch.num_rows() {
        let from = if numbers.is_null(row) { String::new() } else { format!("row {} ", cell(numbers, row)) };
        let line = format!("{from}{}", cells(batch, keys + 1, row));
        lines.entry((shown(&key, row), place.to_owned())).or_default().push(line);
    }
}

/// `{ total: 12 }`, of the columns from `from` on.
fn cells(batch: &RecordBatch, from: usize, row: usize) -> String {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns()).skip(from);
    let cells: Vec<String> = cells.map(|(field, column)| format!("{}: {}", field.name(), cell(column, row))).collect();
    format!("{{ {} }}", cells.join(", "))
}
