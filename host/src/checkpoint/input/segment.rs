//! One segment of a log: what is wrong with it, and what of it counts.
//!
//! Asked by whoever opens, reads or verifies a log. An unfinished frame at the end of the newest segment is what a crash leaves; all
//! else that is not as it was written is damage.

use pelton_core::checkpoint::frame::{Defect, Flaw, Frame, Kind, Scan};

use crate::checkpoint::{CheckpointError, disk::Disk, names};

/// A segment, for judgements and messages.
pub(super) struct Place<'a, D: Disk> {
    pub(super) disk: &'a D,
    pub(super) source: &'a str,
    /// Its first frame.
    pub(super) first: u64,
}

impl<D: Disk> Place<'_, D> {
    pub(super) fn damaged(&self, offset: u64, what: impl std::fmt::Display) -> CheckpointError {
        CheckpointError::damaged(self.disk.shown(&names::input_segment(self.source, self.first)), offset, what)
    }

    pub(super) fn defect(&self, offset: u64, defect: Defect) -> CheckpointError {
        let file = self.disk.shown(&names::input_segment(self.source, self.first));
        let what = defect.to_string();
        match defect {
            Defect::Version { .. } | Defect::Kind { .. } => CheckpointError::Newer { file, offset, what },
            _ => CheckpointError::Damaged { file, offset, what },
        }
    }

    /// Of the newest segment, and of those before it that hold the end: an unfinished frame at the end is what a crash leaves, and all other flaws are damage.
    /// Where a following segment `is_followed`, what lies behind its beginning belongs to nobody.
    pub(super) fn check(&self, scan: &Scan<'_>, is_followed: bool) -> Result<(), CheckpointError> {
        if let Some(first) = scan.frames.first().filter(|first| first.header.sequence != self.first) {
            return Err(self.damaged(0, format!("it begins with frame {}", first.header.sequence)));
        }
        if let Some(frame) = scan.frames.iter().find(|frame| frame.header.kind != Kind::Rows) {
            return Err(self.damaged(frame.offset, "the frame holds no rows"));
        }
        match &scan.flaw {
            Some(Flaw { offset, defect, is_committed }) if !is_followed => {
                if *is_committed || *defect != Defect::Unfinished {
                    return Err(self.defect(*offset, *defect));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The frames before number `bound`.
    pub(super) fn until<'b, 'c>(&self, scan: &'b Scan<'c>, bound: Option<u64>) -> &'b [Frame<'c>] {
        let count = bound.map_or(scan.frames.len(), |bound| {
            scan.frames.iter().take_while(|frame| frame.header.sequence < bound).count()
        });
        scan.frames.get(..count).unwrap_or_default()
    }
}
