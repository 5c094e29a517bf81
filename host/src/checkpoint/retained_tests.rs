//! What is retained is there with all that it takes, whatever was committed and collected before; and no more is kept than that.

use std::{path::Path, time::Duration};

use pelton_core::checkpoint::retain::Retain;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    super::{
        Store, Take, open,
        testing::{holder, outboxes, record, snapshot, table},
    },
    *,
};

/// Small segments, so that there are several.
fn small(path: &Path) -> Store {
    let (disk, _) = Place::claim(&path.into()).unwrap();
    open::open(disk, Take::Continue, holder(), 4096).unwrap().0
}

fn files(path: &Path) -> usize {
    std::fs::read_dir(path.join("files")).unwrap().count()
}

#[test]
fn every_epoch_that_is_retained_has_what_it_takes() {
    for seed in 0..12 {
        let mut random = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let mut store = small(folder.path());
        let (mut snapshots, mut rows, mut held) = (Vec::new(), None, 1);
        let last = random.random_range(5..30);
        for epoch in 1..=last {
            let mut committed = record(epoch, store.generation());
            committed.published_through = Epoch(epoch - 1);
            if rows.is_none() || random.random_ratio(1, 6) {
                rows = Some(store.put("table", format!("rows {epoch}").as_bytes()).unwrap());
            }
            committed.tables = rows.clone().map(table).into_iter().collect();
            let saves = random.random_ratio(1, 4);
            if saves {
                let engine = store.put("engine", b"watermarks").unwrap();
                let state = store.put("state", format!("state at {epoch}").as_bytes()).unwrap();
                committed.snapshot = Some(snapshot(engine, state));
                snapshots.push(epoch);
            }
            let permit = store.commit(&committed, &outboxes(epoch)).unwrap();
            store.published(permit).unwrap();
            // Epochs of these tests are a µs apart.
            let (epochs, time) = (random.random_range(0..12), Duration::from_micros(random.random_range(0..12)));
            let retain = Retain { epochs, time };
            if saves {
                store.collect(&retain).unwrap();
                let keeps = epochs.max(if time.is_zero() { 0 } else { time.as_micros() as u64 + 1 }).min(epoch);
                let retained = Retained::open(folder.path()).unwrap();
                // What an earlier collection did not have to keep may be gone.
                held = held.max(epoch - keeps + 1);
                for wanted in held..=epoch {
                    let stretch = retained.stretch(Epoch(wanted), 0).unwrap();
                    let whole = stretch.unwrap_or_else(|| panic!("seed {seed}: {retain:?} keeps {wanted} of {epoch}"));
                    check(&retained, &whole, wanted);
                }
            }
            if random.random_ratio(1, 10) {
                drop(store);
                store = small(folder.path());
            }
        }
        let retained = Retained::open(folder.path()).unwrap();
        for epoch in 1..=last {
            let more = random.random_range(0..9);
            if let Some(stretch) = retained.stretch(Epoch(epoch), 0).unwrap() {
                check(&retained, &stretch, epoch);
                let longer = retained.stretch(Epoch(epoch), more).unwrap().expect("as well");
                check(&retained, &longer, epoch);
                let begins = |stretch: &Stretch| stretch.again.first().map(|record| record.epoch);
                let first = retained.replayable().unwrap().0;
                assert!(begins(&longer) <= begins(&stretch) && begins(&longer) >= Some(first));
                assert!(begins(&longer).unwrap() == first || epoch - begins(&longer).unwrap().0 >= more, "seed {seed}");
            }
        }
        assert!(
            retained.stretch(Epoch(last + 1), 0).unwrap().is_none() && retained.stretch(Epoch(0), 0).unwrap().is_none()
        );
        if let Some(newest) = snapshots.last().filter(|newest| **newest == last) {
            store.collect(&Retain { epochs: 0, time: Duration::ZERO }).unwrap();
            let retained = Retained::open(folder.path()).unwrap();
            assert_eq!(retained.replayable(), None, "seed {seed}: only the state of {newest} is left");
            assert!(files(folder.path()) <= 3, "seed {seed}: its two files and a table");
        }
    }
}

/// From the newest snapshot before the epoch that is there, without a gap, every file as it was written.
fn check(retained: &Retained, stretch: &Stretch, epoch: u64) {
    let first = stretch.base.as_ref().map_or(1, |base| base.epoch.0 + 1);
    let epochs: Vec<u64> = stretch.again.iter().map(|record| record.epoch.0).collect();
    assert_eq!(epochs, (first..=epoch).collect::<Vec<_>>());
    let snapshot = stretch.base.iter().flat_map(|base| &base.snapshot);
    for file in snapshot.flat_map(|snapshot| snapshot.operators.iter().flat_map(|operator| &operator.partitions)) {
        let state = String::from_utf8(retained.get(file).unwrap()).unwrap();
        assert_eq!(state, format!("state at {}", first - 1));
    }
    for table in stretch.again.iter().flat_map(|record| &record.tables) {
        assert!(retained.get(&table.rows).unwrap().starts_with(b"rows "));
    }
}
