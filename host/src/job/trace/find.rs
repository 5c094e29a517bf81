//! The row that is meant, by its values: epochs are computed again until one has it, the newest first.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch, Scalar},
    compute::{and, kernels::cmp::not_distinct},
};
use pelton_core::{model::Epoch, types};

use super::{Again, TraceError};
use crate::{
    job::{
        diagnostic::shown,
        look,
        plan::{Plan, Target},
        run::lineage::EpochLineage,
    },
    operator::record_batch,
};

/// Epochs that are searched at once.
const STRIDE: u64 = 64;

/// A row that a sink was given.
pub(super) struct Found {
    pub(super) sink: String,
    pub(super) epoch: Epoch,
    /// Among the rows that the sink was given in the epoch, from 0 on.
    pub(super) number: u64,
    /// How many rows of the epochs that were searched are as was asked for.
    pub(super) alike: u64,
    pub(super) searched: (Epoch, Epoch),
}

/// The last row of a sink that has these values, in one epoch or up to the `last` one.
pub(super) fn by_values(
    again: &Again<'_>,
    sink: &str,
    values: &[(String, Option<String>)],
    (only, mut last): (Option<Epoch>, Epoch),
) -> Result<Found, TraceError> {
    let newest = only.unwrap_or(last);
    loop {
        let (stretch, first) = match only {
            Some(epoch) => (again.kept.stretch(epoch)?, epoch),
            None => {
                let stretch = again.kept.longer_stretch(last, STRIDE - 1)?;
                let first = stretch.again.first().map_or(last, |record| record.epoch);
                (stretch, first)
            }
        };
        let mut found = Vec::new();
        let mut wrong = None;
        again.compute(stretch, first, &mut |lineage| {
            if only.is_none_or(|epoch| epoch == lineage.epoch) && wrong.is_none() {
                match rows_like(&lineage, sink, values) {
                    Ok(rows) => found.extend(rows.into_iter().map(|number| (lineage.epoch, number))),
                    Err(error) => wrong = Some(error),
                }
            }
        })?;
        if let Some(error) = wrong {
            return Err(error);
        }
        let searched = (first, newest);
        if let Some((epoch, number)) = found.last() {
            let (sink, epoch, number, alike) = (sink.to_owned(), *epoch, *number, found.len() as u64);
            return Ok(Found { sink, epoch, number, alike, searched });
        }
        if only.is_some() || first <= again.first {
            return Err(TraceError::NoRow { sink: sink.to_owned(), searched });
        }
        last = Epoch(first.0 - 1);
    }
}

/// What a sink was given in an epoch, in order: the batch's number, and its rows with the sink's columns.
pub(super) fn given<'a>(lineage: &'a EpochLineage, sink: &str) -> impl Iterator<Item = (usize, RecordBatch)> + use<'a> {
    let index = lineage.plan.sinks.iter().position(|planned| planned.name == sink);
    let given = lineage.given.iter().filter(move |(sink, _)| Some(*sink) == index);
    given.filter_map(|(sink, at)| Some((*at, as_given(&lineage.plan, lineage, *sink, *at)?)))
}

fn as_given(plan: &Plan, lineage: &EpochLineage, sink: usize, at: usize) -> Option<RecordBatch> {
    let noted = lineage.noted.get(at)?;
    let readers = &plan.outputs.get(noted.output?)?.readers;
    let reader = readers.iter().find(|reader| reader.to == Target::Sink(sink))?;
    let columns = reader.columns.iter().map(|column| noted.rows.columns().get(*column).cloned());
    Some(record_batch(&reader.schema, columns.collect::<Option<_>>()?, noted.rows.num_rows()))
}

/// The numbers of the rows that a sink was given with these values.
fn rows_like(lineage: &EpochLineage, sink: &str, values: &[(String, Option<String>)]) -> Result<Vec<u64>, TraceError> {
    let mut rows = Vec::new();
    let mut before = 0;
    for (_, batch) in given(lineage, sink) {
        let like = like(&batch, sink, values)?;
        let own = (before..).zip(like.iter()).filter(|(_, is_like)| *is_like == Some(true));
        rows.extend(own.map(|(number, _)| number));
        before += batch.num_rows() as u64;
    }
    Ok(rows)
}

fn like(batch: &RecordBatch, sink: &str, values: &[(String, Option<String>)]) -> Result<BooleanArray, TraceError> {
    let mut mask = BooleanArray::from(vec![true; batch.num_rows()]);
    for (name, text) in values {
        let Ok(at) = batch.schema_ref().index_of(name) else {
            let columns: Vec<String> =
                batch.schema_ref().fields().iter().map(|field| format!("`{}`", field.name())).collect();
            let what = format!("sink `{sink}` has no column `{}`: it has {}", shown(name), columns.join(", "));
            return Err(TraceError::Column { what });
        };
        let field = batch.schema_ref().field(at);
        let value = look::value("column", field, text.as_deref()).map_err(|what| TraceError::Column { what })?;
        let same = same(batch.column(at), &value).ok_or_else(|| {
            let ty = types::name(field.data_type());
            TraceError::Column { what: format!("column `{name}` is {ty}, by which no row can be told") }
        })?;
        mask = and(&mask, &same).map_err(|error| TraceError::Column { what: error.to_string() })?;
    }
    Ok(mask)
}

/// Which values of a column are this one, an array of one; null is itself. None: values of this type cannot be compared.
pub(super) fn same(column: &ArrayRef, value: &ArrayRef) -> Option<BooleanArray> {
    if column.data_type() != value.data_type() {
        return None;
    }
    not_distinct(column, &Scalar::new(Arc::clone(value))).ok()
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Float64Array, StringArray},
        datatypes::{DataType, Field, Schema},
    };

    use super::*;

    #[test]
    fn rows_are_told_by_values_as_they_were_written() {
        let fields = vec![Field::new("euro", DataType::Float64, true), Field::new("city", DataType::Utf8, true)];
        let euro = Float64Array::from(vec![Some(0.1 + 0.2), Some(0.3), None]);
        let city = StringArray::from(vec![Some("Köln"), None, Some("")]);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(euro), Arc::new(city)]).unwrap();
        let asked = |values: &[(&str, Option<&str>)]| {
            let values: Vec<_> =
                values.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
            like(&batch, "out", &values).map(|mask| mask.iter().map(|like| like == Some(true)).collect::<Vec<_>>())
        };
        assert_eq!(asked(&[("euro", Some("0.30000000000000004"))]).unwrap(), [true, false, false]);
        assert_eq!(asked(&[("euro", Some("0.3"))]).unwrap(), [false, true, false]);
        assert_eq!(asked(&[("city", None)]).unwrap(), [false, true, false]);
        assert_eq!(asked(&[("euro", None), ("city", Some(""))]).unwrap(), [false, false, true]);
        let wrong = |values: &[(&str, Option<&str>)]| asked(values).unwrap_err().to_string();
        assert_eq!(wrong(&[("town", None)]), "sink `out` has no column `town`: it has `euro`, `city`");
        assert_eq!(wrong(&[("euro", Some("much"))]), "`much` is no f64 for column `euro`");
    }
}
