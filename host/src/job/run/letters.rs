//! Dead letters in a run: poison rows become letters when their epoch is committed, and letters become rows again when somebody asks.
//!
//! ```text
//!  compute thread: Poisoned ─► commit thread: Letter, in the record of its epoch
//!  planner: a request ─► letters of the queue ─► Work::Letters, the first tasks of an epoch ─► record: these are gone from the queue
//! ```
//!
//! Invariant: a letter leaves the queue in the record of the epoch that holds what came of it; computed again, that epoch begins
//! with the same rows, which the record names.

use std::{collections::HashSet, io::Cursor, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::concat_batches,
    datatypes::SchemaRef,
    ipc::{reader::StreamReader, writer::StreamWriter},
};
use pelton_core::{checkpoint::record::FileRef, job::operator_of, model::Epoch, poison::PoisonKind};

use super::RunError;
use crate::{
    checkpoint::letters::{Action, Head, Letter, LetterBox, LetterId},
    job::plan::{Plan, Target},
    operator::{poison::PoisonRow, record_batch},
};

/// A row that an operator took out of its call, to be kept.
pub(super) struct Poisoned {
    pub(super) operator: usize,
    pub(super) row: PoisonRow,
    /// What its task worked on, in words.
    pub(super) origin: String,
}

/// An epoch, as far as its letters tell of it.
pub(super) struct OfEpoch<'a> {
    pub(super) plan: &'a Plan,
    pub(super) epoch: Epoch,
    pub(super) revision: u64,
    /// Processing time, in µs.
    pub(super) now: i64,
}

/// The letters of an epoch, from its poison rows in canonical order.
pub(super) fn letters(of: &OfEpoch<'_>, poisoned: Vec<Poisoned>) -> Vec<Letter> {
    let letter = |(number, poisoned): (u32, Poisoned)| {
        let Poisoned { operator, row: PoisonRow { kind, row, number: row_number, fault }, origin } = poisoned;
        let logic = of.plan.operators.get(operator).map(|planned| &planned.logic);
        let head = Head {
            id: LetterId { epoch: of.epoch, number },
            // A canary may be gone when its letters are replayed.
            operator: logic.map(|logic| operator_of(logic.name()).to_owned()).unwrap_or_default(),
            kind,
            modules: logic.map(|logic| logic.digests().iter().map(ToString::to_string).collect()).unwrap_or_default(),
            code: fault.code.to_string(),
            error: fault.message,
            trace: fault.trace,
            origin,
            row_number,
            at: of.now,
            revision: of.revision,
        };
        Letter { head, row: row_bytes(&row) }
    };
    (0..).zip(poisoned).map(letter).collect()
}

fn row_bytes(row: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = StreamWriter::try_new(&mut bytes, &row.schema()).and_then(|mut writer| {
        writer.write(row)?;
        writer.finish()
    });
    written.expect("Arrow's own format holds every batch, and memory takes it");
    bytes
}

/// The row of a letter.
pub fn row(letter: &Letter) -> Result<RecordBatch, String> {
    let reader = StreamReader::try_new(Cursor::new(&letter.row), None).map_err(|error| error.to_string())?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    concat_batches(&schema, &batches).map_err(|error| error.to_string())
}

/// What an epoch carries out of what was asked for.
pub(super) struct Asked {
    /// The request's.
    pub(super) name: String,
    /// They are in the queue no more.
    pub(super) gone: Vec<LetterId>,
    /// Those that begin the epoch.
    pub(super) replayed: Option<FileRef>,
}

/// Rows for an operator, by its place in the plan.
pub(super) type Replays = Vec<(usize, RecordBatch)>;

/// The planner's side of the queue.
pub(super) struct Desk {
    /// None: the job keeps no checkpoint, and so no letters.
    letters: Option<Arc<LetterBox>>,
    /// Requests that epochs carry out which are not committed yet.
    known: HashSet<String>,
    /// Letters that were taken: they are in the queue until their epoch is committed.
    taken: HashSet<LetterId>,
}

impl Desk {
    pub(super) fn new(letters: Option<Arc<LetterBox>>) -> Self {
        Self { letters, known: HashSet::new(), taken: HashSet::new() }
    }

    /// The next request, and the rows that it puts into operators; none are put where nobody takes them any more.
    pub(super) fn next(&mut self, plan: &Plan, takes_rows: bool) -> Result<Option<(Asked, Replays)>, RunError> {
        let Some(letters) = self.letters.as_ref().filter(|letters| letters.count() > 0) else { return Ok(None) };
        let Some((name, request)) = letters.next_request(&self.known)? else { return Ok(None) };
        let mut found = letters.find(&request.letters)?;
        found.retain(|letter| !self.taken.contains(&letter.id()));
        let mut replays = Vec::new();
        if request.action == Action::Replay {
            let before = found.len();
            found.retain(|letter| takes_rows && fitting(plan, letter).is_ok());
            if found.len() < before {
                let unfit = before - found.len();
                tracing::warn!(
                    unfit,
                    "dead letters stay where they are: their operator takes no more rows, or other columns"
                );
            }
            replays = self::replays(plan, &found)?;
        }
        if found.is_empty() {
            // Nothing to do is done.
            letters.carried_out(&[name])?;
            return Ok(None);
        }
        let gone: Vec<LetterId> = found.iter().map(Letter::id).collect();
        self.taken.extend(&gone);
        self.known.insert(name.clone());
        let replayed = if replays.is_empty() { None } else { Some(letters.put(&found)?.file) };
        Ok(Some((Asked { name, gone, replayed }, replays)))
    }
}

/// The rows of letters as batches, each for one operator, in the order of the letters.
pub(super) fn replays(plan: &Plan, letters: &[Letter]) -> Result<Replays, RunError> {
    let mut replays: Replays = Vec::new();
    let mut open: Vec<RecordBatch> = Vec::new();
    let mut last = None;
    let mut close = |operator: Option<usize>, rows: &mut Vec<RecordBatch>| {
        if let (Some(operator), Some(first)) = (operator, rows.first()) {
            let batch = concat_batches(&first.schema(), rows.iter()).expect("rows of one operator have one schema");
            replays.push((operator, batch));
        }
        rows.clear();
    };
    for letter in letters {
        let (operator, row) =
            fitting(plan, letter).map_err(|reason| RunError::Letter { letter: letter.id().to_string(), reason })?;
        if last != Some(operator) || open.len() >= plan.batch.rows {
            close(last, &mut open);
            last = Some(operator);
        }
        open.push(row);
    }
    close(last, &mut open);
    Ok(replays)
}

/// The operator of a letter, and its row as that operator takes it; or why it cannot.
pub fn fitting(plan: &Plan, letter: &Letter) -> Result<(usize, RecordBatch), String> {
    let (name, kind) = (&letter.head.operator, letter.head.kind);
    if kind != PoisonKind::Row {
        return Err(format!("it is no row but a {}: it can be discarded, and not be replayed", kind.name()));
    }
    let operator = plan.operators.iter().position(|planned| planned.logic.name() == name);
    let operator = operator.ok_or_else(|| format!("there is no operator `{name}` any more"))?;
    let schema = input_schema(plan, operator).ok_or("nothing feeds the operator")?;
    let row = row(letter)?;
    let column = |field: &arrow::datatypes::FieldRef| -> Result<ArrayRef, String> {
        let column = row.column_by_name(field.name()).filter(|column| column.data_type() == field.data_type());
        let column = column.filter(|column| field.is_nullable() || column.null_count() == 0);
        column.cloned().ok_or_else(|| format!("its column `{}` is missing, or of another type", field.name()))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    Ok((operator, record_batch(&schema, columns, row.num_rows())))
}

/// The columns of the batches that an operator with one input is given.
fn input_schema(plan: &Plan, operator: usize) -> Option<SchemaRef> {
    let readers = plan.outputs.iter().flat_map(|output| &output.readers);
    let own = |target: &Target| matches!(target, Target::Operator { operator: at, input: 0 } if *at == operator);
    readers.filter(|reader| own(&reader.to)).map(|reader| Arc::clone(&reader.schema)).next()
}
