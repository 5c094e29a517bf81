//! `pelton checkpoint …`: what a job has committed, and whether it is as it was written. Changes nothing; the job may run meanwhile.

use std::path::Path;

use clap::{Args, Subcommand};
use indicatif::{HumanBytes, HumanCount};
use pelton_core::checkpoint::record::Position;
use serde_json::{Value, json};

use super::{
    Context, Exit, report,
    terminal::{counted, plain_table},
};
use crate::{
    checkpoint::{
        Location, TornTail,
        inspect::{self, Inspection, SegmentFile, Verification},
        segment_path,
    },
    lock::describe,
};

#[derive(Debug, Subcommand)]
pub(super) enum CheckpointCommand {
    /// Show what is committed, and what a run would do first.
    #[command(
        after_help = "Example:\n  pelton checkpoint inspect state --output json\n  pelton checkpoint inspect s3://turbines/hot-items"
    )]
    Inspect(DirectoryArgs),
    /// Read everything that a run may need and compare its checksums.
    #[command(after_help = "Example:\n  pelton checkpoint verify state\n\nExit code 1: something is damaged.")]
    Verify(DirectoryArgs),
}

#[derive(Debug, Args)]
pub(super) struct DirectoryArgs {
    /// The directory or the URL that the job file names as its checkpoint.
    #[arg(value_name = "DIRECTORY")]
    directory: String,
}

pub(super) fn checkpoint(context: &Context, command: &CheckpointCommand) -> Exit {
    let location = |args: &DirectoryArgs| Location::of(Path::new(""), &args.directory);
    match command {
        CheckpointCommand::Inspect(args) => inspect(context, &location(args)),
        CheckpointCommand::Verify(args) => verify(context, &location(args)),
    }
}

fn inspect(context: &Context, location: &Location) -> Exit {
    let inspection = match inspect::inspect(location) {
        Ok(inspection) => inspection,
        Err(error) => {
            context.error(&error);
            return Exit::Failed;
        }
    };
    if context.is_json() {
        context.terminal.line(&to_json(&inspection).to_string());
    } else {
        context.terminal.line(&to_text(&inspection));
    }
    Exit::Done
}

fn verify(context: &Context, location: &Location) -> Exit {
    let (inspection, verification) = match inspect::verify(location) {
        Ok(verified) => verified,
        Err(error) => {
            context.error(&error);
            return Exit::Failed;
        }
    };
    if context.is_json() {
        context.terminal.line(&verification_to_json(&inspection, &verification).to_string());
    } else {
        verification.damages.iter().for_each(|damage| context.error(damage));
        context.terminal.line(&verification_to_text(&inspection, &verification));
    }
    if verification.damages.is_empty() { Exit::Done } else { Exit::Failed }
}

fn to_text(inspection: &Inspection) -> String {
    let mut table = plain_table();
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("generation", generation(inspection));
    row("epochs", epochs(inspection));
    if let Some(last) = &inspection.last {
        row("snapshot", snapshot(inspection));
        row("can be replayed", replayable(inspection));
        row("to compute again", counted(inspection.again(), "epoch"));
        row("to publish", counted(inspection.republish(), "epoch"));
        for source in &last.sources {
            row(&format!("source {}", source.name), position(&source.position));
        }
        for sink in &last.sinks {
            row(&format!("sink {}", sink.name), format!("{} in the last epoch", counted(sink.rows, "row")));
        }
    }
    let bytes: u64 = inspection.segments.iter().map(|segment| segment.bytes).sum();
    let segments = counted(inspection.segments.len() as u64, "segment");
    row("journal", format!("{segments}, {}, {}", counted(inspection.frames, "frame"), HumanBytes(bytes)));
    if let Some(cut) = &inspection.cut {
        row("unfinished", unfinished(cut));
    }
    table.to_string()
}

fn generation(inspection: &Inspection) -> String {
    let end = if inspection.is_closed { "; it ended in good order" } else { "" };
    match (&inspection.claim, &inspection.last) {
        (Some(claim), _) => format!("{}: {}{end}", inspection.generation, describe(&claim.holder)),
        // The claim goes with the oldest records.
        (None, Some(last)) => format!("{}{end}", last.generation),
        (None, None) => "none: nobody has run the job".into(),
    }
}

fn epochs(inspection: &Inspection) -> String {
    match inspection.records.as_slice() {
        [] => "none is committed".into(),
        [only] => format!("{} is committed", only.epoch),
        [first, .., last] => {
            let records = HumanCount(inspection.records.len() as u64);
            format!("up to {} are committed; {records} records from epoch {} on", last.epoch, first.epoch)
        }
    }
}

fn replayable(inspection: &Inspection) -> String {
    match inspection.replayable {
        None => "none: older epochs have been collected".into(),
        Some((first, last)) if first == last => format!("epoch {first}, if its input is still there"),
        Some((first, last)) => format!("epochs {first} to {last}, if their inputs are still there"),
    }
}

fn snapshot(inspection: &Inspection) -> String {
    let base = inspection.records.iter().find(|record| Some(record.epoch) == inspection.base);
    let Some(record) = base else { return "none: state is computed from the start".into() };
    let bytes: u64 = record.files().map(|file| file.bytes).sum();
    let files = counted(record.files().count() as u64, "file");
    format!("of epoch {}: {files}, {}", record.epoch, HumanBytes(bytes))
}

fn position(position: &Position) -> String {
    match position {
        Position::Start => "at its start".into(),
        Position::Range { partition, sequence, offset, .. } => {
            format!("before range {sequence} of partition {partition}, which begins at {}", HumanCount(*offset))
        }
        Position::End => "at its end".into(),
    }
}

fn unfinished(cut: &TornTail) -> String {
    format!("a frame at byte {} of {}; it was never committed", cut.offset, segment_path(cut.segment))
}

fn verification_to_text(inspection: &Inspection, verification: &Verification) -> String {
    let frames = counted(inspection.frames, "frame");
    let segments = counted(inspection.segments.len() as u64, "segment");
    let files = counted(verification.files, "file");
    let bytes = HumanBytes(verification.file_bytes);
    let mut text = format!("{frames} in {segments} and {files} ({bytes}) are as they were written");
    if verification.input_frames > 0 {
        text += &format!("\nlogs of inputs: {}", counted(verification.input_frames, "frame"));
    }
    if let Some(cut) = &inspection.cut {
        text += &format!("\nunfinished: {}", unfinished(cut));
    }
    match verification.damages.len() {
        0 => {}
        count => text += &format!("\n{} damaged", counted(count as u64, "file")),
    }
    text
}

fn to_json(inspection: &Inspection) -> Value {
    let segment = |segment: &SegmentFile| json!({ "path": segment.path, "bytes": segment.bytes, "frames": segment.frames, "void": segment.is_void });
    json!({
        "generation": inspection.generation,
        "claim": inspection.claim,
        "closed": inspection.is_closed,
        "records": inspection.records.len(),
        "first_epoch": inspection.records.first().map(|first| first.epoch),
        "snapshot_epoch": inspection.base,
        "published_through": inspection.published_through,
        "replayable": inspection.replayable.map(|(first, last)| [first, last]),
        "again": inspection.again(),
        "republish": inspection.republish(),
        "last": inspection.last,
        "segments": inspection.segments.iter().map(segment).collect::<Vec<_>>(),
        "frames": inspection.frames,
        "unfinished": inspection.cut.as_ref().map(cut_to_json),
    })
}

fn cut_to_json(cut: &TornTail) -> Value {
    json!({ "file": segment_path(cut.segment), "offset": cut.offset })
}

fn verification_to_json(inspection: &Inspection, verification: &Verification) -> Value {
    let damages = verification.damages.iter().map(|damage| report::error_to_json(damage));
    let errors = damages.filter_map(|error| error.get("errors")?.get(0).cloned());
    json!({
        "frames": inspection.frames,
        "segments": inspection.segments.len(),
        "files": verification.files,
        "file_bytes": verification.file_bytes,
        "collected": verification.collected,
        "input_frames": verification.input_frames,
        "unfinished": inspection.cut.as_ref().map(cut_to_json),
        "errors": errors.collect::<Vec<_>>(),
    })
}
