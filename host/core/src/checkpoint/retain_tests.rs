use super::*;
use crate::random::Random;

/// Epochs from 1 on, two in a segment; those with a file of their name have a snapshot.
fn records(snapshots: &[&str]) -> Vec<Kept> {
    let kept = |(index, name): (usize, &&str)| Kept {
        epoch: Epoch(index as u64 + 1),
        segment: index as u64 / 2,
        now: index as i64 * 1_000_000,
        has_snapshot: !name.is_empty(),
        files: if name.is_empty() { vec!["table".into()] } else { vec![(*name).to_owned(), "table".into()] },
        outbox: Vec::new(),
        inputs: Vec::new(),
    };
    snapshots.iter().enumerate().map(kept).collect()
}

const ALL: u64 = u64::MAX;

fn last(epochs: u64) -> Retain {
    Retain { epochs, time: Duration::ZERO }
}

#[test]
fn what_comes_before_the_newest_snapshot_goes() {
    let garbage = choose(&records(&["a", "", "", "b", "", "c", ""]), &last(0), ALL);
    assert_eq!(
        garbage,
        Garbage { segments_before: 2, epochs_before: 6, files: vec!["a".into(), "b".into()], ..Garbage::default() }
    );
}

#[test]
fn outboxes_go_once_they_are_published_and_not_before() {
    let mut records = records(&["a", "", "", ""]);
    for record in &mut records {
        record.outbox.push(format!("rows {}", record.epoch.0));
    }
    let files = |published| choose(&records, &last(100), published).files;
    assert_eq!(files(0), [""; 0]);
    assert_eq!(files(2), ["rows 1", "rows 2"]);
    assert_eq!(files(ALL).len(), 4);
}

#[test]
fn the_last_epochs_can_be_computed_again() {
    let records = records(&["a", "", "", "b", "", "c", ""]);
    // Epoch 7 alone: from the snapshot of 6. Epochs 6 and 7: from that of 4.
    assert_eq!(choose(&records, &last(1), ALL).epochs_before, 6);
    assert_eq!(choose(&records, &last(2), ALL).epochs_before, 4);
    assert_eq!(choose(&records, &last(3), ALL).epochs_before, 4);
    assert_eq!(choose(&records, &last(4), ALL), Garbage { epochs_before: 1, ..Garbage::default() });
    assert_eq!(choose(&records, &last(100), ALL), Garbage::default());
}

#[test]
fn what_may_not_be_visible_stays() {
    let records = records(&["a", "", "", "b", "", "c", ""]);
    assert_eq!(choose(&records, &last(0), 5).epochs_before, 6, "the outputs of 6 are not visible, and it stays");
    assert_eq!(choose(&records, &last(0), 4).epochs_before, 4);
    assert_eq!(choose(&records, &last(0), 0).epochs_before, 1);
}

#[test]
fn without_a_snapshot_everything_stays() {
    assert_eq!(choose(&records(&["", "", ""]), &last(0), ALL), Garbage::default());
    assert_eq!(choose(&[], &last(0), ALL), Garbage::default());
}

#[test]
fn a_file_that_a_later_record_names_stays() {
    let garbage = choose(&records(&["same", "", "same"]), &last(0), ALL);
    assert_eq!((garbage.epochs_before, garbage.files), (3, Vec::new()));
}

#[test]
fn rows_stay_in_the_log_that_a_snapshot_which_stays_is_not_behind() {
    let mut records = records(&["a", "", "", "b", "", "c", ""]);
    for (frame, record) in records.iter_mut().enumerate() {
        record.inputs = vec![("in".into(), 10 * frame as u64)];
        if frame >= 4 {
            record.inputs.push(("new".into(), 0));
        }
    }
    let garbage = choose(&records, &last(3), ALL);
    assert_eq!((garbage.epochs_before, garbage.inputs_before), (4, vec![("in".into(), 30)]));
    assert_eq!(garbage.inputs_kept, ["new"], "the snapshot does not know it");
    let garbage = choose(&records, &last(0), ALL);
    assert_eq!(garbage.inputs_before, [("in".into(), 50), ("new".into(), 0)]);
    assert!(garbage.inputs_kept.is_empty());
}

#[test]
fn what_is_younger_than_the_time_can_be_computed_again() {
    let records = records(&["a", "", "", "b", "", "c", ""]);
    let young = |seconds: u64, epochs| Retain { epochs, time: Duration::from_secs(seconds) };
    // Epoch 7 is of second 6.
    assert_eq!(choose(&records, &young(1, 0), ALL).epochs_before, 4, "epoch 6 is just young enough");
    assert_eq!(choose(&records, &young(2, 0), ALL).epochs_before, 4);
    assert_eq!(choose(&records, &young(3, 0), ALL).epochs_before, 1);
    assert_eq!(choose(&records, &young(1, 4), ALL).epochs_before, 1, "what keeps more counts");
    assert_eq!(choose(&records, &young(3_000, 0), ALL), Garbage::default());
}

#[test]
fn whatever_is_retained_what_it_takes_stays_and_the_rest_goes() {
    let mut random = Random::for_test("whatever_is_retained_what_it_takes_stays_and_the_rest_goes");
    for _ in 0..20_000 {
        let count = random.within(1, 41) as u64;
        let mut now = 0_i64;
        let all: Vec<Kept> = (1..=count)
            .map(|epoch| {
                // The clock is set back now and then.
                now += if random.once_in(12) { -3 } else { random.within(0, 4) };
                let has_snapshot = random.once_in(4);
                let own = has_snapshot.then(|| format!("state {epoch}"));
                let table = format!("table {}", epoch / 5);
                Kept {
                    epoch: Epoch(epoch),
                    segment: epoch / 3,
                    now,
                    has_snapshot,
                    files: own.into_iter().chain([table]).collect(),
                    outbox: Vec::new(),
                    inputs: Vec::new(),
                }
            })
            .collect();
        let retain =
            Retain { epochs: random.within(0, 20) as u64, time: Duration::from_micros(random.within(0, 30) as u64) };
        let garbage = choose(&all, &retain, ALL);
        let newest = all.last().unwrap();
        let since = newest.now - retain.time.as_micros() as i64;
        let first_young = all.iter().find(|kept| kept.now >= since).unwrap_or(newest).epoch.0;
        let by_time = if retain.time.is_zero() { u64::MAX } else { first_young };
        let oldest = by_time.min((newest.epoch.0 + 1).saturating_sub(retain.epochs));
        // Every epoch from the oldest on has a snapshot before it that stays with its files, and all records since; or all records.
        let base = all.iter().rfind(|kept| kept.has_snapshot && kept.epoch.0 < oldest.max(1));
        let base = base.map_or(1, |base| base.epoch.0);
        for kept in all.iter().filter(|kept| kept.epoch.0 >= base) {
            assert!(kept.segment >= garbage.segments_before, "{kept:?} {garbage:?} {retain:?}");
            assert!(kept.files.iter().all(|file| !garbage.files.contains(file)), "{kept:?} {garbage:?} {retain:?}");
        }
        // And nothing else is held.
        assert!(garbage.epochs_before == base || base == 1 && garbage == Garbage::default(), "{garbage:?} {base}");
        let needed = |file: &String| all.iter().any(|kept| kept.epoch.0 >= base && kept.files.contains(file));
        let old = all.iter().filter(|kept| kept.epoch.0 < base).flat_map(|kept| &kept.files);
        for file in old.filter(|file| !needed(file)) {
            assert!(garbage.files.contains(file), "{file} {garbage:?}");
        }
    }
}
