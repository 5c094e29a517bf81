//! Records in which every kind of value occurs, and a job that commits them.

use std::path::Path;

use pelton::checkpoint::{CheckpointError, Store, Take};
use pelton_core::{
    checkpoint::record::{
        FileRecord, Letters, ModuleRecord, OperatorSnapshot, PartContent, PartRecord, Position, Record, SinkRecord,
        SinkState, Snapshot, SourceRecord, SourceTurn, TableRecord,
    },
    model::Epoch,
};

fn source(name: &str, position: Position) -> SourceRecord {
    let listed = vec![FileRecord { name: "in/ä.csv".into(), bytes: 1 << 40, growth: None }];
    SourceRecord { name: name.into(), position, listed, idle: Some(true), watermark: Some(-5), log_end: None }
}

fn part(content: PartContent) -> PartRecord {
    PartRecord { name: "part-00000.csv".into(), from: 10, to: 20, is_closed: true, began: None, content }
}

pub fn record(epoch: u64, generation: u64) -> Record {
    let range = Position::Range { partition: 2, sequence: epoch, offset: 1 << 33, rows_at: Some(17) };
    let parts = [PartContent::Outbox { offset: 3 }, PartContent::Temp { name: ".part".into() }, PartContent::InPlace];
    let files = SinkState::Files { parts: parts.map(part).into(), next_part: 1 };
    let states = [SinkState::None, files, SinkState::Checksums { rows: 7, sums: vec![u64::MAX, 0] }];
    let sink = |state| SinkRecord {
        name: "out".into(),
        rows: 12,
        hash: u64::MAX,
        state,
        target: String::new(),
        outbox: Vec::new(),
    };
    Record {
        epoch: Epoch(epoch),
        generation,
        now: 1_777_629_600_000_000 + epoch as i64,
        job: "d0c5".repeat(16),
        revision: 0,
        first_task: epoch * 4,
        end_task: epoch * 4 + 4,
        sources: vec![
            source("a", Position::Start),
            source("b", range),
            source("c", Position::Range { partition: 0, sequence: 3, offset: 9, rows_at: None }),
            source("d", Position::End),
        ],
        turns: vec![SourceTurn { source: 1, ranges: 4 }, SourceTurn { source: 0, ranges: 1 }],
        is_reduced: true,
        is_last: false,
        tables: Vec::new(),
        modules: vec![ModuleRecord { operator: "count".into(), digests: vec!["ab".repeat(32)] }],
        sinks: states.map(sink).into(),
        snapshot: None,
        published_through: Epoch(epoch.saturating_sub(2)),
        letters: Letters::default(),
        replies: None,
    }
}

pub fn outboxes(epoch: u64) -> Vec<Vec<u8>> {
    vec![Vec::new(), format!("rows of epoch {epoch}\n").into_bytes(), vec![0; 600]]
}

/// Commits these epochs, the first with a snapshot; all are published but the last.
pub fn commit(directory: &Path, epochs: &[u64]) -> Result<Store, CheckpointError> {
    let (mut store, _) = Store::open(directory, Take::Continue)?;
    for epoch in epochs {
        let mut record = record(*epoch, store.generation());
        if Some(epoch) == epochs.first() {
            let rows = store.put("rates.arrow", b"rows of a table")?;
            record.tables.push(TableRecord { name: "rates".into(), version: 1, rows });
            let partitions = vec![store.put("count.0", b"state 0")?, store.put("count.1", b"state 1")?];
            let operators = vec![OperatorSnapshot { operator: "count".into(), partitions }];
            record.snapshot = Some(Snapshot { engine: store.put("engine", b"watermarks")?, operators });
        }
        let permit = store.commit(&record, &outboxes(*epoch))?;
        if Some(epoch) != epochs.last() {
            store.published(permit)?;
        }
    }
    Ok(store)
}
