//! The queue over commits, crashes and requests.

use std::path::Path;

use pelton_core::{checkpoint::record::Letters, model::Epoch};

use super::{letter::sample, *};
use crate::checkpoint::{Take, testing::record};

fn open(directory: &Path) -> (Store, LetterBox) {
    let (store, found) = Store::open(directory, Take::Continue).unwrap();
    let letters = store.letters(found.last.as_ref());
    (store, letters)
}

/// Commits an epoch with these letters, and without those.
fn commit(store: &mut Store, letters: &LetterBox, epoch: u64, fresh: &[Letter], gone: &[LetterId]) {
    let queue = letters.next(fresh, gone).unwrap();
    let of_record = Letters { queue: queue.clone(), replayed: None };
    let record = Record { snapshot: None, tables: Vec::new(), letters: of_record, ..record(epoch, store.generation()) };
    store.commit(&record, &[]).unwrap();
    letters.committed(queue);
}

fn ids(letters: &[Letter]) -> Vec<String> {
    letters.iter().map(|letter| letter.id().to_string()).collect()
}

#[test]
fn the_queue_is_what_the_newest_record_says() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, letters) = open(folder.path());
    commit(&mut store, &letters, 1, &[sample(1, 0), sample(1, 1)], &[]);
    // Written, and not committed: the process dies here.
    letters.next(&[sample(2, 0)], &[]).unwrap();
    drop((store, letters));
    assert_eq!(ids(&look(folder.path()).unwrap().letters), ["1.0", "1.1"]);
    let (mut store, letters) = open(folder.path());
    assert_eq!(letters.count(), 2);
    commit(&mut store, &letters, 2, &[sample(2, 0)], &[sample(1, 0).id()]);
    assert_eq!((letters.count(), ids(&look(folder.path()).unwrap().letters)), (2, vec!["1.1".into(), "2.0".into()]));
    commit(&mut store, &letters, 3, &[], &[sample(1, 1).id(), sample(2, 0).id(), sample(9, 9).id()]);
    assert_eq!((letters.count(), look(folder.path()).unwrap().letters.len()), (0, 0));
}

#[test]
fn a_long_queue_has_few_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, letters) = open(folder.path());
    for epoch in 1..=200 {
        commit(&mut store, &letters, epoch, &[sample(epoch, 0)], &[]);
        let parts = letters.queue().len();
        assert!(parts <= 9, "{parts} parts after epoch {epoch}");
    }
    let looked = look(folder.path()).unwrap();
    assert_eq!(looked.letters.len(), 200);
    assert!(looked.letters.is_sorted_by_key(Letter::id), "the oldest first");
    let wanted = [LetterId { epoch: Epoch(150), number: 0 }, LetterId { epoch: Epoch(3), number: 0 }];
    assert_eq!(ids(&letters.find(&wanted).unwrap()), ["3.0", "150.0"]);
}

#[test]
fn requests_wait_until_they_are_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, letters) = open(folder.path());
    commit(&mut store, &letters, 1, &[sample(1, 0), sample(1, 1)], &[]);
    assert_eq!(letters.next_request(&HashSet::new()).unwrap(), None, "there is not even a folder");
    request(folder.path(), Action::Discard, &[sample(1, 1).id()]).unwrap();
    request(folder.path(), Action::Replay, &[sample(1, 0).id()]).unwrap();
    let looked = look(folder.path()).unwrap();
    assert_eq!(looked.asked(sample(1, 0).id()), Some(Action::Replay));
    let (name, first) = letters.next_request(&HashSet::new()).unwrap().unwrap();
    assert_eq!((first.action, ids(&letters.find(&first.letters).unwrap())), (Action::Discard, vec!["1.1".into()]));
    let known = HashSet::from([name.clone()]);
    let (second, _) = letters.next_request(&known).unwrap().unwrap();
    letters.carried_out(&[name, second]).unwrap();
    assert_eq!(letters.next_request(&HashSet::new()).unwrap(), None);
    // One that is not whole is left alone.
    let torn = folder.path().join("requests/0001777629600000000-00000000deadbeef");
    std::fs::write(&torn, b"half").unwrap();
    assert_eq!(letters.next_request(&HashSet::new()).unwrap(), None);
    letters.forget_requests().unwrap();
    assert!(!torn.exists());
}
