//! What tests of checkpoints share: records, and a holder.

use pelton_core::{
    checkpoint::{
        claim::Holder,
        record::{
            FileRecord, FileRef, Letters, OperatorSnapshot, PartContent, PartRecord, Position, Record, SinkRecord,
            SinkState, Snapshot, SourceRecord, SourceTurn, TableRecord,
        },
    },
    model::Epoch,
};

/// A record in which something of each kind is set.
pub(super) fn record(epoch: u64, generation: u64) -> Record {
    let position = Position::Range { partition: 2, sequence: epoch, offset: epoch * 1_000, rows_at: Some(17) };
    let listed = vec![FileRecord { name: format!("in/{epoch}.csv"), bytes: epoch, growth: None }];
    let source =
        SourceRecord { name: "in".into(), position, listed, idle: Some(false), watermark: Some(-5), log_end: None };
    let part = PartRecord {
        name: "part-00000.csv".into(),
        from: epoch,
        to: epoch + 1,
        is_closed: false,
        began: None,
        content: PartContent::Outbox { offset: 0 },
    };
    let state = SinkState::Files { parts: vec![part], next_part: 1 };
    Record {
        epoch: Epoch(epoch),
        generation,
        now: 1_700_000_000_000_000 + epoch as i64,
        job: "d0c5".into(),
        revision: 3,
        first_task: epoch * 4,
        end_task: epoch * 4 + 4,
        sources: vec![source],
        turns: vec![SourceTurn { source: 0, ranges: 4 }],
        is_reduced: true,
        is_last: false,
        tables: Vec::new(),
        modules: Vec::new(),
        sinks: vec![SinkRecord {
            name: "out".into(),
            rows: epoch,
            hash: epoch,
            state,
            target: "t".into(),
            outbox: Vec::new(),
        }],
        snapshot: None,
        published_through: Epoch(epoch.saturating_sub(2)),
        letters: Letters::default(),
        replies: None,
    }
}

pub(super) fn snapshot(engine: FileRef, operator: FileRef) -> Snapshot {
    Snapshot { engine, operators: vec![OperatorSnapshot { operator: "count".into(), partitions: vec![operator] }] }
}

pub(super) fn table(rows: FileRef) -> TableRecord {
    TableRecord { name: "rates".into(), version: 1, rows }
}

pub(super) fn holder() -> Holder {
    Holder { pid: 4711, host: "turbine".into(), since: 1_777_629_600_000_000, version: "0.1.0".into() }
}

pub(super) fn outboxes(epoch: u64) -> Vec<Vec<u8>> {
    vec![format!("rows of epoch {epoch}\n").into_bytes(), Vec::new()]
}
