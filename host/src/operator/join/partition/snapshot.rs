//! How the state of a partition of a join is saved and loaded.

use std::sync::Arc;

use pelton_core::{
    checkpoint::Damage,
    window::{WindowKind, WindowSpec},
};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        JoinForm, JoinPlan,
        interval::{IntervalStore, SavedIntervals},
        sessions::{SavedSessions, SessionStore},
        side::{Rows, SavedRows},
        windowed::{SavedWindows, WindowStore},
    },
    Partition, Store,
};
use crate::state::{
    budget::{Budget, Share},
    keys::KeyCodec,
    snapshot::{self, Header, Kind, SnapshotError},
};

#[derive(Debug, Serialize, Deserialize)]
struct Saved<'a> {
    rows: SavedRows<'a>,
    store: SavedStore<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
enum SavedStore<'a> {
    Interval(SavedIntervals<'a>),
    Windows(SavedWindows<'a>),
    Sessions(SavedSessions<'a>),
}

impl Partition {
    /// The state at the end of an epoch, as bytes that [`Partition::load`] takes under the same plan.
    pub fn save(&self, plan: &JoinPlan) -> Vec<u8> {
        let store = match &self.store {
            Store::Interval(store) => SavedStore::Interval(store.save()),
            Store::Windows(store) => SavedStore::Windows(store.save()),
            Store::Sessions(store) => SavedStore::Sessions(store.save()),
        };
        let saved = Saved { rows: self.rows.save(&codec(plan)), store };
        snapshot::write(&header(plan, self.number), &saved, self.held_bytes())
    }

    /// A partition that goes on where the saved one stood.
    pub fn load(plan: &JoinPlan, number: u16, budget: &Arc<Budget>, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let saved: Saved<'_> = snapshot::read(&header(plan, number), bytes)?;
        let rows = Rows::load(saved.rows, &codec(plan), &plan.schemas)?;
        let store = match (&plan.form, saved.store) {
            (JoinForm::Interval { .. }, SavedStore::Interval(saved)) => {
                Store::Interval(IntervalStore::load(&saved, &rows)?)
            }
            (
                JoinForm::Windows(WindowSpec { kind: WindowKind::Session { gap }, lateness, .. }),
                SavedStore::Sessions(saved),
            ) => Store::Sessions(SessionStore::load((*gap, *lateness), saved, &rows)?),
            (JoinForm::Windows(spec), SavedStore::Windows(saved))
                if !matches!(spec.kind, WindowKind::Session { .. }) =>
            {
                Store::Windows(WindowStore::load(spec, &saved, &rows)?)
            }
            _ => return Err(Damage("rows of another form of join").into()),
        };
        let mut partition = Self { number, rows, store, share: Share::new(budget) };
        let held = partition.held_bytes() as u64;
        // State beyond its limit is reported by the end of the next epoch, which says it again.
        let _ = partition.share.hold(held);
        Ok(partition)
    }
}

fn codec(plan: &JoinPlan) -> KeyCodec {
    let [left, _] = &plan.shuffles;
    KeyCodec::new(&left.key_fields).expect("the plan checked the key")
}

fn header(plan: &JoinPlan, partition: u16) -> Header<'static> {
    let form = match &plan.form {
        JoinForm::Interval { .. } => "an interval".into(),
        JoinForm::Windows(spec) => snapshot::window(&spec.kind),
    };
    let [left, right] = plan.schemas.each_ref().map(|schema| snapshot::columns(schema.fields()));
    let [shuffle, _] = &plan.shuffles;
    let key = snapshot::columns(&shuffle.key_fields);
    Header { kind: Kind::Join, shape: format!("{form} by ({key}), left ({left}), right ({right})").into(), partition }
}
