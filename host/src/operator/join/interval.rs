//! Interval joins: rows of one key whose event times are near enough to each other.
//!
//! Each row that comes meets the rows of the other side that are kept, and is then kept itself, so that each pair is
//! made once, by its later row. Rows of a key are ordered by time: what is near enough is a range.

mod snapshot;

use std::collections::{BTreeMap, VecDeque};

use pelton_wasm::CallError;

pub(super) use self::snapshot::SavedIntervals;
use super::{
    arrivals::Arrived,
    output::Pairs,
    side::{NONE, Rows},
};

/// Rows are let go in steps of this many µs (as a power of two), within which they are looked at one by one.
const BUCKET_BITS: u32 = 20;

/// Times in µs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: i64,
    pub(super) most: i64,
    pub(super) lateness: i64,
}

impl Bounds {
    /// From when to when a row of the other side happens that belongs to this one.
    fn partners(&self, side: usize, time: i64) -> (i64, i64) {
        if side == 0 {
            (time.saturating_add(self.least), time.saturating_add(self.most))
        } else {
            (time.saturating_sub(self.most), time.saturating_sub(self.least))
        }
    }

    /// Rows of a side from before this time have no partner among rows that may still come.
    fn expired(&self, side: usize, watermark: i64) -> i64 {
        if watermark == i64::MAX {
            return i64::MAX;
        }
        let oldest = watermark.saturating_sub(self.lateness);
        if side == 0 { oldest.saturating_sub(self.most) } else { oldest.saturating_add(self.least) }
    }
}

#[derive(Debug, Default)]
pub(super) struct IntervalStore {
    /// By key: both sides' rows as (time, number), in order of time and then of arrival.
    by_key: Vec<[VecDeque<(i64, u32)>; 2]>,
    /// For each side its rows by the time that they have, in steps.
    by_time: [BTreeMap<i64, Vec<u32>>; 2],
    entries: usize,
}

impl IntervalStore {
    /// Pairs what came, and keeps it.
    pub(super) fn meet(
        &mut self,
        bounds: &Bounds,
        rows: &mut Rows,
        arrived: &[Arrived],
        pairs: &mut Pairs<'_>,
    ) -> Result<(), CallError> {
        self.by_key.resize_with(rows.keys.numbers().max(self.by_key.len()), Default::default);
        for Arrived { side, rows: numbers } in arrived {
            for number in numbers {
                self.row(bounds, rows, *side, *number, pairs)?;
            }
        }
        Ok(())
    }

    fn row(
        &mut self,
        bounds: &Bounds,
        rows: &mut Rows,
        side: usize,
        number: u32,
        pairs: &mut Pairs<'_>,
    ) -> Result<(), CallError> {
        let Some((time, key)) = rows.sides.get(side).and_then(|side| side.get(number)).map(|row| (row.time, row.key))
        else {
            return Ok(());
        };
        if let Some(by_time) = self.by_time.get_mut(side) {
            by_time.entry(time >> BUCKET_BITS).or_default().push(number);
        }
        let Some([left, right]) = self.by_key.get_mut(key as usize) else { return Ok(()) };
        let (own, other) = if side == 0 { (left, right) } else { (right, left) };
        let (from, to) = bounds.partners(side, time);
        let first = other.partition_point(|(time, _)| *time < from);
        let met = other.iter().skip(first).take_while(|(time, _)| *time <= to);
        let mut has_met = false;
        for (_, partner) in met {
            has_met = true;
            let (left, right) = if side == 0 { (number, *partner) } else { (*partner, number) };
            if let Some(other) = rows.sides.get_mut(1 - side) {
                other.met(*partner);
            }
            pairs.push(left, right, rows)?;
        }
        if has_met && let Some(side) = rows.sides.get_mut(side) {
            side.met(number);
        }
        let at = match own.back() {
            Some((last, _)) if *last > time => own.partition_point(|(other, _)| *other <= time),
            _ => own.len(),
        };
        own.insert(at, (time, number));
        self.entries += 1;
        Ok(())
    }

    /// Lets go of rows that no row can meet that may still come.
    pub(super) fn expire(
        &mut self,
        bounds: &Bounds,
        rows: &mut Rows,
        watermark: i64,
        pairs: &mut Pairs<'_>,
    ) -> Result<(), CallError> {
        let keeps = pairs.keeps();
        for (side, keeps) in keeps.into_iter().enumerate() {
            let expired = self.take_expired(rows, side, bounds.expired(side, watermark));
            for number in expired.iter().filter(|_| keeps) {
                let row = rows.sides.get(side).and_then(|side| side.get(*number));
                if row.is_some_and(|row| !row.has_met) {
                    let (left, right) = if side == 0 { (*number, NONE) } else { (NONE, *number) };
                    pairs.push(left, right, rows)?;
                }
            }
            // Pairs that wait refer to rows that go now.
            if !expired.is_empty() {
                pairs.flush(rows)?;
            }
            for number in expired {
                rows.release(side, number);
            }
        }
        Ok(())
    }

    /// The rows of a side from before `bound`, in order of time and then of arrival; no key has them any more.
    fn take_expired(&mut self, rows: &Rows, side: usize, bound: i64) -> Vec<u32> {
        let (Some(by_time), Some(kept)) = (self.by_time.get_mut(side), rows.sides.get(side)) else { return Vec::new() };
        let time = |number: &u32| kept.get(*number).map_or(i64::MIN, |row| row.time);
        let mut expired = Vec::new();
        while let Some(mut first) = by_time.first_entry().filter(|first| *first.key() <= bound >> BUCKET_BITS) {
            let is_whole = *first.key() < bound >> BUCKET_BITS || bound == i64::MAX;
            let numbers = std::mem::take(first.get_mut());
            let (mut gone, left): (Vec<u32>, Vec<u32>) = if is_whole {
                (numbers, Vec::new())
            } else {
                numbers.into_iter().partition(|number| time(number) < bound)
            };
            gone.sort_by_key(time);
            expired.append(&mut gone);
            if left.is_empty() {
                first.remove();
            } else {
                *first.get_mut() = left;
            }
            if !is_whole {
                break;
            }
        }
        for number in &expired {
            let key = kept.get(*number).map_or(NONE, |row| row.key);
            if let Some(own) = self.by_key.get_mut(key as usize).and_then(|sides| sides.get_mut(side)) {
                let first = own.pop_front();
                debug_assert_eq!(first.map(|(_, first)| first), Some(*number), "both are in order of time and arrival");
                self.entries -= 1;
                if own.is_empty() {
                    *own = VecDeque::new();
                }
            }
        }
        expired
    }

    pub(super) fn held_bytes(&self) -> usize {
        let numbers: usize = self.by_time.iter().map(|by_time| by_time.len() * 32).sum();
        self.by_key.capacity() * size_of::<[VecDeque<(i64, u32)>; 2]>() + self.entries * 24 + numbers
    }
}
