//! The log of an input on the disk in memory: crashes at every operation, power cuts, flipped bytes, owners that lost the job.

use std::sync::Arc;

use pelton_core::checkpoint::retain::Garbage;

use super::InputLog;
use crate::checkpoint::{
    CheckpointError,
    disk::Disk,
    input,
    model::{Cut, Fault, Memory},
    names,
    owner::Owner,
};

const SOURCE: &str = "clicks";
/// Some frames fit.
const SEGMENT_BYTES: u64 = 1 << 10;

/// A disk with a journal that the process of this generation owns: its segment has the same number.
fn owned(disk: &Memory, generation: u64) -> Arc<Owner<Memory>> {
    for folder in [names::JOURNAL, names::INPUTS] {
        disk.create_directory(folder).unwrap();
    }
    let made = disk.create(&names::segment(generation), 0);
    assert!(made.is_ok() || disk.exists(&names::segment(generation)).unwrap());
    for folder in ["", names::JOURNAL] {
        disk.sync_directory(folder).unwrap();
    }
    Arc::new(Owner::new(Arc::new(disk.process()), generation))
}

fn open(disk: Memory, owner: &Arc<Owner<Memory>>, generation: u64) -> Result<InputLog<Memory>, CheckpointError> {
    InputLog::open(&Arc::new(disk), owner, generation, SOURCE, SEGMENT_BYTES)
}

fn payload(number: u64) -> Vec<u8> {
    format!("row {number}\n").repeat(1 + number as usize % 40).into_bytes()
}

/// All frames, which must be those of `payload`.
fn frames(log: &InputLog<Memory>) -> Result<u64, CheckpointError> {
    let mut reader = log.reader(log.begin())?;
    let mut next = log.begin();
    while let Some((number, found)) = reader.read()? {
        assert_eq!((number, found), (next, payload(next)));
        next += 1;
    }
    assert_eq!(next, log.end());
    Ok(next)
}

/// Appends groups of one to three frames up to number `end`; answers how many were promised.
fn append(log: &mut InputLog<Memory>, end: u64) -> u64 {
    while log.end() < end {
        let group: Vec<Vec<u8>> = (log.end()..(log.end() + 1 + log.end() % 3).min(end)).map(payload).collect();
        let before = log.end();
        match log.append(&group) {
            Ok(first) => assert_eq!(first, before),
            Err(_) => return before,
        }
    }
    end
}

#[test]
fn what_was_appended_is_read_by_the_next_owner_from_any_frame_on() {
    let disk = Memory::new();
    let mut log = open(disk.process(), &owned(&disk, 1), 1).unwrap();
    assert_eq!((log.begin(), log.end(), log.last()), (0, 0, None));
    assert_eq!(append(&mut log, 30), 30);
    let log = open(disk.process(), &owned(&disk, 2), 2).unwrap();
    assert_eq!(frames(&log).unwrap(), 30);
    assert_eq!(log.last(), Some(payload(29).as_slice()));
    assert!(disk.files().len() > 5, "over several segments: {:?}", disk.files());
    for from in 0..=30 {
        let mut reader = log.reader(from).unwrap();
        let first = reader.read().unwrap();
        assert_eq!(first.map(|(number, _)| number), (from < 30).then_some(from));
    }
    assert!(matches!(log.reader(31), Err(CheckpointError::Damaged { .. })));
}

#[test]
fn a_crash_at_any_operation_loses_nothing_that_was_promised() {
    let cuts = || [Cut::Killed, Cut::Nothing, Cut::Everything].into_iter().chain((0..12).map(Cut::Some));
    let (mut operation, mut crashes, mut torn) = (0, 0, 0);
    loop {
        let mut was_reached = false;
        for fault in [Fault::Before, Fault::Half, Fault::After, Fault::Fails] {
            let disk = Memory::new();
            let owner = owned(&disk, 1);
            let mut first = open(disk.process(), &owner, 1).unwrap();
            append(&mut first, 7);
            let second_owner = owned(&disk, 2);
            let process = disk.process().with_fault(operation, fault);
            let promised = match open(process.clone(), &second_owner, 2) {
                Ok(mut log) => append(&mut log, 20),
                Err(_) => 7,
            };
            was_reached |= process.is_faulty();
            for cut in cuts() {
                let after = process.after(cut);
                let log = open(after.process(), &owned(&after, 3), 3);
                let mut log = log.unwrap_or_else(|error| panic!("{operation} {fault:?} {cut:?}: {error}"));
                let end = frames(&log).unwrap_or_else(|error| panic!("{operation} {fault:?} {cut:?}: {error}"));
                assert!(end >= promised, "{operation} {fault:?} {cut:?}: {promised} were promised, {end} are there");
                torn += u64::from(end > promised);
                // And it goes on, also after another power cut.
                assert_eq!(append(&mut log, end + 5), end + 5);
                let last = after.after(Cut::Nothing);
                let log = open(last.process(), &owned(&last, 4), 4).unwrap();
                assert_eq!(frames(&log).unwrap(), end + 5, "{operation} {fault:?} {cut:?}");
                crashes += 1;
            }
        }
        if !was_reached {
            break;
        }
        operation += 1;
    }
    assert!(
        operation > 30 && crashes > 2_000 && torn > 0,
        "{operation} operations, {crashes} crashes, {torn} unpromised"
    );
}

#[test]
fn a_changed_byte_is_found_or_belongs_to_nothing() {
    let disk = Memory::new();
    let mut log = open(disk.process(), &owned(&disk, 1), 1).unwrap();
    append(&mut log, 12);
    let segments: Vec<(String, usize)> =
        disk.files().into_iter().filter(|(path, _)| path.starts_with("inputs/")).collect();
    let (mut found, mut harmless) = (0, 0);
    for (path, length) in &segments {
        for offset in 0..*length {
            let changed = disk.after(Cut::Killed);
            assert!(changed.flip(path, offset, 0x40));
            let verified = input::verify(&changed).1.is_empty();
            let read = open(changed.process(), &owned(&changed, 2), 2).and_then(|log| frames(&log));
            match read {
                Ok(12) => harmless += 1,
                Ok(end) => panic!("{path} at {offset}: only {end} frames, and no error"),
                Err(CheckpointError::Damaged { .. } | CheckpointError::Newer { .. }) => found += 1,
                Err(error) => panic!("{path} at {offset}: {error}"),
            }
            // Zeros behind the last frame look unfinished, and hold nothing.
            assert!(
                verified
                    == matches!(open(changed.process(), &owned(&changed, 3), 3).and_then(|log| frames(&log)), Ok(12))
            );
        }
    }
    assert!(found > 1_000 && harmless > 100, "{found} found, {harmless} harmless");
}

#[test]
fn an_owner_that_lost_the_job_promises_nothing() {
    let disk = Memory::new();
    let mut old = open(disk.process(), &owned(&disk, 1), 1).unwrap();
    append(&mut old, 4);
    let new_owner = owned(&disk, 2);
    let mut new = open(disk.process(), &new_owner, 2).unwrap();
    assert_eq!(frames(&new).unwrap(), 4);
    assert!(matches!(old.append(&[b"lost".to_vec()]), Err(CheckpointError::Fenced { .. })));
    assert!(matches!(old.append(&[b"lost".to_vec()]), Err(CheckpointError::Poisoned { .. })));
    assert_eq!(append(&mut new, 9), 9);
    let log = open(disk.process(), &owned(&disk, 3), 3).unwrap();
    assert_eq!(frames(&log).unwrap(), 9, "what the old one wrote behind its end belongs to nobody");
}

#[test]
fn frames_before_a_snapshot_that_stays_are_collected() {
    let disk = Memory::new();
    let mut log = open(disk.process(), &owned(&disk, 1), 1).unwrap();
    append(&mut log, 30);
    let garbage = |inputs_before: &[(&str, u64)], inputs_kept: &[&str]| Garbage {
        epochs_before: 5,
        inputs_before: inputs_before.iter().map(|(name, before)| ((*name).to_owned(), *before)).collect(),
        inputs_kept: inputs_kept.iter().map(|name| (*name).to_owned()).collect(),
        ..Garbage::default()
    };
    assert_eq!(input::collect(&disk, &Garbage::default()).unwrap(), 0);
    assert_eq!(input::collect(&disk, &garbage(&[], &[SOURCE])).unwrap(), 0);
    let removed = input::collect(&disk, &garbage(&[(SOURCE, 20)], &[])).unwrap();
    let log = open(disk.process(), &owned(&disk, 2), 2).unwrap();
    assert!(removed > 1 && log.begin() > 5 && log.begin() < 20, "{removed} segments, from frame {} on", log.begin());
    assert_eq!(frames(&log).unwrap(), 30);
    assert!(log.reader(20).is_ok() && log.reader(0).is_err());
    // Everything was read: the end is still known.
    input::collect(&disk, &garbage(&[(SOURCE, 30)], &[])).unwrap();
    let log = open(disk.process(), &owned(&disk, 3), 3).unwrap();
    assert_eq!(frames(&log).unwrap(), 30);
    assert!(input::collect(&disk, &garbage(&[("other", 7)], &[])).unwrap() > 0, "no source has it any more");
    assert_eq!(open(disk.process(), &owned(&disk, 4), 4).unwrap().end(), 0);
}

#[test]
fn a_job_that_starts_over_has_no_logs() {
    let disk = Memory::new();
    let mut log = open(disk.process(), &owned(&disk, 1), 1).unwrap();
    append(&mut log, 12);
    input::forget(&disk).unwrap();
    assert_eq!(open(disk.process(), &owned(&disk, 2), 2).unwrap().end(), 0);
}
