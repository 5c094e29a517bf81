//! Which rows an operator with state made a row of, as far as the row itself tells: by its key, its window, and the values that passed.
//!
//! ```text
//!  aggregate   key columns, bounds of the window                              rows of this key, in this window
//!  keyed       key columns                                                    rows of this key
//!  join        columns that pass, of either side; bounds of the window        rows that have these values
//!  sort, late rows, rejected rows                                             the row with these values
//! ```
//!
//! Columns are named, not numbered, since another revision may have them elsewhere. What is wanted of an epoch is compared with the batches that
//! arrived at the operator in it. Called by the [`walk`](super::walk).

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute::{and, cast},
    datatypes::{DataType, Int64Type, SchemaRef},
};

use super::find::same;
use crate::{
    job::{
        plan::{Logic, Plan, REASON_COLUMN, Reader, Target, to_micros},
        run::lineage::{Cause, EpochLineage},
    },
    operator::{
        KeptColumn,
        aggregate::{AggregatePlan, WINDOW_END, WINDOW_START, has_bounds},
        join::JoinPlan,
        keyed::KeyedPlan,
    },
};

/// How rows are found of which a row was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The module, or the host for it, says of each row of which one it is made.
    RowByRow,
    /// It is the row itself, found by its values.
    Itself,
    /// All rows of its key, in its window if it has one.
    Key,
    /// Rows of both sides that have the values which passed.
    Values,
    /// All rows: it has lost its key.
    All,
}

impl How {
    pub fn name(self) -> &'static str {
        match self {
            Self::RowByRow => "row-by-row",
            Self::Itself => "itself",
            Self::Key => "key",
            Self::Values => "values",
            Self::All => "all",
        }
    }
}

/// What a row was made of.
#[derive(Debug)]
pub(super) struct MadeOf {
    pub(super) how: How,
    /// Bounds of its window, in µs.
    pub(super) window: Option<(i64, i64)>,
    pub(super) wanted: Vec<Wanted>,
    pub(super) earlier: Earlier,
}

/// Which of it may be in earlier epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Earlier {
    Never,
    /// Rows of an input of which none was found.
    IfNotFound,
    Always,
}

/// Rows of one input of an operator.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    input: usize,
    /// Columns of the input with these values, arrays of one.
    equal: Vec<(String, ArrayRef)>,
    within: Option<Within>,
}

/// From the first time until before the second, in µs.
#[derive(Debug, Clone)]
struct Within {
    /// The column of event time, and what is added to it; none: it is processing time.
    column: Option<(String, i64)>,
    bounds: (i64, i64),
}

/// What row `row`, the only one of its batch, was made of, which an operator gave to an output. None: the output is none of its own.
pub(super) fn made_of(plan: &Plan, operator: usize, output: usize, row: &RecordBatch) -> Option<MadeOf> {
    let planned = plan.operators.get(operator)?;
    let of = Of { plan, operator, row };
    let refused = planned.sides.iter().position(|side| [side.rejected, side.late].contains(&Some(output)));
    if let Some(input) = refused {
        let names = of.schema(input)?.fields().iter().map(|field| field.name().clone());
        let own = names.filter(|name| name != REASON_COLUMN);
        let equal = own.filter_map(|name| Some((name.clone(), row.column_by_name(&name)?.clone()))).collect();
        let wanted = vec![Wanted { input, equal, within: None }];
        return Some(MadeOf { how: How::Itself, window: None, wanted, earlier: Earlier::Never });
    }
    let port = planned.ports.iter().position(|port| *port == output)?;
    match &planned.logic {
        Logic::Aggregate(aggregate) => of.aggregate(aggregate),
        Logic::Keyed(keyed) => of.keyed(keyed, port),
        Logic::Join(join) => of.join(join, port),
        Logic::Sort(sort) => {
            let equal = of.passed(&sort.output.as_ref()?.columns, 0..usize::MAX, 0)?;
            let wanted = vec![Wanted { input: 0, equal, within: None }];
            Some(MadeOf { how: How::Itself, window: None, wanted, earlier: Earlier::IfNotFound })
        }
        Logic::Transform(_) | Logic::Lookup(_) => None,
    }
}

/// A row that an operator made.
struct Of<'a> {
    plan: &'a Plan,
    operator: usize,
    row: &'a RecordBatch,
}

impl Of<'_> {
    /// The columns that arrive at an input.
    fn schema(&self, input: usize) -> Option<&SchemaRef> {
        let output = *self.plan.operators.get(self.operator)?.sides.get(input)?.inputs.first()?;
        Some(&reader(self.plan, self.operator, input, output)?.schema)
    }

    fn name(&self, input: usize, at: usize) -> Option<String> {
        Some(self.schema(input)?.fields().get(at)?.name().clone())
    }

    /// The column of the row that is this one of its port.
    fn value(&self, columns: &[KeptColumn], wanted: KeptColumn) -> Option<ArrayRef> {
        let at = columns.iter().position(|column| *column == wanted)?;
        self.row.columns().get(at).cloned()
    }

    /// A time of the row, in µs.
    fn time(&self, column: Option<ArrayRef>) -> Option<i64> {
        times(&column?)?.first().copied().flatten()
    }

    fn aggregate(&self, plan: &AggregatePlan) -> Option<MadeOf> {
        let columns = &plan.output.as_ref()?.columns;
        let computed = |at: usize| self.value(columns, KeptColumn::Computed(at));
        let key = (0..).zip(&plan.key_at).map(|(at, from)| Some((self.name(0, *from)?, computed(at)?)));
        let Some(equal) = key.collect::<Option<Vec<_>>>() else { return Some(lost(1)) };
        let keys = plan.key_at.len();
        let window = has_bounds(&plan.window.kind).then(|| {
            let [start, end] = [keys, keys + 1].map(|at| self.time(computed(at)));
            start.zip(end)
        });
        let window = window.flatten();
        let column = match plan.time_at {
            Some(at) => Some((self.name(0, at)?, plan.time_shift)),
            None => None,
        };
        let within = window.map(|bounds| Within { column, bounds });
        let wanted = vec![Wanted { input: 0, equal, within }];
        Some(MadeOf { how: How::Key, window, wanted, earlier: Earlier::Always })
    }

    fn keyed(&self, plan: &KeyedPlan, port: usize) -> Option<MadeOf> {
        let columns = &plan.ports.get(port)?.as_ref()?.port.columns;
        let key = plan.shuffle.key_at.iter().map(|at| {
            let name = self.name(0, *at)?;
            // A module may make a column of the key by itself.
            let value = self.value(columns, KeptColumn::Passed(*at)).or_else(|| self.named(0, *at, &name))?;
            Some((name, value))
        });
        let Some(equal) = key.collect::<Option<Vec<_>>>() else { return Some(lost(1)) };
        let wanted = vec![Wanted { input: 0, equal, within: None }];
        Some(MadeOf { how: How::Key, window: None, wanted, earlier: Earlier::Always })
    }

    /// The row's column of this name, if it is of the type that the input's has.
    fn named(&self, input: usize, at: usize, name: &str) -> Option<ArrayRef> {
        let data_type = self.schema(input)?.fields().get(at)?.data_type();
        self.row.column_by_name(name).filter(|column| column.data_type() == data_type).cloned()
    }

    fn join(&self, plan: &JoinPlan, port: usize) -> Option<MadeOf> {
        let bounds = [WINDOW_START, WINDOW_END].map(|name| self.time(self.row.column_by_name(name).cloned()));
        let [start, end] = bounds;
        let window = start.zip(end);
        let [left, right] = &plan.shuffles;
        let within = |input: usize| {
            let time = if input == 0 { left.time } else { right.time }?;
            Some(Within { column: Some((self.name(input, time.at)?, time.shift)), bounds: window? })
        };
        let Some(output) = &plan.output else {
            plan.cogroup.as_ref()?.ports.get(port)?.as_ref()?;
            let key = left.key_at.iter().zip(&right.key_at).map(|(left_at, right_at)| {
                let (left_name, right_name) = (self.name(0, *left_at)?, self.name(1, *right_at)?);
                let value = self.named(0, *left_at, &left_name).or_else(|| self.named(1, *right_at, &right_name))?;
                Some(((left_name, ArrayRef::clone(&value)), (right_name, value)))
            });
            let Some(key) = key.collect::<Option<Vec<_>>>() else { return Some(lost(2)) };
            let (of_left, of_right): (Vec<_>, Vec<_>) = key.into_iter().unzip();
            let sides = [of_left, of_right].into_iter().enumerate();
            let wanted = sides.map(|(input, equal)| Wanted { input, equal, within: within(input) }).collect();
            return Some(MadeOf { how: How::Key, window, wanted, earlier: Earlier::Always });
        };
        let columns = &output.port.columns;
        let mut of_left = self.passed(columns, 0..output.left_columns, 0)?;
        let mut of_right = self.passed(columns, output.left_columns..usize::MAX, 1)?;
        // Both have the key, of which one column may stand for both.
        for (left_at, right_at) in left.key_at.iter().zip(&right.key_at) {
            let (left_name, right_name) = (self.name(0, *left_at)?, self.name(1, *right_at)?);
            let value = self.value(columns, KeptColumn::Passed(*left_at));
            let value = value.or_else(|| self.value(columns, KeptColumn::Passed(output.left_columns + right_at)));
            for (side, name) in [(&mut of_left, left_name), (&mut of_right, right_name)] {
                if let Some(value) = value.clone()
                    && !side.iter().any(|(known, _)| *known == name)
                {
                    side.push((name, value));
                }
            }
        }
        let sides = [of_left, of_right].into_iter().enumerate();
        let wanted = sides.map(|(input, equal)| Wanted { input, equal, within: within(input) }).collect();
        Some(MadeOf { how: How::Values, window, wanted, earlier: Earlier::IfNotFound })
    }

    /// The columns of an input that pass, with their values. Those of `own` are the input's, counted from its first.
    fn passed(
        &self,
        columns: &[KeptColumn],
        own: std::ops::Range<usize>,
        input: usize,
    ) -> Option<Vec<(String, ArrayRef)>> {
        let passed = columns.iter().zip(self.row.columns()).filter_map(|(column, value)| match column {
            KeptColumn::Passed(at) if own.contains(at) => Some((at - own.start, value)),
            KeptColumn::Passed(_) | KeptColumn::Computed(_) => None,
        });
        passed.map(|(at, value)| Some((self.name(input, at)?, ArrayRef::clone(value)))).collect()
    }
}

/// The row does not tell its key.
fn lost(inputs: usize) -> MadeOf {
    let wanted = (0..inputs).map(|input| Wanted { input, equal: Vec::new(), within: None }).collect();
    MadeOf { how: How::All, window: None, wanted, earlier: Earlier::Always }
}

fn reader(plan: &Plan, operator: usize, input: usize, output: usize) -> Option<&Reader> {
    let to = Target::Operator { operator, input };
    plan.outputs.get(output)?.readers.iter().find(|reader| reader.to == to)
}

impl Wanted {
    /// The rows of an epoch that arrived at an operator and are such: batches of the lineage and rows of them.
    pub(super) fn among(&self, lineage: &EpochLineage, operator: usize) -> Vec<(usize, usize)> {
        let plan = &lineage.plan;
        let Some(side) = plan.operators.get(operator).and_then(|planned| planned.sides.get(self.input)) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (at, noted) in lineage.noted.iter().enumerate() {
            let arrived = match (noted.output, &noted.cause) {
                (Some(output), _) if side.inputs.contains(&output) => reader(plan, operator, self.input, output)
                    .and_then(|reader| {
                        let columns = reader.columns.iter().map(|at| noted.rows.columns().get(*at).cloned());
                        Some((&reader.schema, columns.collect::<Option<Vec<_>>>()?))
                    }),
                (None, Cause::Letters { operator: of }) if *of == operator && self.input == 0 => {
                    Some((noted.rows.schema_ref(), noted.rows.columns().to_vec()))
                }
                _ => None,
            };
            if let Some((schema, columns)) = arrived {
                let rows = self.rows(schema, &columns, (noted.rows.num_rows(), lineage.now));
                found.extend(rows.into_iter().map(|row| (at, row)));
            }
        }
        found
    }

    fn rows(&self, schema: &SchemaRef, columns: &[ArrayRef], (rows, now): (usize, i64)) -> Vec<usize> {
        let column = |name: &str| schema.index_of(name).ok().and_then(|at| columns.get(at));
        let mut mask = BooleanArray::from(vec![true; rows]);
        for (name, value) in &self.equal {
            // What another revision does not have, or has otherwise, tells nothing; nor does a type that cannot be compared.
            let same = column(name).and_then(|column| same(column, value));
            if let Some(both) = same.and_then(|same| and(&mask, &same).ok()) {
                mask = both;
            }
        }
        let is_within = |time: Option<i64>, (from, to): (i64, i64)| time.is_some_and(|time| from <= time && time < to);
        let times = match &self.within {
            Some(Within { column: None, bounds }) if !is_within(Some(now), *bounds) => return Vec::new(),
            Some(Within { column: Some((name, shift)), bounds }) => {
                column(name).and_then(times).map(|times| (times, *shift, *bounds))
            }
            _ => None,
        };
        let is_in_time = |row: usize| {
            times.as_ref().is_none_or(|(times, shift, bounds)| {
                let time = times.get(row).copied().flatten();
                is_within(time.map(|time| time.saturating_add(*shift)), *bounds)
            })
        };
        let like = mask.iter().enumerate().filter(|(_, is_like)| *is_like == Some(true));
        like.map(|(row, _)| row).filter(|row| is_in_time(*row)).collect()
    }
}

/// A column of times, in µs. None: it is none.
fn times(column: &ArrayRef) -> Option<Vec<Option<i64>>> {
    let DataType::Timestamp(unit, _) = *column.data_type() else { return None };
    let numbers = cast(column, &DataType::Int64).ok()?;
    let numbers = numbers.as_primitive::<Int64Type>();
    Some(numbers.iter().map(|time| time.map(|time| to_micros(unit, time))).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Int64Array, StringArray, TimestampMillisecondArray},
        datatypes::{Field, Schema, TimeUnit},
    };

    use super::*;

    #[test]
    fn rows_are_wanted_by_key_and_time() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("user", DataType::Utf8, true),
            Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        ]));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("ada"), Some("bob"), Some("ada"), None, Some("ada")])),
            Arc::new(TimestampMillisecondArray::from(vec![Some(1), Some(1), Some(3), Some(1), None])),
        ];
        let rows = |user: Option<&str>, within: Option<Within>, now: i64| {
            let value: ArrayRef = Arc::new(StringArray::from(vec![user]));
            let wanted = Wanted { input: 0, equal: vec![("user".into(), value)], within };
            wanted.rows(&schema, &columns, (5, now))
        };
        assert_eq!(rows(Some("ada"), None, 0), [0, 2, 4]);
        assert_eq!(rows(None, None, 0), [3]);
        let of_event_time = |shift| Within { column: Some(("ts".into(), shift)), bounds: (1_000, 3_000) };
        assert_eq!(rows(Some("ada"), Some(of_event_time(0)), 0), [0]);
        assert_eq!(rows(Some("ada"), Some(of_event_time(-1)), 0), [2], "the end of a window is not part of it");
        let of_processing_time = Within { column: None, bounds: (10, 20) };
        assert_eq!(rows(Some("ada"), Some(of_processing_time.clone()), 19), [0, 2, 4]);
        assert_eq!(rows(Some("ada"), Some(of_processing_time), 20), [0; 0]);
    }

    #[test]
    fn what_cannot_be_compared_tells_nothing() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![1, 2]))];
        let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        let equal = vec![("n".to_owned(), ArrayRef::clone(&text)), ("gone".to_owned(), text)];
        assert_eq!(Wanted { input: 0, equal, within: None }.rows(&schema, &columns, (2, 0)), [0, 1]);
    }
}
