//! The commit record: what one epoch did, as one fact.
//!
//! An epoch has happened when its record is durable, and not before. The record says which input it took, in which order, what
//! the sinks were given, and where its state can be found. State is not written with every epoch: an epoch is a function of
//! its input, so the epochs after the last [`Snapshot`] are computed again by whoever recovers, from the ranges that
//! their records name (ADR 0006). Invariants: records of a job follow each other without a gap; the record of a higher
//! generation ends the right of lower ones to commit.

use serde::{Deserialize, Serialize};

use crate::model::Epoch;

/// One epoch, committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub epoch: Epoch,
    /// Of the process that committed it: counts the times that a process took the job over.
    pub generation: u64,
    /// Processing time of the epoch, in µs since 1970 UTC.
    pub now: i64,
    /// BLAKE3 of the job as planned: its graph, options and number of partitions.
    pub job: String,
    /// Which of the job's revisions the epoch was computed by; 0 where nobody counts them.
    #[serde(default)]
    pub revision: u64,
    /// Number of the epoch's first task; rows are numbered by tasks, and guests see those numbers.
    pub first_task: u64,
    /// Number of the next epoch's first task.
    pub end_task: u64,
    /// In the order of the plan.
    pub sources: Vec<SourceRecord>,
    /// Which source gave how many ranges, in order: the canonical order of the epoch's rows.
    pub turns: Vec<SourceTurn>,
    /// Keyed operators were reduced: none is due in every epoch.
    pub is_reduced: bool,
    /// Keyed operators were told that the input had ended.
    pub is_last: bool,
    /// The side tables as this epoch saw them.
    pub tables: Vec<TableRecord>,
    pub modules: Vec<ModuleRecord>,
    pub sinks: Vec<SinkRecord>,
    pub snapshot: Option<Snapshot>,
    /// Outputs of all epochs up to this one were visible when the record was made.
    pub published_through: Epoch,
    /// Left out where there are none, as in records of before there were dead letters.
    #[serde(default, skip_serializing_if = "Letters::is_empty")]
    pub letters: Letters,
    /// What endpoints answered to the epoch's modules; none: nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies: Option<FileRef>,
}

/// What is needed of the records of old epochs: where one is read, the rest of the record is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    pub epoch: Epoch,
    pub generation: u64,
    /// Processing time of the epoch, in µs since 1970 UTC.
    pub now: i64,
    #[serde(default)]
    pub sources: Vec<SourcePlace>,
    pub tables: Vec<TableRecord>,
    pub snapshot: Option<Snapshot>,
    pub published_through: Epoch,
    #[serde(default)]
    pub letters: Letters,
    #[serde(default)]
    pub replies: Option<FileRef>,
    #[serde(default)]
    pub sinks: Vec<SinkOutbox>,
}

/// How far a source has been read, and no more of its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePlace {
    pub name: String,
    pub position: Position,
    #[serde(default)]
    pub log_end: Option<u64>,
}

impl SourcePlace {
    /// The number of the next frame of its log, if it has one.
    pub fn frame(&self) -> Option<u64> {
        match &self.position {
            Position::Range { sequence, .. } => Some(*sequence),
            Position::Start => Some(0),
            Position::End => self.log_end,
        }
    }
}

impl Outline {
    pub fn of(record: &Record) -> Self {
        let Record {
            epoch,
            generation,
            now,
            sources,
            tables,
            snapshot,
            published_through,
            letters,
            replies,
            sinks,
            ..
        } = record.clone();
        let sources = sources.into_iter().map(SourceRecord::place).collect();
        let sinks = sinks.into_iter().map(|sink| SinkOutbox { outbox: sink.outbox }).collect();
        Self { epoch, generation, now, sources, tables, snapshot, published_through, letters, replies, sinks }
    }

    /// The files that are needed until the epoch is published.
    pub fn outbox(&self) -> impl Iterator<Item = &FileRef> {
        self.sinks.iter().flat_map(|sink| &sink.outbox)
    }

    /// The files that it takes to compute the epoch, or those after it, again.
    pub fn files(&self) -> impl Iterator<Item = &FileRef> {
        let snapshot = self.snapshot.iter().flat_map(|snapshot| {
            let operators = snapshot.operators.iter().flat_map(|operator| &operator.partitions);
            std::iter::once(&snapshot.engine).chain(operators)
        });
        let letters = self.letters.queue.iter().map(|part| &part.file).chain(&self.letters.replayed);
        self.tables.iter().map(|table| &table.rows).chain(snapshot).chain(letters).chain(&self.replies)
    }
}

/// The dead letters of the job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Letters {
    /// The queue after this epoch, the oldest first.
    pub queue: Vec<LetterFile>,
    /// Those that were taken from it and put into their operators again, before all else of the epoch.
    pub replayed: Option<FileRef>,
}

impl Letters {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterFile {
    pub file: FileRef,
    pub letters: u64,
}

/// How far a source has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    pub name: String,
    /// Where the next epoch goes on.
    pub position: Position,
    /// Files that were found and are not in earlier records, in the order in which they are read.
    pub listed: Vec<FileRecord>,
    /// It fell idle in this epoch, or is not idle any more.
    pub idle: Option<bool>,
    /// Event time up to which its rows have come, in µs.
    pub watermark: Option<i64>,
    /// Its input has ended, and it had a log: number of the frame that comes next if a later run is given more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_end: Option<u64>,
}

impl SourceRecord {
    pub fn place(self) -> SourcePlace {
        SourcePlace { name: self.name, position: self.position, log_end: self.log_end }
    }
}

/// A file of a source, when it was listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    pub name: String,
    pub bytes: u64,
    /// Of a file that grows: which part of it this is; `bytes` is where the part ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
}

/// A part of a file that grows: whole rows that were found in it together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Counts the parts of all files of the source.
    pub partition: u32,
    /// Byte at which the part begins.
    pub from: u64,
    /// The file's, which it keeps under another name.
    pub inode: u64,
    /// Stable hash of so many bytes at the file's beginning: another file may have its inode later.
    pub head_bytes: u32,
    pub head_hash: u64,
}

/// A place in the input of a source: what comes after it has not been read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Position {
    #[default]
    Start,
    /// In partition number `partition`, which for files counts those listed, before its range number `sequence`; where the source has a log,
    /// that is the number of the frame.
    Range {
        partition: u32,
        sequence: u64,
        /// Byte where that range is cut, in plain files of rows; the number of its first row, of a generator.
        offset: u64,
        /// Byte where the first row behind the cut begins, where newlines do not tell.
        rows_at: Option<u64>,
    },
    End,
}

impl Position {
    /// The beginning of the partition that it is in.
    pub fn of_partition(&self) -> Self {
        match self {
            Self::Range { partition, .. } => {
                Self::Range { partition: *partition, sequence: 0, offset: 0, rows_at: None }
            }
            Self::Start | Self::End => self.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTurn {
    /// Index in the plan.
    pub source: u32,
    pub ranges: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRecord {
    pub name: String,
    /// As guests are told, from 1 on.
    pub version: u64,
    /// Its rows as an Arrow IPC file.
    pub rows: FileRef,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleRecord {
    pub operator: String,
    /// In the order of the operator's functions.
    pub digests: Vec<String>,
}

/// What a sink was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkRecord {
    pub name: String,
    pub rows: u64,
    /// Stable hash of what its encoders made, in canonical order: computing the epoch again must give the same.
    pub hash: u64,
    /// What the sink itself must know to publish, or to go on after this epoch.
    pub state: SinkState,
    /// Digest of where and how the sink writes; empty in records of before there was one.
    #[serde(default)]
    pub target: String,
    /// Files with what it is to publish, after one another; an outbox that is small is beside the record instead. They go once the epoch is
    /// published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbox: Vec<FileRef>,
}

/// What a sink still has to publish, and no more of its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkOutbox {
    #[serde(default)]
    pub outbox: Vec<FileRef>,
}

/// A sink's own part of the record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SinkState {
    /// Nothing to publish and nothing to remember.
    #[default]
    None,
    /// Files of a directory.
    Files {
        /// Parts that this epoch completed under temp names, or made grow, in order.
        parts: Vec<PartRecord>,
        /// Number of the next part.
        next_part: u32,
    },
    /// Sums over all columns so far.
    Checksums { rows: u64, sums: Vec<u64> },
    /// Rows that a server takes together with a marker of their epoch.
    Marked {
        /// A number that no other run of a job has which began anew.
        run: String,
        /// The last epoch before this one that had rows, and the last one up to it; 0 where none had.
        before: Epoch,
        last: Epoch,
    },
}

/// One file of a file sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Its final name.
    pub name: String,
    /// Length before and after this epoch; it grows by what lies between.
    pub from: u64,
    pub to: u64,
    /// It takes no more rows.
    pub is_closed: bool,
    /// Processing time of the epoch in which it began, in µs, of a part that goes on until it is old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<i64>,
    pub content: PartContent,
}

/// Where the bytes of a part are until they are visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartContent {
    /// Beside the record, in the journal: `bytes` from `offset` of the sink's outbox of this epoch on.
    Outbox { offset: u64 },
    /// Under a temp name in the sink's directory, to be renamed.
    Temp { name: String },
    /// Already in place, behind the length that was committed before.
    InPlace,
}

/// The state of all keyed operators at the end of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Watermarks and what else the engine itself keeps.
    pub engine: FileRef,
    pub operators: Vec<OperatorSnapshot>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorSnapshot {
    pub operator: String,
    /// One for each partition.
    pub partitions: Vec<FileRef>,
}

/// A file of the checkpoint directory that a record names: written and durable before the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// Relative to the checkpoint directory; unique to the attempt that wrote it.
    pub name: String,
    pub bytes: u64,
    /// Stable hash (`crate::hash`) of the content.
    pub checksum: u64,
}
