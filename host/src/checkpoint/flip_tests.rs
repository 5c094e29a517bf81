//! Every byte of every file of a checkpoint directory, changed in turn: each change is found, and named with its file.

use super::{
    CheckpointError, Take, inspect,
    model::{Cut, Fault, Memory},
    model_job::{Mistake, SEGMENT_BYTES, World, run},
    names, open, read,
    testing::holder,
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
    match inspect::verify_files(disk, &journal).damages.pop() {
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

fn every_byte(disk: &Memory) {
    assert!(matches!(look(disk), Seen::Nothing));
    let (mut damaged, mut unfinished) = (0, 0);
    for (path, bytes) in disk.files() {
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
                    Seen::Nothing => panic!("{place} was not seen"),
                }
            }
        }
    }
    println!("{damaged} changes are damage, {unfinished} lie where nothing was written");
    assert!(damaged > 5_000 && unfinished > 1_000);
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
