//! The loop over the keys of a call.
//!
//! A key is shown to the function if either side has rows of it that can be shown; nothing is allocated for a row. Rows are
//! numbered over both sides, left ones first, in the order in which the host sent them.

use super::joined::Joined;
use crate::{
    batch::Answer,
    bindings::Rejection,
    context::Context,
    contract::CogroupDescription,
    fold::Done,
    group::Group,
    grouped::{Keys, Side},
    input::{InputColumns, InputRow},
    outcome::{Leave, Outcome},
    ports::Ports,
};

/// What the function may be shown.
#[derive(Debug)]
pub struct Shown {
    pub(super) keys: Keys,
    pub(super) left: Side,
    pub(super) right: Side,
}

impl Shown {
    /// For each row that the function is shown, its number among those that came; none if it is shown all.
    pub(super) fn kept(&self) -> Option<Vec<u32>> {
        let (left, right) = (&self.left.batch, &self.right.batch);
        if left.kept.is_none() && right.kept.is_none() {
            return None;
        }
        let right = right.numbers().into_iter().map(|row| self.left.came + row);
        Some(left.numbers().into_iter().chain(right).collect())
    }

    /// All rejections by the host's numbers, in their order: the function's, and rows that it was not shown.
    pub(super) fn rejections(
        self,
        kept: Option<&[u32]>,
        mut rejected: Vec<Rejection>,
    ) -> Result<Vec<Rejection>, String> {
        if let Some(kept) = kept {
            for Rejection { row, .. } in &mut rejected {
                let number = kept.get(*row as usize).copied();
                *row =
                    number.ok_or_else(|| format!("row {row} was named, but the function was given {}", kept.len()))?;
            }
        }
        let first_right = self.left.came;
        rejected.extend(self.left.batch.into_refused());
        let of_right = self.right.batch.into_refused().into_iter();
        rejected.extend(of_right.map(|rejection| Rejection { row: first_right + rejection.row, ..rejection }));
        rejected.sort_by_key(|rejection| rejection.row);
        Ok(rejected)
    }
}

/// Calls `function` for every key.
pub fn run<'a, K: InputRow<'a>, L: InputRow<'a>, R: InputRow<'a>, O: Leave, D: Done>(
    shown: &'a Shown,
    context: &'a Context,
    mut function: impl FnMut(K, Group<'a, L>, Group<'a, R>, &mut Joined<O>) -> D,
) -> Result<Answer, String> {
    let Shown { keys, left, right } = shown;
    let key_columns = K::Columns::view(&keys.columns, keys.count)?;
    let left_columns = L::Columns::view(&left.batch.columns, left.batch.rows)?;
    let right_columns = R::Columns::view(&right.batch.columns, right.batch.rows)?;
    let before = left.batch.rows;
    let mut out = Joined::new(keys.count);
    for (key, (of_left, of_right)) in left.ranges().zip(right.ranges()).enumerate() {
        if of_left.is_empty() && of_right.is_empty() {
            continue;
        }
        // A call has at most a u32 of keys.
        out.enter(key as u32);
        if let Some(why) = keys.why_refused(key) {
            let rows = of_left.chain(of_right.map(|row| before + row));
            rows.for_each(|row| out.refuse(row as u32, why.to_owned()));
            continue;
        }
        context.enter(if of_left.is_empty() { before + of_right.start } else { of_left.start });
        let left_rows = Group::new(left_columns, of_left, 0, context);
        let right_rows = Group::new(right_columns, of_right, before, context);
        function(K::row(key_columns, key), left_rows, right_rows, &mut out).done()?;
    }
    out.finish()
}

/// What a function reads and makes.
pub fn describe<'a, K: InputRow<'a>, L: InputRow<'a>, R: InputRow<'a>, O: Leave>() -> CogroupDescription {
    CogroupDescription {
        key: K::Columns::reads(),
        left: L::Columns::reads(),
        right: R::Columns::reads(),
        ports: <O as Outcome>::Ports::specs(),
    }
}
