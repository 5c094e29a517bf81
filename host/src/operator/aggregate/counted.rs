//! Windows of a number of rows: a key's rows in their order, `count` in each window.
//!
//! How many rows of a key come before a batch is known only after the shuffle. So rows cross it as they are, and are folded
//! here: each piece into one partial for every window that it touches, the first of which goes on where the key's open
//! window is. The order is that of the tasks and of the rows in them, so it does not depend on threads.

mod snapshot;

use arrow::array::RecordBatch;
use pelton_core::job::Emission;
use pelton_wasm::CallError;

pub use self::snapshot::SavedCounted;
use super::{
    Reduced,
    accumulators::Accumulators,
    calls::{Columns, take},
    carried::{Unfolded, take_rows},
    emit::{Due, Moment, UNBOUNDED},
    lost::Lost,
    partial::{CarriedRows, Partial},
    reduce::{EpochEnd, Tools},
};
use crate::{
    operator::poison::Chosen,
    state::{keys::KeyStore, numbered::NumberedKeys},
};

/// The windows of one partition.
#[derive(Debug)]
pub struct Counted {
    /// Rows of a window.
    count: u64,
    keys: NumberedKeys,
    /// By key, its open window.
    open: Vec<Open>,
    /// Keys that changed in earlier epochs, and wait for early results.
    waiting: Vec<u32>,
}

/// A window that is not full.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    /// None: it takes no row, and its key is not known.
    rows: u64,
    slot: u32,
}

impl Counted {
    /// Shows every open window: its key, where its accumulators are, how many rows it has.
    pub fn look(&self, see: &mut dyn FnMut(&KeyStore, u32, u32, u64)) {
        let open = (0..).zip(&self.open).filter(|(_, open)| open.rows > 0);
        open.for_each(|(key, open)| see(self.keys.keys(), key, open.slot, open.rows));
    }
}

/// What a piece adds to one window.
struct Share {
    key: u32,
    /// It goes on with what earlier pieces began.
    continues: bool,
}

/// A piece, cut into windows.
#[derive(Default)]
struct Cut {
    shares: Vec<Share>,
    /// The share of each row.
    share_of: Vec<u32>,
    /// Shares that fill their window, in the order in which they do.
    full: Vec<u32>,
}

impl Counted {
    /// `keys` is an empty store whose slots can be used again.
    pub fn new(count: u64, keys: KeyStore) -> Self {
        Self { count, keys: NumberedKeys::new(keys), open: Vec::new(), waiting: Vec::new() }
    }

    pub fn groups(&self) -> usize {
        self.keys.len()
    }

    pub fn held_bytes(&self) -> usize {
        self.keys.held_bytes() + self.open.capacity() * size_of::<Open>()
    }

    pub fn reduce(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut touched = Vec::new();
        for (partial, carried, rows) in epoch.carried() {
            let cut = self.cut(partial, carried, rows);
            self.fold(tools, accumulators, epoch, (carried, rows), &cut, out)?;
            touched.extend(cut.shares.iter().map(|share| share.key));
        }
        touched.sort_unstable();
        touched.dedup();
        let is_open = |key: &u32| self.open.get(*key as usize).is_some_and(|open| open.rows > 0);
        let (open, empty): (Vec<u32>, Vec<u32>) = touched.into_iter().partition(is_open);
        if matches!(tools.plan.emission, Emission::Early(_)) {
            self.waiting.extend(&open);
        }
        if epoch.emits_open {
            let mut open = open;
            open.append(&mut self.waiting);
            open.retain(is_open);
            open.sort_unstable();
            open.dedup();
            let mut due = Due::with_capacity(open.len());
            for key in open {
                let slot = self.open.get(key as usize).map(|open| open.slot).unwrap_or_default();
                due.push(key, slot, UNBOUNDED, Moment::Early);
            }
            tools.emit(epoch.context, &due, self.keys.keys(), accumulators, out)?;
        }
        empty.into_iter().for_each(|key| self.keys.forget(key));
        Ok(())
    }

    /// Deals the rows out to windows.
    fn cut(&mut self, partial: &Partial, carried: &CarriedRows, rows: &[u32]) -> Cut {
        const NONE: u32 = u32::MAX;
        let mut cut = Cut::default();
        // By group: its key, and the share that its rows go to.
        let mut known = vec![(NONE, NONE); partial.groups.len()];
        for row in rows {
            let group = carried.groups.get(*row as usize).copied().unwrap_or_default();
            let Some((key, share)) = known.get_mut(group as usize) else { continue };
            if *key == NONE {
                *key = self.keys.number(&partial.groups, group).0;
            }
            let at = *key as usize;
            if at >= self.open.len() {
                self.open.resize(at + 1, Open::default());
            }
            let Some(open) = self.open.get_mut(at) else { continue };
            if *share == NONE {
                *share = cut.shares.len() as u32;
                cut.shares.push(Share { key: *key, continues: open.rows > 0 });
            }
            cut.share_of.push(*share);
            open.rows += 1;
            if open.rows >= self.count {
                open.rows = 0;
                cut.full.push(std::mem::replace(share, NONE));
            }
        }
        cut
    }

    /// Folds the rows, and emits the windows that are full.
    fn fold(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        (carried, rows): (&CarriedRows, &[u32]),
        cut: &Cut,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let batch = take_rows(&carried.batch, rows);
        let Folding { shares: folded, partials, failed } = fold_shares(tools, epoch, &batch, cut)?;
        let mut slots = Vec::new();
        for share in &cut.shares {
            let open = self.open.get_mut(share.key as usize).expect("cut entered the key");
            if !share.continues {
                open.slot = accumulators.allocate();
            }
            slots.push(open.slot);
        }
        let slot_of = |share: &u32| slots.get(*share as usize).copied().unwrap_or_default();
        let continues = |share: &u32| cut.shares.get(*share as usize).is_some_and(|share| share.continues);
        // (share, its row among the partials) of windows that go on, and of new ones.
        let (known, fresh): (Vec<_>, Vec<_>) = folded.into_iter().zip(0_u32..).partition(|(share, _)| continues(share));
        let (known, known_at): (Vec<u32>, Vec<u32>) = known.into_iter().unzip();
        let (fresh, fresh_at): (Vec<u32>, Vec<u32>) = fresh.into_iter().unzip();
        let (fresh_slots, known_slots): (Vec<u32>, Vec<u32>) =
            (fresh.iter().map(slot_of).collect(), known.iter().map(slot_of).collect());
        accumulators.scatter(&fresh_slots, &take(&partials, &fresh_at));
        let mut lost = Lost::default();
        if !known.is_empty() {
            let left = accumulators.gather(&known_slots);
            let right = take(&partials, &known_at);
            accumulators.merge_columns(&mut tools.calls, (&left, &right), &known_slots, &mut lost)?;
        }
        let mut gone = Vec::new();
        for (share, mut unfolded) in failed {
            unfolded.accumulators = accumulators.gather(&[slot_of(&share)]);
            tools.lose_row(unfolded, self.keys.keys(), UNBOUNDED, out);
            gone.push(share);
        }
        for (slot, unmerged) in lost.take_all() {
            let share = known.iter().copied().find(|share| slot_of(share) == slot);
            let Some((share, key)) = share.and_then(|at| Some((at, cut.shares.get(at as usize)?.key))) else {
                continue;
            };
            tools.lose_parts(unmerged, (self.keys.keys(), key), UNBOUNDED, out);
            gone.push(share);
        }
        let mut due = Due::with_capacity(cut.full.len());
        for share in cut.full.iter().filter(|share| !gone.contains(share)) {
            let key = cut.shares.get(*share as usize).map(|share| share.key).unwrap_or_default();
            due.push(key, slot_of(share), UNBOUNDED, Moment::OnTime);
        }
        tools.emit(epoch.context, &due, self.keys.keys(), accumulators, out)?;
        accumulators.release(due.slots());
        for share in gone {
            accumulators.release(&[slot_of(&share)]);
            // A window that is not full is begun anew by the next row of its key.
            let is_full = cut.full.contains(&share);
            let key = cut.shares.get(share as usize).filter(|_| !is_full).map(|share| share.key as usize);
            if let Some(open) = key.and_then(|key| self.open.get_mut(key)) {
                *open = Open::default();
            }
        }
        Ok(())
    }
}

/// The rows of a piece, folded.
struct Folding {
    /// Shares that could be, each with a row of `partials`.
    shares: Vec<u32>,
    partials: Vec<Columns>,
    /// Those that could not.
    failed: Vec<(u32, Unfolded)>,
}

/// Folds the rows of each share by themselves.
fn fold_shares(tools: &mut Tools, epoch: &EpochEnd<'_>, batch: &RecordBatch, cut: &Cut) -> Result<Folding, CallError> {
    let (context, count) = (epoch.context, cut.shares.len());
    tools.calls.brace();
    let error = match tools.calls.accumulate(context, batch, &cut.share_of, count) {
        Err(error) if tools.calls.isolates(&error) => error,
        partials => {
            let shares = (0..count as u32).collect();
            return Ok(Folding { shares, partials: partials?, failed: Vec::new() });
        }
    };
    let (isolated, rows) = tools.calls.fold_without_poison(error, &cut.share_of, count, |calls, part| {
        calls.accumulate(context, &take_rows(batch, &part.rows), &part.slots, part.groups.len())
    })?;
    let gone: Vec<usize> = isolated.poison.iter().map(|(share, _)| *share).collect();
    let failed = isolated.poison.into_iter().zip(rows).filter_map(|((share, fault), row)| {
        let key = cut.shares.get(share)?.key;
        let number = context.first_row + row as u64;
        Some((share as u32, Unfolded { key, accumulators: Vec::new(), row: batch.slice(row, 1), number, fault }))
    });
    let failed = failed.collect();
    let shares = Chosen::Without(gone).positions(count);
    let nothing = || vec![Columns::new(); tools.plan.functions.len()];
    Ok(Folding { shares, partials: isolated.answer.unwrap_or_else(nothing), failed })
}
