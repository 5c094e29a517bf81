//! A small job on the model's disk, and the world in which its outputs appear: what must hold whatever happens is checked here.
//!
//! Each attempt at an epoch has a number of its own, which the record, the outbox and the state carry: computing an epoch again in
//! another way than it was committed is seen at once. The world takes an output twice, but never two different ones.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use pelton_core::{
    checkpoint::{record::Record, retain::Retain},
    model::Epoch,
};

use super::{
    CheckpointError, CommitPermit, Recovered, Take,
    disk::Disk,
    model::{Memory, Omission},
    open::open,
    store::Store,
    testing::{holder, record, snapshot},
};

pub(super) const SEGMENT_BYTES: u64 = 2048;
const SNAPSHOT_EVERY: u64 = 3;

/// What a job does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    None,
    Omits(Omission),
    PublishesFirst,
    /// Takes the newest snapshot for the state, without the epochs after it.
    ForgetsAgain,
    PublishesNothingAgain,
    /// Syncs once more after a sync that failed, and believes the answer.
    SyncsTwice,
    /// Collects as if everything were published for good.
    CollectsEarly,
}

/// What is known outside, in which nothing is ever forgotten.
#[derive(Clone, Default)]
pub(super) struct World(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    attempts: i64,
    /// The attempt that was committed, by epoch, as far as a process was told.
    committed: BTreeMap<u64, i64>,
    /// The attempt whose output is visible.
    visible: BTreeMap<u64, i64>,
    generation: u64,
    violations: Vec<String>,
}

impl World {
    pub(super) fn violations(&self) -> Vec<String> {
        self.0.lock().unwrap().violations.clone()
    }

    pub(super) fn fail(&self, violation: String) {
        self.0.lock().unwrap().violations.push(violation);
    }

    fn attempt(&self) -> i64 {
        let mut known = self.0.lock().unwrap();
        known.attempts += 1;
        known.attempts
    }

    fn commit(&self, epoch: Epoch, attempt: i64) {
        let before = self.0.lock().unwrap().committed.insert(epoch.0, attempt);
        if before.is_some_and(|before| before != attempt) {
            self.fail(format!("epoch {epoch} was committed by attempt {before:?} and again by {attempt}"));
        }
    }

    fn publish(&self, epoch: Epoch, attempt: i64) {
        let before = self.0.lock().unwrap().visible.insert(epoch.0, attempt);
        if before.is_some_and(|before| before != attempt) {
            self.fail(format!("epoch {epoch} was published by attempt {before:?} and again by {attempt}"));
        }
    }

    /// What was committed is found, and the state is that of all attempts committed.
    fn recovered(&self, found: &Recovered, state: u64) {
        if found.generation < self.0.lock().unwrap().generation {
            // Another process has taken over since; what this one does from now on is checked.
            return;
        }
        let last = found.last.as_ref().map_or(0, |last| last.epoch.0);
        for record in found.base.iter().chain(&found.again).chain(&found.last) {
            self.commit(record.epoch, record.now);
        }
        let mut known = self.0.lock().unwrap();
        let newest = known.committed.last_key_value().map_or(0, |(epoch, _)| *epoch);
        let expected = known.committed.values().fold(0, |state, attempt| fold(state, *attempt));
        let mut violations = Vec::new();
        if newest != last {
            violations.push(format!("epoch {newest} was committed, and {last} is found to be the last"));
        }
        if state != expected {
            violations.push("the state is not that of the epochs that were committed".to_owned());
        }
        if found.generation == known.generation {
            violations.push(format!("there are two generations {}", found.generation));
        }
        known.generation = found.generation;
        known.violations.extend(violations);
    }

    /// Everything that was committed is visible, and nothing else.
    pub(super) fn check_end(&self, epochs: u64) {
        let mut known = self.0.lock().unwrap();
        if known.visible != known.committed || known.visible.len() as u64 != epochs {
            let violation = format!("committed {:?}, and visible {:?}", known.committed, known.visible);
            known.violations.push(violation);
        }
    }
}

fn fold(state: u64, attempt: i64) -> u64 {
    state.wrapping_mul(1_000_003).wrapping_add(attempt as u64)
}

/// Runs the job up to an epoch, from whatever is on the disk. An error that no fault explains is a violation.
pub(super) fn run(disk: &Memory, world: &World, epochs: u64, mistake: Mistake) {
    run_on(disk.clone(), &|| disk.is_faulty(), world, epochs, mistake);
}

/// The same on any disk.
pub(super) fn run_on<D: Disk>(disk: D, is_faulty: &dyn Fn() -> bool, world: &World, epochs: u64, mistake: Mistake) {
    if let Err(error) = try_run(disk, world, epochs, mistake)
        && !is_faulty()
        && !matches!(error, CheckpointError::Fenced { .. } | CheckpointError::Poisoned { .. })
    {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        world.fail(format!("{error}: {cause:?}"));
    }
}

fn try_run<D: Disk>(disk: D, world: &World, epochs: u64, mistake: Mistake) -> Result<(), CheckpointError> {
    let (mut store, mut found) = open(disk, Take::Continue, holder(), SEGMENT_BYTES)?;
    let mut state = recover(&store, &found, mistake)?;
    world.recovered(&found, state);
    for committed in std::mem::take(&mut found.republish) {
        if mistake != Mistake::PublishesNothingAgain {
            let attempt = committed.record.now;
            if committed.outboxes != [attempt.to_le_bytes().to_vec()] {
                world.fail(format!("the outbox of epoch {} is another's", committed.record.epoch));
            }
            world.publish(committed.record.epoch, attempt);
        }
        store.published(committed.permit)?;
    }
    // As in a run, an epoch is published while the next one is computed.
    let mut waiting = None;
    for epoch in found.next_epoch.0..=epochs {
        let attempt = world.attempt();
        state = fold(state, attempt);
        let permit = commit(&mut store, world, (epoch, attempt), state, mistake)?;
        world.commit(Epoch(epoch), attempt);
        publish(&mut store, world, waiting.replace((permit, attempt)))?;
        if epoch % SNAPSHOT_EVERY == 0 {
            if mistake == Mistake::CollectsEarly {
                store.published_durable = u64::MAX - 1;
            }
            store.collect(&Retain { epochs: epoch % 2, time: Duration::ZERO })?;
        }
    }
    publish(&mut store, world, waiting)?;
    store.close()
}

fn publish<D: Disk>(
    store: &mut Store<D>,
    world: &World,
    waiting: Option<(CommitPermit, i64)>,
) -> Result<(), CheckpointError> {
    let Some((permit, attempt)) = waiting else { return Ok(()) };
    world.publish(permit.epoch(), attempt);
    store.published(permit)
}

fn recover<D: Disk>(store: &Store<D>, found: &Recovered, mistake: Mistake) -> Result<u64, CheckpointError> {
    let snapshot = found.base.as_ref().and_then(|base| base.snapshot.as_ref());
    let file = snapshot.and_then(|snapshot| snapshot.operators.first()?.partitions.first());
    let state = file.map(|file| store.get(file)).transpose()?;
    let state = state.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().expect("a state has 8 bytes")));
    if mistake == Mistake::ForgetsAgain {
        return Ok(state);
    }
    Ok(found.again.iter().fold(state, |state, record| fold(state, record.now)))
}

fn commit<D: Disk>(
    store: &mut Store<D>,
    world: &World,
    (epoch, attempt): (u64, i64),
    state: u64,
    mistake: Mistake,
) -> Result<CommitPermit, CheckpointError> {
    let mut record = Record { now: attempt, ..record(epoch, store.generation()) };
    if epoch % SNAPSHOT_EVERY == 0 {
        let engine = store.put("engine", b"watermarks")?;
        record.snapshot = Some(snapshot(engine, store.put("count", &state.to_le_bytes())?));
    }
    if mistake == Mistake::PublishesFirst {
        world.publish(Epoch(epoch), attempt);
    }
    let outboxes = [attempt.to_le_bytes().to_vec()];
    match store.commit(&record, &outboxes) {
        Err(_) if mistake == Mistake::SyncsTwice && store.poison.take().is_some() => {
            store.sync()?;
            store.next_epoch = Epoch(epoch + 1);
            Ok(CommitPermit::new(Epoch(epoch)))
        }
        other => other,
    }
}
