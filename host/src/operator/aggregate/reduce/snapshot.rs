//! How the state of a partition of an aggregating operator is saved and loaded.

use std::fmt::Write;

use pelton_core::{
    checkpoint::{Damage, packed::Packed},
    window::WindowKind,
};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        accumulators::Accumulators,
        carried::Carrying,
        changes::{Emitted, SavedEmitted},
        changing::{Changing, SavedChanging},
        counted::{Counted, SavedCounted},
        draining::{Draining, Line},
        rolling::{Rolling, SavedRolling},
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
    /// Where results leave as changes.
    #[serde(default)]
    emitted: Option<SavedEmitted<'a>>,
    /// Where the modules before finish windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draining: Option<SavedDraining<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedDraining<'a> {
    line: Line,
    /// The partition as those modules save it.
    partition: Packed<'a, u8>,
}

#[derive(Debug, Serialize, Deserialize)]
enum SavedWindows<'a> {
    Whole(SavedWhole<'a>),
    Changing(SavedChanging<'a>),
    Sliding(Box<SavedSliding<'a>>),
    Rolling(Box<SavedRolling<'a>>),
    Sessions(SavedSessions<'a>),
    Counted(SavedCounted<'a>),
}

impl Partition {
    /// The state at the end of an epoch, as bytes that [`Partition::load`] takes under the same plan.
    pub fn save(&self, plan: &AggregatePlan) -> Vec<u8> {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let windows = match &self.windows {
            Windows::Whole(whole) => SavedWindows::Whole(whole.save(&codec)),
            Windows::Changing(changing) => SavedWindows::Changing(changing.save(&codec)),
            Windows::Sliding(sliding) => SavedWindows::Sliding(Box::new(sliding.save(&codec))),
            Windows::Rolling(rolling) => SavedWindows::Rolling(Box::new(rolling.save(&codec))),
            Windows::Sessions(sessions) => SavedWindows::Sessions(sessions.save(&codec)),
            Windows::Counted(counted) => SavedWindows::Counted(counted.save(&codec)),
        };
        let accumulators = self.accumulators.save();
        let emitted = self.emitted.as_ref().map(|emitted| emitted.save(&plan.computed()));
        let draining = self.draining.as_ref().zip(plan.draining.as_ref()).map(|(draining, before)| SavedDraining {
            line: draining.line,
            partition: draining.partition.save(before).into_iter().collect(),
        });
        let (watermark, early_at) = (self.watermark, self.early_at);
        let saved = Saved { watermark, early_at, windows, accumulators, emitted, draining };
        snapshot::write(&header(plan, self.number), &saved, self.held_bytes())
    }

    /// A partition that goes on where the saved one stood.
    pub fn load(plan: &AggregatePlan, number: u16, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let Saved { watermark, early_at, windows, accumulators, emitted, draining } =
            snapshot::read(&header(plan, number), bytes)?;
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let new = Self::new(plan, number);
        let windows = match (new.windows, windows, &plan.window.kind) {
            (Windows::Whole(_), SavedWindows::Whole(saved), _) => Windows::Whole(Whole::load(saved, &codec)?),
            (Windows::Changing(_), SavedWindows::Changing(saved), _) => {
                Windows::Changing(Changing::load(saved, &codec)?)
            }
            (Windows::Rolling(_), SavedWindows::Rolling(saved), _) => {
                Windows::Rolling(Box::new(Rolling::load(*saved, &codec, Carrying::of(plan).schema())?))
            }
            (Windows::Sliding(_), SavedWindows::Sliding(saved), WindowKind::Sliding { slide, .. }) => {
                Windows::Sliding(Box::new(Sliding::load(*slide, *saved, &codec)?))
            }
            (Windows::Sessions(_), SavedWindows::Sessions(saved), WindowKind::Session { gap }) => {
                Windows::Sessions(SessionWindows::load(*gap, plan.in_order, saved, &codec)?)
            }
            (Windows::Counted(_), SavedWindows::Counted(saved), WindowKind::Count { rows }) => {
                Windows::Counted(Counted::load(*rows, saved, &codec)?)
            }
            _ => return Err(Damage("windows of another kind").into()),
        };
        let used = match &windows {
            Windows::Whole(whole) => whole.slots(),
            Windows::Changing(changing) => changing.slots(),
            Windows::Rolling(rolling) => rolling.slots(),
            Windows::Sliding(sliding) => sliding.slots(),
            Windows::Sessions(sessions) => sessions.slots(),
            Windows::Counted(counted) => counted.slots(),
        };
        let accumulators = Accumulators::load(plan, accumulators, &used)?;
        Damage::unless(emitted.is_some() == plan.emits_changes, "results of another mode")?;
        let emitted = emitted.map(|saved| Emitted::load(saved, &plan.computed())).transpose()?;
        let is_known = draining.is_none() || plan.draining.is_some();
        Damage::unless(is_known, "windows that modules finish which the operator does not name in `draining`")?;
        let draining = draining.zip(plan.draining.as_ref()).map(|(SavedDraining { line, partition }, before)| {
            let partition = Self::load(before, number, &partition.into_vec())?;
            Ok::<_, SnapshotError>(Box::new(Draining { partition, line }))
        });
        Ok(Self { number, windows, accumulators, watermark, early_at, emitted, draining: draining.transpose()? })
    }
}

fn header(plan: &AggregatePlan, partition: u16) -> Header<'static> {
    let mut shape = format!("{} by ({})", snapshot::window(&plan.window.kind), snapshot::columns(&plan.key_fields));
    for function in &plan.functions {
        let fields = function.signature.accumulator.fields();
        write!(shape, ", accumulators ({})", snapshot::columns(fields)).expect("text takes whatever is written");
    }
    if plan.op_at.is_some() {
        shape.push_str(", over changes");
    }
    if let Some(kept) = plan.kept_columns() {
        write!(shape, ", rows ({})", snapshot::columns(kept.fields())).expect("text takes whatever is written");
    }
    if let Some(said) = plan.said_columns() {
        write!(shape, ", results ({})", snapshot::columns(said.fields())).expect("text takes whatever is written");
    }
    Header { kind: Kind::Aggregate, shape: shape.into(), partition }
}
