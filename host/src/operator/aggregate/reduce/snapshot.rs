//! How the state of a partition of an aggregating operator is saved and loaded.

use std::fmt::Write;

use pelton_core::{checkpoint::Damage, window::WindowKind};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        accumulators::Accumulators,
        counted::{Counted, SavedCounted},
        sessions::{SavedSessions, SessionWindows},
        sliding::{SavedSliding, Sliding},
        whole::{SavedWhole, Whole},
    },
    AggregatePlan, Partition, Windows,
};
use crate::state::{
    keys::KeyCodec,
    rows::SavedRows,
    snapshot::{self, Header, Kind, SnapshotError},
};

#[derive(Debug, Serialize, Deserialize)]
struct Saved<'a> {
    watermark: i64,
    early_at: Option<i64>,
    windows: SavedWindows<'a>,
    /// A table for each function.
    accumulators: Vec<SavedRows<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum SavedWindows<'a> {
    Whole(SavedWhole<'a>),
    Sliding(Box<SavedSliding<'a>>),
    Sessions(SavedSessions<'a>),
    Counted(SavedCounted<'a>),
}

impl Partition {
    /// The state at the end of an epoch, as bytes that [`Partition::load`] takes under the same plan.
    pub fn save(&self, plan: &AggregatePlan) -> Vec<u8> {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let windows = match &self.windows {
            Windows::Whole(whole) => SavedWindows::Whole(whole.save(&codec)),
            Windows::Sliding(sliding) => SavedWindows::Sliding(Box::new(sliding.save(&codec))),
            Windows::Sessions(sessions) => SavedWindows::Sessions(sessions.save(&codec)),
            Windows::Counted(counted) => SavedWindows::Counted(counted.save(&codec)),
        };
        let accumulators = self.accumulators.save();
        let saved = Saved { watermark: self.watermark, early_at: self.early_at, windows, accumulators };
        snapshot::write(&header(plan, self.number), &saved, self.held_bytes())
    }

    /// A partition that goes on where the saved one stood.
    pub fn load(plan: &AggregatePlan, number: u16, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let Saved { watermark, early_at, windows, accumulators } = snapshot::read(&header(plan, number), bytes)?;
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let new = Self::new(plan, number);
        let windows = match (new.windows, windows, &plan.window.kind) {
            (Windows::Whole(_), SavedWindows::Whole(saved), _) => Windows::Whole(Whole::load(saved, &codec)?),
            (Windows::Sliding(_), SavedWindows::Sliding(saved), WindowKind::Sliding { slide, .. }) => {
                Windows::Sliding(Box::new(Sliding::load(*slide, *saved, &codec)?))
            }
            (Windows::Sessions(_), SavedWindows::Sessions(saved), WindowKind::Session { gap }) => {
                Windows::Sessions(SessionWindows::load(*gap, saved, &codec)?)
            }
            (Windows::Counted(_), SavedWindows::Counted(saved), WindowKind::Count { rows }) => {
                Windows::Counted(Counted::load(*rows, saved, &codec)?)
            }
            _ => return Err(Damage("windows of another kind").into()),
        };
        let used = match &windows {
            Windows::Whole(whole) => whole.slots(),
            Windows::Sliding(sliding) => sliding.slots(),
            Windows::Sessions(sessions) => sessions.slots(),
            Windows::Counted(counted) => counted.slots(),
        };
        let accumulators = Accumulators::load(plan, accumulators, &used)?;
        Ok(Self { number, windows, accumulators, watermark, early_at })
    }
}

fn header(plan: &AggregatePlan, partition: u16) -> Header<'static> {
    let mut shape = format!("{} by ({})", snapshot::window(&plan.window.kind), snapshot::columns(&plan.key_fields));
    for function in &plan.functions {
        let fields = function.signature.accumulator.fields();
        write!(shape, ", accumulators ({})", snapshot::columns(fields)).expect("text takes whatever is written");
    }
    Header { kind: Kind::Aggregate, shape: shape.into(), partition }
}
