//! Checkpoints in a bucket in memory: what differs from a directory.

use pelton_core::{
    checkpoint::{record::Record, retain::Retain},
    model::Epoch,
};

use super::{
    faulty::{Fault, Faulty},
    *,
};
use crate::{
    checkpoint::{
        Recovered, Store, Take, open, read,
        testing::{holder, outboxes, record, snapshot},
    },
    error::{Code, Coded},
};

fn opened(bucket: &Faulty, take: Take) -> Result<(Store<Objects>, Recovered), CheckpointError> {
    open::open(bucket.objects(), take, holder(), 1 << 20)
}

fn commit(store: &mut Store<Objects>, epochs: impl IntoIterator<Item = u64>) {
    for epoch in epochs {
        let permit = store.commit(&record(epoch, store.generation()), &outboxes(epoch)).unwrap();
        store.published(permit).unwrap();
    }
}

fn commit_snapshot(store: &mut Store<Objects>, epoch: u64) {
    let engine = store.put("engine", b"watermarks").unwrap();
    let operator = store.put("count", format!("state at {epoch}").as_bytes()).unwrap();
    let mut record = Record { snapshot: Some(snapshot(engine, operator)), ..record(epoch, store.generation()) };
    record.published_through = Epoch(epoch - 1);
    let permit = store.commit(&record, &outboxes(epoch)).unwrap();
    store.published(permit).unwrap();
}

fn look(objects: &Objects) -> Result<(), CheckpointError> {
    read::segment_numbers(objects).and_then(|numbers| read::read(objects, &numbers)).map(drop)
}

#[test]
fn an_epoch_costs_one_put_and_one_look() {
    let bucket = Faulty::new();
    let (mut store, _) = opened(&bucket, Take::Continue).unwrap();
    let before = bucket.requests();
    commit(&mut store, 1..=10);
    assert_eq!(bucket.requests() - before, 20);
}

#[test]
fn committed_epochs_are_found_again_in_a_bucket() {
    let bucket = Faulty::new();
    let (mut store, found) = opened(&bucket, Take::Continue).unwrap();
    assert_eq!((found.last, found.generation, found.next_epoch), (None, 1, Epoch::FIRST));
    commit(&mut store, 1..=100);
    drop(store);
    let (mut store, found) = opened(&bucket, Take::Continue).unwrap();
    assert_eq!(found.last, Some(record(100, 1)));
    assert_eq!((found.again.len(), found.generation, found.next_epoch), (100, 2, Epoch(101)));
    assert_eq!(found.republish.len(), 2, "what the last record does not know to be published");
    commit(&mut store, [101]);
    store.close().unwrap();
    let (_, found) = opened(&bucket, Take::Continue).unwrap();
    assert!(found.is_closed && found.republish.is_empty());
    assert!(!opened(&bucket, Take::Continue).unwrap().1.is_closed);
}

#[test]
fn what_is_needed_no_more_is_collected_and_the_rest_is_found_without_a_listing() {
    let bucket = Faulty::new();
    let (mut store, _) = opened(&bucket, Take::Continue).unwrap();
    let old = bucket.process().with_old_listings();
    for epoch in 1..=60 {
        if epoch % 10 == 0 { commit_snapshot(&mut store, epoch) } else { commit(&mut store, [epoch]) }
    }
    let collected = store.collect(&Retain { epochs: 25, time: Duration::ZERO }).unwrap();
    assert_eq!((collected.segments, collected.files), (30, 4), "the claim and epochs 1 to 29");
    drop(store);
    let (_, found) = opened(&old, Take::Continue).unwrap();
    assert_eq!((found.base.unwrap().epoch, found.next_epoch), (Epoch(60), Epoch(61)));
}

#[test]
fn a_bucket_that_was_collected_in_part_is_swept_by_the_next_process() {
    let bucket = Faulty::new();
    let (mut store, _) = opened(&bucket, Take::Continue).unwrap();
    commit(&mut store, 1..=9);
    commit_snapshot(&mut store, 10);
    let removed = bucket.content("job/journal/0000000003.log").unwrap();
    store.collect(&Retain { epochs: 0, time: Duration::ZERO }).unwrap();
    drop(store);
    // As if the process had been killed after it raised the floor.
    bucket.objects().put_new("journal/0000000003.log", &removed).unwrap();
    let floor = Floor { first: 11, swept: 1 };
    let (_, before) = bucket.objects().floor().unwrap();
    put::put(&bucket, "job/journal/first", &floor.encode(), &before).unwrap();
    let (mut store, found) = opened(&bucket, Take::Continue).unwrap();
    assert_eq!(found.next_epoch, Epoch(11));
    commit(&mut store, 11..=19);
    commit_snapshot(&mut store, 20);
    store.collect(&Retain { epochs: 0, time: Duration::ZERO }).unwrap();
    assert_eq!(bucket.content("job/journal/0000000003.log"), None);
}

#[test]
fn a_process_that_lost_the_job_neither_commits_nor_collects() {
    let bucket = Faulty::new();
    let (mut zombie, _) = opened(&bucket, Take::Continue).unwrap();
    commit(&mut zombie, 1..=2);
    let (mut sleeper, _) = opened(&bucket, Take::Continue).unwrap();
    let (mut store, found) = opened(&bucket, Take::Continue).unwrap();
    assert_eq!(found.generation, 3);
    assert!(matches!(zombie.collect(&Retain::default()), Err(CheckpointError::Fenced { .. })));
    assert!(matches!(zombie.commit(&record(3, 1), &[]), Err(CheckpointError::Poisoned { .. })));
    for epoch in 3..=40 {
        commit_snapshot(&mut store, epoch);
    }
    store.collect(&Retain { epochs: 0, time: Duration::ZERO }).unwrap();
    // The name of its next frame is free again.
    assert!(matches!(sleeper.commit(&record(3, 2), &[]), Err(CheckpointError::Fenced { .. })));
    commit(&mut store, [41]);
    drop(store);
    assert_eq!(opened(&bucket, Take::Continue).unwrap().1.next_epoch, Epoch(42));
}

#[test]
fn every_changed_byte_of_the_journal_is_named() {
    let bucket = Faulty::new();
    let (mut store, _) = opened(&bucket, Take::Continue).unwrap();
    commit(&mut store, 1..=2);
    commit_snapshot(&mut store, 3);
    commit(&mut store, 4..=5);
    store.collect(&Retain { epochs: 0, time: Duration::ZERO }).unwrap();
    drop(store);
    let journal: Vec<String> = bucket.keys().into_iter().filter(|key| key.contains("journal/")).collect();
    assert_eq!(journal.len(), 4, "three epochs, and the floor");
    let mut changes = 0;
    for key in journal {
        for offset in 0..bucket.content(&key).unwrap().len() {
            bucket.flip(&key, offset, 0x01);
            let read = look(&bucket.objects()).unwrap_err();
            let CheckpointError::Damaged { file, .. } = &read else { panic!("{key} at {offset}: {read}") };
            assert_eq!(file, &format!("s3://bucket/{key}"), "byte {offset}");
            bucket.flip(&key, offset, 0x01);
            changes += 1;
        }
    }
    println!("{changes} changed bytes");
    assert!(look(&bucket.objects()).is_ok() && changes > 500);
    bucket.flip("job/journal/first", 3, 0x10);
    assert_eq!(opened(&bucket, Take::Continue).unwrap_err().code(), Code::CheckpointDamaged);
    drop(opened(&bucket, Take::Fresh).unwrap());
    assert_eq!(opened(&bucket, Take::Continue).unwrap().1.next_epoch, Epoch::FIRST);
}

#[test]
fn a_missing_segment_is_damage_and_starting_over_mends_it() {
    let bucket = Faulty::new();
    let (mut store, _) = opened(&bucket, Take::Continue).unwrap();
    commit(&mut store, 1..=9);
    drop(store);
    bucket.remove_object("job/journal/0000000005.log");
    let error = opened(&bucket, Take::Continue).unwrap_err();
    assert_eq!(error.code(), Code::CheckpointDamaged);
    let said = format!("{error}: {:?}", std::error::Error::source(&error));
    assert!(said.contains("journal/0000000005.log is missing"), "{said}");
    let (mut store, found) = opened(&bucket, Take::Fresh).unwrap();
    assert_eq!(found.next_epoch, Epoch::FIRST);
    commit(&mut store, 1..=3);
    drop(store);
    assert_eq!(opened(&bucket, Take::Continue).unwrap().1.next_epoch, Epoch(4));
}

#[test]
fn a_checkpoint_that_was_copied_goes_on() {
    let bucket = Faulty::new();
    let (mut store, _) = opened(&bucket, Take::Continue).unwrap();
    for epoch in 1..=30 {
        commit_snapshot(&mut store, epoch);
    }
    store.collect(&Retain { epochs: 3, time: Duration::ZERO }).unwrap();
    drop(store);
    let other = Faulty::new();
    for key in bucket.keys() {
        let bytes = bucket.content(&key).unwrap();
        put::put(&other, &key, &bytes, &Before::Nothing).unwrap();
    }
    let (mut store, found) = opened(&other, Take::Continue).unwrap();
    assert_eq!((found.base.unwrap().epoch, found.next_epoch), (Epoch(30), Epoch(31)));
    commit_snapshot(&mut store, 31);
    store.collect(&Retain { epochs: 0, time: Duration::ZERO }).unwrap();
}

#[test]
fn starting_over_forgets_what_was_committed() {
    let bucket = Faulty::new();
    let (mut store, _) = opened(&bucket, Take::Continue).unwrap();
    commit_snapshot(&mut store, 1);
    drop(store);
    let (store, found) = opened(&bucket, Take::Fresh).unwrap();
    assert_eq!((found.generation, found.next_epoch), (2, Epoch::FIRST));
    drop(store);
    assert_eq!(bucket.keys(), ["job/journal/0000000003.log", "job/journal/first"]);
}

/// A store that takes conditions and does not heed them.
struct Heedless(Faulty);

impl Bucket for Heedless {
    fn put(&self, key: &str, bytes: &[u8], before: &Before) -> Result<object_store::UpdateVersion, bucket::Failure> {
        match self.0.put(key, bytes, before) {
            Err(bucket::Failure::Conflict) => {
                let found = self.0.get(key, u64::MAX)?;
                self.0.put(key, bytes, &found.map_or(Before::Nothing, |found| Before::Version(found.version)))
            }
            other => other,
        }
    }

    fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Found>, bucket::Failure> {
        self.0.get(key, bytes_max)
    }

    fn get_all(&self, keys: &[String], bytes_max: u64) -> Result<Vec<Option<Found>>, bucket::Failure> {
        self.0.get_all(keys, bytes_max)
    }

    fn exists(&self, key: &str) -> Result<bool, bucket::Failure> {
        self.0.exists(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, bucket::Failure> {
        self.0.list(prefix)
    }

    fn remove(&self, keys: &[String]) -> Result<(), bucket::Failure> {
        self.0.remove(keys)
    }
}

#[test]
fn a_store_without_conditional_puts_is_refused() {
    let url = ObjectsUrl::parse("s3://bucket/job").unwrap();
    let heedless = Objects::new(Box::new(Heedless(Faulty::new())), url);
    let error = open::open(heedless, Take::Continue, holder(), 1 << 20).unwrap_err();
    assert_eq!(error.code(), Code::CheckpointUnusable);
    assert!(error.to_string().contains("If-None-Match"), "{error}");
}

#[test]
fn a_log_of_an_input_is_refused() {
    let (store, _) = opened(&Faulty::new(), Take::Continue).unwrap();
    let error = store.input_log("clicks", None).map(drop).unwrap_err();
    assert_eq!(error.code(), Code::CheckpointUnusable);
    assert!(error.to_string().contains("source `clicks`"), "{error}");
}

#[test]
fn a_refusal_names_the_key_and_the_way_out() {
    let bucket = Faulty::new();
    let (mut store, _) = opened(&bucket, Take::Continue).unwrap();
    let next = bucket.requests();
    drop(bucket.clone().with_fault(next, Fault::Refused));
    let error = store.commit(&record(1, 1), &[]).unwrap_err();
    assert!(error.to_string().contains("s3://bucket/job/journal/0000000002.log"), "{error}");
    assert!(error.help().unwrap().contains("AWS_ACCESS_KEY_ID"));
}
