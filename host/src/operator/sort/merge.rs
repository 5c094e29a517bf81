//! The second half of a sort: ranges from a sample of all runs, and each partition puts its own together.
//!
//! Every partition comes to the same ranges, for it sees all runs and samples them alike: every so many rows, run after run. Since runs are
//! in order, each adds at most the rows between two samples to the error of a bound. Rows with equal keys stay together, so
//! a range is much larger than its share only if one key is.

use arrow::{array::AsArray, datatypes::UInt64Type};
use pelton_core::shuffle::RangeBounds;
use pelton_wasm::CallError;

use super::{Run, Sorter};
use crate::operator::{Reduced, shuffle::Piece};

/// Rows of the sample for each partition, at most.
const SAMPLE: usize = 512;

impl Sorter {
    /// The range of a partition, out of all runs.
    pub(super) fn merge(
        &self,
        partition: u16,
        number_at: usize,
        pieces: &[Piece],
        reduced: &mut Reduced,
    ) -> Result<(), CallError> {
        let runs = pieces.iter().filter_map(|piece| match piece {
            Piece::Run(run) => Some(run.as_ref()),
            Piece::Batch(_) | Piece::Partial(_) | Piece::Rows(_) => None,
        });
        let runs: Vec<&Run> = runs.collect();
        let bounds = bounds(&runs, self.plan.partitions);
        let mut own = Vec::new();
        for (at, run) in runs.iter().enumerate() {
            let of = |row: usize| bounds.partition(&run.key(row));
            let (from, to) = (run.first(|row| of(row) >= partition), run.first(|row| of(row) > partition));
            let numbers = run.rows.column(number_at).as_primitive::<UInt64Type>().values();
            let rows = (from..to).zip(numbers.iter().skip(from));
            own.extend(rows.map(|(row, number)| (run.key(row), *number, (at, row))));
        }
        // Finds the runs, and merges them.
        own.sort_by(|(one, number, _), (other, other_number, _)| (one, number).cmp(&(other, other_number)));
        let places: Vec<(usize, usize)> = own.into_iter().map(|(.., place)| place).collect();
        self.emit(&runs.iter().map(|run| &run.rows).collect::<Vec<_>>(), &places, reduced)
    }
}

impl Run {
    fn key(&self, row: usize) -> &[u8] {
        self.keys.row(row).data()
    }

    /// The first row for which `is_behind` holds, as it does for all rows after that.
    fn first(&self, is_behind: impl Fn(usize) -> bool) -> usize {
        let (mut from, mut to) = (0, self.rows.num_rows());
        while from < to {
            let middle = from.midpoint(to);
            if is_behind(middle) {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        from
    }
}

/// The ranges of the partitions.
fn bounds<'a>(runs: &[&'a Run], partitions: u16) -> RangeBounds<&'a [u8]> {
    let rows: usize = runs.iter().map(|run| run.rows.num_rows()).sum();
    let step = (rows / (SAMPLE * usize::from(partitions.max(1)))).max(1);
    let mut sample = Vec::new();
    let mut next = step / 2;
    for run in runs {
        let rows = run.rows.num_rows();
        sample.extend((next..rows).step_by(step).map(|row| run.key(row)));
        // From the beginning of the next run on.
        let taken = rows.saturating_sub(next).div_ceil(step);
        next = next + taken * step - rows;
    }
    RangeBounds::from_sample(sample, partitions)
}
