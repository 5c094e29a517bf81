//! What the simulated job computes: sums of windows by event time, and reminders by processing time.
//!
//! A function of the rows and of the epoch's time, as a real epoch is; small, and with all that a recovery can get wrong: open windows, a watermark, timers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const WINDOW: i64 = 20;
const BOUND: i64 = 6;
/// Processing time after which a key is reminded of its last row.
const REMINDER: i64 = 40;

/// A row of either source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: u64,
    /// Event time.
    pub(super) time: i64,
    pub(super) value: u64,
}

impl Row {
    /// Row number `index` of a source: nearly in order of time.
    pub(super) fn of(index: u64) -> Self {
        let mixed = pelton_core::hash::hash_word(index);
        Self { key: mixed % 4, time: (index * 5) as i64 - (mixed >> 8) as i64 % 16, value: index }
    }
}

/// What the job knows at the end of an epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) watermark: i64,
    /// By beginning and key.
    windows: BTreeMap<(i64, u64), u64>,
    /// By key: when it is reminded.
    reminders: BTreeMap<u64, i64>,
    pub(super) rows: u64,
    late: u64,
    /// Rows in windows that were closed.
    closed: u64,
    /// Rows in windows that are open.
    open: u64,
}

impl State {
    /// Takes the rows of an epoch, whose processing time is `now`; answers what leaves.
    pub(super) fn epoch(&mut self, now: i64, rows: impl IntoIterator<Item = Row>) -> Vec<String> {
        let mut out = Vec::new();
        let mut newest = i64::MIN;
        for Row { key, time, value } in rows {
            self.rows += 1;
            newest = newest.max(time);
            if time < self.watermark {
                self.late += 1;
                out.push(format!("late {value}"));
                continue;
            }
            self.open += 1;
            // The sum has the number of rows in its low bits.
            *self.windows.entry((time.div_euclid(WINDOW) * WINDOW, key)).or_default() += (value << 16) + 1;
            self.reminders.insert(key, now + REMINDER);
        }
        self.watermark = self.watermark.max(newest.saturating_sub(BOUND));
        while let Some(first) = self.windows.first_entry() {
            let (start, key) = *first.key();
            if start + WINDOW > self.watermark {
                break;
            }
            let sum = first.remove();
            (self.open, self.closed) = (self.open - (sum & 0xffff), self.closed + (sum & 0xffff));
            out.push(format!("window {start} of {key}: {} in {}", sum >> 16, sum & 0xffff));
        }
        let due: Vec<u64> = self.reminders.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
        for key in due {
            let at = self.reminders.remove(&key).unwrap_or_default();
            out.push(format!("{key} was to be reminded at {at}"));
        }
        out
    }

    /// Rows that came are in windows that are open, in windows that were closed, or late.
    pub(super) fn is_balanced(&self) -> bool {
        self.rows == self.open + self.closed + self.late
    }

    pub(super) fn forget_timers(&mut self) {
        self.reminders.clear();
    }

    pub(super) fn forget_watermark(&mut self) {
        self.watermark = 0;
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec(self).unwrap()
    }

    pub(super) fn decode(bytes: &[u8]) -> Self {
        rmp_serde::from_slice(bytes).unwrap()
    }
}
