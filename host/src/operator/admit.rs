//! Which rows a keyed operator takes: those whose event time can be believed, and that did not come too late.
//!
//! Called by every map side before rows are grouped. Rows that are refused leave by the operator's outputs for them (or are
//! only counted, when nobody reads those); none costs another row.

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute,
    datatypes::{
        DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
};
use pelton_core::watermark::TimeRule;
use pelton_wasm::Rejection;

use super::{PortPlan, assemble, record_batch, shuffle::Mapped};

const NO_TIME: &str = "its event time is null";
const TIME_AHEAD: &str = "its event time is further ahead of the clock than the job allows";
const ABSURD_TIME: &str = "its event time is outside of the years that the job allows";

/// Where rows have their event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeColumn {
    /// Its position in the batches that arrive.
    pub at: usize,
    /// Added to each, in µs: -1 where it is the end of an earlier window, which is not part of that window.
    pub shift: i64,
    /// How far ahead of processing time it may be, in µs; none: as far as time goes.
    pub ahead: Option<i64>,
}

/// Where refused rows go. None: nobody reads them.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    pub late: Option<&'a PortPlan>,
    pub rejected: Option<&'a PortPlan>,
}

impl Refused<'_> {
    /// The rows whose event time is there and not absurd, nor too far ahead of `now`, and these times in µs.
    pub fn sound(&self, batch: RecordBatch, time: TimeColumn, now: i64, out: &mut Mapped) -> (RecordBatch, Vec<i64>) {
        let Some(column) = batch.columns().get(time.at) else { return (batch, Vec::new()) };
        let mut times = micros(column);
        if time.shift != 0 {
            times.iter_mut().for_each(|at| *at = at.saturating_add(time.shift));
        }
        let (rule, all) = (TimeRule::ahead_of(now, time.ahead), TimeRule::default());
        if column.null_count() == 0 && times.iter().all(|time| rule.admits(*time)) {
            return (batch, times);
        }
        let fault = |(row, time): (usize, &i64)| {
            if column.is_null(row) {
                Some(NO_TIME)
            } else if rule.admits(*time) {
                None
            } else if all.admits(*time) {
                Some(TIME_AHEAD)
            } else {
                Some(ABSURD_TIME)
            }
        };
        let faults: Vec<Option<&str>> = times.iter().enumerate().map(fault).collect();
        let rejections: Vec<_> = faults
            .iter()
            .enumerate()
            .filter_map(|(row, fault)| Some(Rejection { row: row as u32, reason: (*fault)?.to_owned() }))
            .collect();
        out.stats.rejected += rejections.len() as u64;
        if let Some(port) = self.rejected {
            let rejected =
                assemble::rejected(port, &batch, &rejections).expect("rejected rows are fewer than the batch's");
            out.rejected = append(out.rejected.take(), rejected);
        }
        let times = times.iter().zip(&faults).filter(|(_, fault)| fault.is_none()).map(|(time, _)| *time).collect();
        (filter(&batch, faults.iter().map(Option::is_none)), times)
    }

    /// The rows that are on time; `on_time` has one flag for each.
    pub fn on_time(&self, batch: &RecordBatch, on_time: &[bool], out: &mut Mapped) -> RecordBatch {
        let late = filter(batch, on_time.iter().map(|on_time| !on_time));
        out.stats.late += late.num_rows() as u64;
        if let Some(late) = self.late_rows(&late) {
            out.late = append(out.late.take(), late);
        }
        filter(batch, on_time.iter().copied())
    }

    /// Rows as they leave by the port of late rows. None: nobody reads them.
    pub fn late_rows(&self, rows: &RecordBatch) -> Option<RecordBatch> {
        let port = self.late?;
        Some(record_batch(&port.schema, port.pass(rows), rows.num_rows()))
    }
}

fn append(before: Option<RecordBatch>, more: RecordBatch) -> Option<RecordBatch> {
    Some(match before {
        Some(before) => {
            compute::concat_batches(&before.schema(), [&before, &more]).expect("batches of one port have one schema")
        }
        None => more,
    })
}

/// The rows whose flag is set.
pub fn filter(batch: &RecordBatch, keep: impl Iterator<Item = bool>) -> RecordBatch {
    let keep = BooleanArray::from_iter(keep.map(Some));
    compute::filter_record_batch(batch, &keep).expect("one flag for each row")
}

/// Times in µs; whatever lies under nulls.
fn micros(column: &ArrayRef) -> Vec<i64> {
    let DataType::Timestamp(unit, _) = column.data_type() else { return vec![0; column.len()] };
    match unit {
        TimeUnit::Second => scaled(column.as_primitive::<TimestampSecondType>().values(), 1_000_000),
        TimeUnit::Millisecond => scaled(column.as_primitive::<TimestampMillisecondType>().values(), 1_000),
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().values().to_vec(),
        TimeUnit::Nanosecond => {
            let values = column.as_primitive::<TimestampNanosecondType>().values();
            values.iter().map(|value| value.div_euclid(1_000)).collect()
        }
    }
}

fn scaled(values: &[i64], factor: i64) -> Vec<i64> {
    values.iter().map(|value| value.saturating_mul(factor)).collect()
}
