//! The windows that accumulators belong to, as `finish` sees them.

use super::Groups;
use crate::{buffer::Buffer, types::Timestamp};

/// The window of a result. Without windows it has no bounds: `start` and `end` are the least and the greatest time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment inside.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
    pub pane: Pane,
}

/// When a result leaves, by its window's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// Before the end: a later one replaces it.
    Early,
    OnTime,
    /// Again, because late rows came.
    Late,
}

impl Default for Window {
    fn default() -> Self {
        Self { start: Timestamp(i64::MIN), end: Timestamp(i64::MAX), pane: Pane::OnTime }
    }
}

/// The windows of all rows of one `finish`.
#[derive(Debug)]
pub struct Windows {
    starts: Buffer,
    ends: Buffer,
    panes: Vec<u8>,
    rows: usize,
}

impl Windows {
    /// Checks that there is a window for each of `rows` accumulators.
    pub fn new(groups: Groups, rows: usize) -> Result<Self, String> {
        let windows = Self { starts: groups.starts.into(), ends: groups.ends.into(), panes: groups.pane, rows };
        let moments = rows.saturating_mul(size_of::<i64>());
        if windows.starts.bytes().len() < moments || windows.ends.bytes().len() < moments || windows.panes.len() < rows
        {
            return Err(format!("there are windows for fewer than the {rows} accumulators"));
        }
        match windows.panes.iter().take(rows).find(|pane| **pane > 2) {
            Some(pane) => Err(format!("there is no pane {pane}: 0 is early, 1 on time, 2 late")),
            None => Ok(windows),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Window> {
        let starts = self.starts.elements::<i64>(self.rows).unwrap_or_default();
        let ends = self.ends.elements::<i64>(self.rows).unwrap_or_default();
        starts.iter().zip(ends).zip(&self.panes).map(|((start, end), pane)| Window {
            start: Timestamp(*start),
            end: Timestamp(*end),
            pane: match pane {
                0 => Pane::Early,
                1 => Pane::OnTime,
                _ => Pane::Late,
            },
        })
    }
}
