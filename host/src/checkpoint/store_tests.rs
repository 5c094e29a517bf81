//! The store on a real disk, as the run uses it.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use pelton_core::checkpoint::retain::Retain;

use super::{
    super::{
        CheckpointError, Collected, Place, Recovered, Take, inspect, open,
        testing::{holder, outboxes, record, snapshot, table},
    },
    *,
};
use crate::error::{Code, Coded};

fn last(epochs: u64) -> Retain {
    Retain { epochs, time: Duration::ZERO }
}

fn reopen(path: &Path) -> (Store, Recovered) {
    Store::open(path, Take::Continue).expect("the directory is whole")
}

/// Small segments, so that there are several.
fn small(path: &Path) -> (Store, Recovered) {
    let (disk, holder) = Place::claim(&path.into()).unwrap();
    open::open(disk, Take::Continue, holder, 4096).unwrap()
}

fn commit(store: &mut Store, epochs: impl IntoIterator<Item = u64>) {
    for epoch in epochs {
        let permit = store.commit(&record(epoch, store.generation()), &outboxes(epoch)).unwrap();
        assert_eq!(permit.epoch(), Epoch(epoch));
        store.published(permit).unwrap();
    }
}

fn commit_snapshot(store: &mut Store, epoch: u64) -> Record {
    let engine = store.put("engine", b"watermarks").unwrap();
    let operator = store.put("count.0", format!("state at {epoch}").as_bytes()).unwrap();
    let rows = store.put("table rates", b"rows").unwrap();
    let record = Record {
        snapshot: Some(snapshot(engine, operator)),
        tables: vec![table(rows)],
        ..record(epoch, store.generation())
    };
    let permit = store.commit(&record, &outboxes(epoch)).unwrap();
    store.published(permit).unwrap();
    record
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_empty_directory_begins_at_the_first_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, found) = reopen(&folder.path().join("a/b"));
    assert_eq!((found.last, found.base, found.generation, found.next_epoch), (None, None, 1, Epoch::FIRST));
    assert!(found.again.is_empty() && found.republish.is_empty() && found.cut.is_none() && !found.is_closed);
}

#[test]
fn committed_epochs_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(folder.path());
    commit(&mut store, 1..=3);
    let permit = store.commit(&record(4, 1), &outboxes(4)).unwrap();
    drop((permit, store));
    let (mut store, found) = reopen(folder.path());
    assert_eq!(found.last, Some(record(4, 1)));
    assert_eq!(found.base, None);
    assert_eq!(found.again, (1..=4).map(|epoch| record(epoch, 1)).collect::<Vec<_>>());
    assert_eq!((found.generation, found.next_epoch), (2, Epoch(5)));
    let [again] = <[_; 1]>::try_from(found.republish).unwrap();
    assert_eq!((again.record, again.outboxes, again.permit.epoch()), (record(4, 1), outboxes(4), Epoch(4)));
    store.published(again.permit).unwrap();
    commit(&mut store, [5]);
    drop(store);
    let (_store, found) = reopen(folder.path());
    assert_eq!((found.last, found.republish.len(), found.generation), (Some(record(5, 2)), 0, 3));
}

#[test]
fn epochs_after_the_newest_snapshot_are_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(folder.path());
    commit_snapshot(&mut store, 1);
    commit(&mut store, 2..=3);
    let base = commit_snapshot(&mut store, 4);
    commit(&mut store, 5..=6);
    drop(store);
    let (store, found) = reopen(folder.path());
    assert_eq!(found.base.as_ref(), Some(&base));
    assert_eq!(found.again, [record(5, 1), record(6, 1)]);
    let snapshot = base.snapshot.unwrap();
    assert_eq!(store.get(&snapshot.operators[0].partitions[0]).unwrap(), b"state at 4");
}

#[test]
fn a_second_process_is_told_who_has_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = reopen(folder.path());
    let error = Store::open(folder.path(), Take::Fresh).unwrap_err();
    assert_eq!(error.code(), Code::CheckpointBusy);
    let said = error.to_string();
    assert!(said.contains(&format!("process {} on ", std::process::id())) && said.contains(", since 20"), "{said}");
    drop(store);
    reopen(folder.path());
}

#[test]
fn a_clean_end_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(folder.path());
    commit(&mut store, 1..=2);
    store.close().unwrap();
    let (store, found) = reopen(folder.path());
    assert!(found.is_closed && found.republish.is_empty());
    drop(store);
    assert!(!reopen(folder.path()).1.is_closed);
}

#[test]
fn segments_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = small(folder.path());
    commit(&mut store, 1..=20);
    // A frame that is longer than a segment.
    let permit = store.commit(&record(21, 1), &[vec![7; 10_000]]).unwrap();
    drop((permit, store));
    assert!(names(&folder.path().join("journal")).len() > 3);
    let (_store, found) = small(folder.path());
    assert_eq!((found.again.len(), found.republish.len()), (21, 1));
    assert_eq!(found.republish[0].outboxes, [vec![7; 10_000]]);
}

#[test]
fn restarts_without_epochs_leave_no_segments() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(folder.path());
    commit(&mut store, 1..=3);
    drop(store);
    for generation in 2..20 {
        let (_store, found) = reopen(folder.path());
        assert_eq!((found.generation, found.next_epoch), (generation, Epoch(4)));
    }
    assert_eq!(names(&folder.path().join("journal")).len(), 2);
    let first = folder.path().join("journal/0000000001.log");
    assert!(fs::metadata(first).unwrap().len() < 8192, "space behind the last frame is given back");
}

#[test]
fn collecting_keeps_what_recovery_needs() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = small(folder.path());
    for epoch in 1..=60 {
        if epoch % 10 == 0 {
            commit_snapshot(&mut store, epoch);
        } else {
            commit(&mut store, [epoch]);
        }
    }
    assert_eq!(names(&folder.path().join("files")).len(), 18);
    let none = store.collect(&last(100)).unwrap();
    assert_eq!(none, Collected::default());
    // The epochs 36 to 60 can be computed again from the snapshot of 30.
    let some = store.collect(&last(25)).unwrap();
    assert!(some.segments > 0);
    assert_eq!(some.files, 6);
    assert!(inspect::verify(folder.path()).unwrap().1.damages.is_empty());
    let most = store.collect(&last(0)).unwrap();
    assert_eq!(most.files, 9, "those of 30, 40 and 50; the output of 60 is not published for good, but that of 59 is");
    commit(&mut store, [61]);
    drop(store);
    let (mut store, found) = small(folder.path());
    assert_eq!((found.base.unwrap().epoch, found.again.len()), (Epoch(60), 1));
    assert_eq!(names(&folder.path().join("files")).len(), 3);
    commit(&mut store, [62]);
    let (inspection, verification) = inspect::verify(folder.path()).unwrap();
    assert!(verification.damages.is_empty(), "{verification:?}");
    assert_eq!((inspection.base, inspection.again(), verification.files), (Some(Epoch(60)), 2, 3));
}

#[test]
fn files_of_dead_attempts_go_and_foreign_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(folder.path());
    commit_snapshot(&mut store, 1);
    store.put("orphan", b"never named").unwrap();
    fs::write(folder.path().join("files/notes.txt"), "mine").unwrap();
    fs::write(folder.path().join("journal/notes.txt"), "mine").unwrap();
    drop(store);
    let (store, _) = reopen(folder.path());
    assert_eq!(names(&folder.path().join("files")).len(), 4);
    drop(store);
    let (_store, found) = Store::open(folder.path(), Take::Fresh).unwrap();
    assert_eq!((found.last, found.generation, found.next_epoch), (None, 3, Epoch::FIRST));
    assert_eq!(names(&folder.path().join("files")), ["notes.txt"]);
    assert_eq!(names(&folder.path().join("journal")), ["0000000003.log", "notes.txt"]);
}

#[test]
fn starting_over_mends_a_damaged_directory() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(folder.path());
    commit(&mut store, 1..=3);
    drop(store);
    let segment = folder.path().join("journal/0000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[700] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let error = Store::open(folder.path(), Take::Continue).unwrap_err();
    assert_eq!(error.code(), Code::CheckpointDamaged);
    assert!(error.to_string().contains("journal/0000000001.log is damaged at byte "), "{error}");
    assert_eq!(names(&folder.path().join("journal")), ["0000000001.log"], "nothing was changed");
    let (mut store, _) = Store::open(folder.path(), Take::Fresh).unwrap();
    commit(&mut store, 1..=2);
    drop(store);
    assert_eq!(reopen(folder.path()).1.again.len(), 2);
}

#[test]
fn epochs_are_committed_in_order_and_by_their_generation() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(folder.path());
    for (epoch, generation) in [(2, 1), (0, 1), (1, 2), (1, 0)] {
        let error = store.commit(&record(epoch, generation), &[]).unwrap_err();
        assert!(matches!(error, CheckpointError::OutOfOrder { .. }), "{error}");
    }
    commit(&mut store, 1..=2);
}

#[test]
fn a_directory_that_was_moved_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(&folder.path().join("here"));
    let base = commit_snapshot(&mut store, 1);
    commit(&mut store, 2..=4);
    drop(store);
    fs::rename(folder.path().join("here"), folder.path().join("there")).unwrap();
    let (store, found) = reopen(&folder.path().join("there"));
    assert_eq!((found.base, found.next_epoch), (Some(base.clone()), Epoch(5)));
    assert_eq!(store.get(&base.snapshot.unwrap().engine).unwrap(), b"watermarks");
}

#[test]
fn a_changed_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = reopen(folder.path());
    let file = store.put("Count / 0", b"state").unwrap();
    assert_eq!(file.name, "files/0000000001-0000000000-count---0");
    let path = folder.path().join(&file.name);
    for (content, what) in [("stats", "does not match"), ("stat", "4 bytes instead of 5"), ("states", "6 bytes")] {
        fs::write(&path, content).unwrap();
        let error = store.get(&file).unwrap_err().to_string();
        assert!(error.contains(&file.name) && error.contains(what), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert!(store.get(&file).unwrap_err().to_string().contains("missing"));
    let outside = FileRef { name: "../lock".into(), ..file };
    assert_eq!(store.get(&outside).unwrap_err().code(), Code::CheckpointDamaged);
}

#[test]
fn whoever_finds_a_newer_claim_stops() {
    let folder = tempfile::tempdir().unwrap();
    let without_lock = || Place::open(&folder.path().into()).unwrap();
    let (mut zombie, _) = reopen(folder.path());
    commit(&mut zombie, 1..=2);
    let (mut store, found) = open::open(without_lock(), Take::Continue, holder(), 4096).unwrap();
    assert_eq!(found.generation, 2);
    assert!(matches!(zombie.collect(&last(0)), Err(CheckpointError::Fenced { .. })));
    assert!(matches!(zombie.commit(&record(3, 1), &[]), Err(CheckpointError::Poisoned { .. })));
    commit(&mut store, 3..=4);
    let (_, found) = open::open(without_lock(), Take::Continue, holder(), 4096).unwrap();
    assert_eq!(found.last, Some(record(4, 2)));
    assert!(matches!(store.commit(&record(5, 2), &[]), Err(CheckpointError::Fenced { .. })));
    // What the one that lost the job wrote lies behind the end that the newer claim names.
    let (_, found) = open::open(without_lock(), Take::Continue, holder(), 4096).unwrap();
    assert_eq!(found.last, Some(record(4, 2)));
}

/// A directory without locks: one process dies before its claim, and another one comes.
#[test]
fn a_process_that_died_before_its_claim_hides_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let without_lock = || Place::open(&folder.path().into()).unwrap();
    let (mut zombie, _) = reopen(folder.path());
    let mut log = zombie.input_log("clicks", None).unwrap();
    commit(&mut zombie, 1..=2);
    fs::write(folder.path().join("journal/0000000002.log"), vec![0; 4096]).unwrap();
    let (mut store, found) = open::open(without_lock(), Take::Continue, holder(), 4096).unwrap();
    assert_eq!(found.generation, 2);
    assert_eq!(names(&folder.path().join("journal")), ["0000000001.log", "0000000003.log"], "the empty one is gone");
    assert!(matches!(log.append(&[b"a row".to_vec()]), Err(CheckpointError::Fenced { .. })));
    assert!(matches!(zombie.commit(&record(3, 1), &[]), Err(CheckpointError::Fenced { .. })));
    commit(&mut store, 3..=4);
}

/// Time in which a job with 10,000 old epochs is to be open.
const OPEN_MAX: Duration = Duration::from_millis(100);

#[test]
fn ten_thousand_old_epochs_open_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = reopen(folder.path());
    for epoch in 1..=10_000 {
        // As a commit does, without waiting for the disk ten thousand times; each was published by itself.
        let payload = payload::encode_epoch(&record(epoch, 1), &outboxes(epoch)).unwrap();
        let append = |store: &mut Store| {
            store.append(Kind::Epoch, &payload)?;
            store.append(Kind::Published, &payload::encode_published(Epoch(epoch)))
        };
        store.guarded(append).unwrap();
    }
    store.next_epoch = Epoch(10_001);
    commit_snapshot(&mut store, 10_001);
    drop(store);
    // Other tests take their share of the machine: what is measured is the quickest of some.
    let opened: Vec<Duration> = (0..7)
        .map(|_| {
            let started = Instant::now();
            let (_store, found) = reopen(folder.path());
            let took = started.elapsed();
            assert_eq!((found.base.unwrap().epoch, found.again.len()), (Epoch(10_001), 0));
            assert_eq!(found.next_epoch, Epoch(10_002));
            took
        })
        .collect();
    let quickest = opened.iter().min().unwrap();
    println!("a job with 10,000 old epochs: open in {quickest:.1?} (at most {OPEN_MAX:?}); all: {opened:.1?}");
    assert!(*quickest <= OPEN_MAX, "{opened:?}");
    let kept = inspect::inspect(folder.path()).unwrap().records.len();
    assert_eq!(kept, 10_001, "they were all there");
}
