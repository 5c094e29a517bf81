//! Every byte of every file of a checkpoint directory, changed in turn: each change is found, and named with its file.
//!
//! Files of every kind that a record can name are among them, and the log of an input. What lies behind the last frame is zeros that belong to nothing:
//! a change there is an unfinished frame, which is cut, and loses nothing.

use std::collections::BTreeSet;

use pelton_core::checkpoint::record::{LetterFile, Letters};

use super::{
    CheckpointError, Take,
    disk::Disk,
    input, inspect,
    model::{Cut, Fault, Memory},
    model_job::{Mistake, SEGMENT_BYTES, World, run},
    names, open, read,
    testing::{holder, outboxes, record, snapshot, table},
};

/// Lower and upper bits, and all.
const MASKS: [u8; 3] = [0x01, 0x80, 0xff];
const EPOCHS: u64 = 8;

/// What a job leaves that ended in good order, or else right after its last commit.
fn left(operations_missing: Option<u64>) -> Memory {
    let whole = Memory::new();
    run(&whole, &World::default(), EPOCHS, Mistake::None);
    let Some(missing) = operations_missing else { return whole.after(Cut::Killed) };
    let disk = Memory::new().with_fault(whole.operations() - missing, Fault::Before);
    run(&disk, &World::default(), EPOCHS, Mistake::None);
    disk.after(Cut::Killed)
}

/// What a job leaves that was killed right after a commit, with a file of every kind.
fn everything() -> Memory {
    let disk = Memory::new();
    let (mut store, _) = open::open(disk.process(), Take::Continue, holder(), SEGMENT_BYTES).unwrap();
    let mut log = store.input_log("clicks", None).unwrap();
    for epoch in 1..=EPOCHS {
        log.append(&[format!("what a client sent before epoch {epoch}\n").into_bytes()]).unwrap();
        let put = |hint: &str| store.put(hint, format!("the bytes of {hint} ").repeat(3).as_bytes()).unwrap();
        let mut record = record(epoch, store.generation());
        if epoch == EPOCHS - 1 {
            record.snapshot = Some(snapshot(put("engine"), put("state")));
            record.tables = vec![table(put("table"))];
        }
        if epoch == EPOCHS {
            let queue = vec![LetterFile { file: put("letters"), letters: 2 }];
            record.letters = Letters { queue, replayed: Some(put("replayed")) };
            record.sinks[0].outbox = vec![put("outbox")];
            record.replies = Some(put("replies"));
        }
        store.commit(&record, &outboxes(epoch)).unwrap();
    }
    disk.after(Cut::Killed)
}

/// The file that something is said about when the directory is read.
enum Seen {
    Damaged(String),
    /// Nothing is damaged; a frame was begun where there was none.
    Unfinished(String),
    Nothing,
}

fn look(disk: &Memory) -> Seen {
    let numbers = read::segment_numbers(disk).unwrap();
    let journal = match read::read(disk, &numbers) {
        Ok(journal) => journal,
        Err(CheckpointError::Damaged { file, .. } | CheckpointError::Newer { file, .. }) => return Seen::Damaged(file),
        Err(other) => panic!("{other}"),
    };
    if let Some(cut) = &journal.chain.cut {
        return Seen::Unfinished(names::segment(cut.segment));
    }
    let mut damages = inspect::verify_files(disk, &journal).damages;
    damages.extend(input::verify(disk).1);
    match damages.pop() {
        Some(CheckpointError::Damaged { file, .. }) => Seen::Damaged(file),
        Some(other) => panic!("{other}"),
        None => Seen::Nothing,
    }
}

/// The number of the last epoch that recovery finds; none: it refuses.
fn recover(disk: &Memory) -> Option<u64> {
    let opened = open::open(disk.process(), Take::Continue, holder(), SEGMENT_BYTES);
    opened.ok().map(|(_, found)| found.last.map_or(0, |last| last.epoch.0))
}

/// How many changes are damage, and how many lie where nothing was written.
fn every_byte(disk: &Memory) -> (u64, u64) {
    assert!(matches!(look(disk), Seen::Nothing));
    let (mut damaged, mut unfinished) = (0, 0);
    for (path, bytes) in disk.files() {
        let content = disk.process().read(&path, u64::MAX).unwrap();
        let written = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for offset in 0..bytes {
            for mask in MASKS {
                let changed = disk.after(Cut::Killed);
                assert!(changed.flip(&path, offset, mask));
                let place = format!("byte {offset} of {path} by {mask:#x}");
                match look(&changed) {
                    Seen::Damaged(file) => {
                        assert_eq!(file, path, "{place}");
                        damaged += 1;
                        // Files of state are read when they are needed, and then they are refused.
                        let is_journal = path.starts_with(names::JOURNAL);
                        assert_eq!(recover(&changed), (!is_journal).then_some(EPOCHS), "{place}");
                    }
                    Seen::Unfinished(file) => {
                        assert_eq!(file, path, "{place}");
                        unfinished += 1;
                        assert_eq!(recover(&changed), Some(EPOCHS), "{place}: it was never a frame");
                    }
                    Seen::Nothing if path.starts_with(names::INPUTS) && offset >= written => unfinished += 1,
                    Seen::Nothing => panic!("{place} was not seen"),
                }
            }
        }
    }
    println!("{damaged} changes are damage, {unfinished} lie where nothing was written");
    assert!(damaged > 5_000 && unfinished > 1_000);
    (damaged, unfinished)
}

#[test]
fn every_changed_byte_is_named_after_a_clean_end() {
    every_byte(&left(None));
}

#[test]
fn every_changed_byte_is_named_right_after_a_commit() {
    // What is missing: two outputs published, the clean end.
    every_byte(&left(Some(4)));
}

#[test]
fn every_changed_byte_is_named_in_a_file_of_every_kind() {
    let disk = everything();
    let files = disk.files();
    let kinds: BTreeSet<&str> = files.iter().map(|(path, _)| path.rsplit('-').next().unwrap_or_default()).collect();
    for kind in ["engine", "state", "table", "letters", "replayed", "outbox"] {
        assert!(kinds.contains(kind), "{kind} is missing: {kinds:?}");
    }
    let logs = files.iter().filter(|(path, _)| path.starts_with(names::INPUTS)).count();
    assert!(logs >= 1 && files.len() >= 10, "{files:?}");
    let bytes: usize = files.iter().map(|(_, bytes)| bytes).sum();
    let (damaged, unfinished) = every_byte(&disk);
    assert_eq!(damaged + unfinished, (bytes * MASKS.len()) as u64);
}
