//! Where rows come from, taken down while epochs are computed again: each batch that leaves a source or an operator, with what it was made of.
//!
//! ```text
//!  decoder ─► rows, `_offset` ─► noted: file and place of each row
//!  batch + its row numbers ─► transform (wasm) ─► rows by `origin` ─┬► noted: the row of the batch before that each row is made of
//!                                   the numbers pass like a column ─┘
//! ```
//!
//! A transform's rows follow `origin`, as its passed columns do: the row numbers of a batch are one more column that passes, so that nothing of the
//! operator knows of it ([`trace`] puts it into the plan). Operators with state make rows of many, some of earlier epochs; of those
//! only that is noted which operator it was. Called by the graph, and by the collector of a replay; a run that commits has none of it. Invariant: what
//! is computed is the same with it and without it.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, UInt32Array},
    datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type},
};
use pelton_core::{job::OFFSET_COLUMN, model::Epoch};
use serde_json::{Map, Value};

use super::comparison;
use crate::{
    job::plan::{Logic, Plan, PlannedOperator, SourcePlan, Target},
    operator::{KeptColumn, PortPlan, record_batch},
};

/// The column of row numbers, behind all others.
const ROW: &str = "_row";

/// All that left sources and operators in an epoch, in canonical order.
pub struct EpochLineage {
    pub epoch: Epoch,
    /// By which it was computed.
    pub revision: u64,
    /// Processing time, in µs.
    pub now: i64,
    pub plan: Arc<Plan>,
    pub noted: Vec<Noted>,
    /// (sink, batch of `noted`), in the order in which sinks were given them.
    pub given: Vec<(usize, usize)>,
}

/// A batch on an edge.
#[derive(Debug)]
pub struct Noted {
    /// Index in `Plan::outputs`; none: rows that were put into an operator once more.
    pub output: Option<usize>,
    pub rows: RecordBatch,
    pub cause: Cause,
}

impl Noted {
    /// A row as a JSON object.
    pub fn json(&self, row: usize) -> Value {
        json(&self.rows.slice(row, 1))
    }
}

/// The only row of a batch as a JSON object.
pub fn json(row: &RecordBatch) -> Value {
    // It was written as JSON a moment ago; a row without columns is nothing.
    serde_json::from_str(&comparison::json(row)).unwrap_or_else(|_| Value::Object(Map::new()))
}

/// What a batch was made of. Operators and sources are indices in the plan.
#[derive(Debug, Clone)]
pub enum Cause {
    /// Decoded from a file; `offsets` is where each row is in it.
    Read { source: usize, file: Arc<str>, offsets: Option<ArrayRef> },
    /// Rows of a file that could not be decoded.
    Undecoded { source: usize, file: Arc<str> },
    /// Each row of one row of a batch before it.
    Rows { operator: usize, batch: usize, rows: UInt32Array },
    /// By an operator, of rows that only their values tell.
    Operator { operator: usize },
    /// Dead letters.
    Letters { operator: usize },
}

/// What one task has taken down.
#[derive(Debug, Default)]
pub(super) struct TaskLineage {
    noted: Vec<Noted>,
    given: Vec<(usize, usize)>,
}

impl TaskLineage {
    /// Answers the batch's number.
    pub(super) fn note(&mut self, output: Option<usize>, rows: &RecordBatch, cause: &Cause) -> usize {
        self.noted.push(Noted { output, rows: rows.clone(), cause: cause.clone() });
        self.noted.len() - 1
    }

    pub(super) fn give(&mut self, sink: usize, batch: usize) {
        self.given.push((sink, batch));
    }

    /// What the next task in canonical order has taken down.
    pub(super) fn extend(&mut self, next: Self) {
        let before = self.noted.len();
        self.given.extend(next.given.into_iter().map(|(sink, batch)| (sink, before + batch)));
        self.noted.extend(next.noted.into_iter().map(|mut noted| {
            if let Cause::Rows { batch, .. } = &mut noted.cause {
                *batch += before;
            }
            noted
        }));
    }

    pub(super) fn of_epoch(self, epoch: Epoch, revision: u64, now: i64, plan: Arc<Plan>) -> EpochLineage {
        EpochLineage { epoch, revision, now, plan, noted: self.noted, given: self.given }
    }
}

/// A batch with its row numbers, for operators that [`trace`] has prepared.
pub(super) fn numbered(batch: &RecordBatch) -> RecordBatch {
    let rows = batch.num_rows();
    let numbers: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..rows as u32));
    let columns = batch.columns().iter().cloned().chain([numbers]).collect();
    record_batch(&with_row(batch.schema_ref()), columns, rows)
}

/// What such an operator made of batch `from`, and of which rows of it; with none it had no row numbers.
pub(super) fn made(operator: usize, from: Option<usize>, rows: RecordBatch) -> (RecordBatch, Cause) {
    match from.and_then(|batch| Some((batch, split(&rows)?))) {
        Some((batch, (rows, numbers))) => {
            let cause = match numbers.as_primitive_opt::<UInt32Type>() {
                Some(rows) => Cause::Rows { operator, batch, rows: rows.clone() },
                None => Cause::Operator { operator },
            };
            (rows, cause)
        }
        None => (rows, Cause::Operator { operator }),
    }
}

/// The last column by itself.
fn split(batch: &RecordBatch) -> Option<(RecordBatch, ArrayRef)> {
    let last = batch.num_columns().checked_sub(1)?;
    let rest = batch.project(&(0..last).collect::<Vec<_>>()).ok()?;
    Some((rest, Arc::clone(batch.column(last))))
}

fn with_row(schema: &SchemaRef) -> SchemaRef {
    let row = Arc::new(Field::new(ROW, DataType::UInt32, false));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([row]).collect::<Vec<_>>()))
}

/// The columns that a source's decoder is asked for: those of the plan, and behind them where each row is.
pub(super) fn columns(source: &SourcePlan) -> Vec<String> {
    let knows_places = source.source.metadata().index_of(OFFSET_COLUMN).is_ok();
    let is_asked = source.columns.iter().any(|column| column == OFFSET_COLUMN);
    let place = (knows_places && !is_asked).then(|| OFFSET_COLUMN.to_owned());
    source.columns.iter().cloned().chain(place).collect()
}

/// The batch as the plan has it, and where its rows are.
pub(super) fn places(source: &SourcePlan, rows: RecordBatch) -> (RecordBatch, Option<ArrayRef>) {
    if rows.num_columns() > source.columns.len()
        && let Some((rows, offsets)) = split(&rows)
    {
        return (rows, Some(offsets));
    }
    let at = source.columns.iter().position(|column| column == OFFSET_COLUMN);
    let offsets = at.and_then(|at| rows.columns().get(at)).map(Arc::clone);
    (rows, offsets)
}

/// Has row numbers pass through every operator that makes rows of single rows.
pub(super) fn trace(mut plan: Plan) -> Plan {
    let widths: Vec<Option<usize>> = (0..plan.operators.len()).map(|operator| width(&plan, operator)).collect();
    for (PlannedOperator { logic, .. }, width) in plan.operators.iter_mut().zip(widths) {
        let Some(at) = width else { continue };
        match logic {
            Logic::Transform(transform) => {
                let mut traced = transform.as_ref().clone();
                traced.ports.iter_mut().chain([&mut traced.rejected]).flatten().for_each(|port| pass_row(port, at));
                *transform = Arc::new(traced);
            }
            Logic::Lookup(lookup) => {
                let mut traced = lookup.as_ref().clone();
                traced.output.iter_mut().for_each(|port| pass_row(port, at));
                *lookup = Arc::new(traced);
            }
            Logic::Aggregate(_) | Logic::Keyed(_) | Logic::Join(_) | Logic::Sort(_) => {}
        }
    }
    plan
}

/// Columns of the batches that arrive at an operator's first input. None: none arrives.
fn width(plan: &Plan, operator: usize) -> Option<usize> {
    let side = plan.operators.get(operator)?.sides.first()?;
    let readers = side.inputs.iter().filter_map(|input| plan.outputs.get(*input)).flat_map(|output| &output.readers);
    let mut own = readers.filter(|reader| reader.to == Target::Operator { operator, input: 0 });
    own.next().map(|reader| reader.columns.len())
}

fn pass_row(port: &mut PortPlan, at: usize) {
    port.columns.push(KeptColumn::Passed(at));
    port.schema = with_row(&port.schema);
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, Int64Array, UInt64Array};

    use super::*;

    fn batch(values: Vec<i64>) -> RecordBatch {
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, false)]));
        RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(values))]).unwrap()
    }

    #[test]
    fn what_an_operator_makes_says_of_which_rows() {
        let arrived = numbered(&batch(vec![5, 6, 7]));
        let taken = arrow::compute::take_record_batch(&arrived, &UInt64Array::from(vec![2, 2, 0])).unwrap();
        let (rows, cause) = made(4, Some(9), taken);
        assert_eq!(rows, batch(vec![7, 7, 5]));
        let Cause::Rows { operator: 4, batch: 9, rows } = cause else { panic!("{cause:?}") };
        assert_eq!(rows.values(), &[2, 2, 0]);
        let (same, cause) = made(4, None, batch(vec![1]));
        assert!(same == batch(vec![1]) && matches!(cause, Cause::Operator { operator: 4 }));
    }

    #[test]
    fn tasks_are_put_together_in_order() {
        let rows = |batch: usize| Cause::Rows { operator: 0, batch, rows: UInt32Array::from(vec![0]) };
        let mut tasks = [1, 2].map(|value| {
            let mut task = TaskLineage::default();
            let first = task.note(Some(0), &batch(vec![value]), &Cause::Operator { operator: 7 });
            let second = task.note(Some(1), &batch(vec![value]), &rows(first));
            task.give(3, second);
            task
        });
        let [first, second] = &mut tasks;
        first.extend(std::mem::take(second));
        assert_eq!(first.given, [(3, 1), (3, 3)]);
        let of = first.noted.iter().filter_map(|noted| match noted.cause {
            Cause::Rows { batch, .. } => Some(batch),
            _ => None,
        });
        assert_eq!(of.collect::<Vec<_>>(), [0, 2]);
        assert_eq!(first.noted.last().map(|noted| noted.rows.column(0).len()), Some(1));
    }
}
