use super::*;

/// Epochs from 1 on, two in a segment; those with a file of their name have a snapshot.
fn records(snapshots: &[&str]) -> Vec<Kept> {
    let kept = |(index, name): (usize, &&str)| Kept {
        epoch: Epoch(index as u64 + 1),
        segment: index as u64 / 2,
        has_snapshot: !name.is_empty(),
        files: if name.is_empty() { vec!["table".into()] } else { vec![(*name).to_owned(), "table".into()] },
        inputs: Vec::new(),
    };
    snapshots.iter().enumerate().map(kept).collect()
}

const ALL: u64 = u64::MAX;

#[test]
fn what_comes_before_the_newest_snapshot_goes() {
    let garbage = choose(&records(&["a", "", "", "b", "", "c", ""]), 0, ALL);
    assert_eq!(
        garbage,
        Garbage { segments_before: 2, epochs_before: 6, files: vec!["a".into(), "b".into()], ..Garbage::default() }
    );
}

#[test]
fn the_last_epochs_can_be_computed_again() {
    let records = records(&["a", "", "", "b", "", "c", ""]);
    // Epoch 7 alone: from the snapshot of 6. Epochs 6 and 7: from that of 4.
    assert_eq!(choose(&records, 1, ALL).epochs_before, 6);
    assert_eq!(choose(&records, 2, ALL).epochs_before, 4);
    assert_eq!(choose(&records, 3, ALL).epochs_before, 4);
    assert_eq!(choose(&records, 4, ALL), Garbage { epochs_before: 1, ..Garbage::default() });
    assert_eq!(choose(&records, 100, ALL), Garbage::default());
}

#[test]
fn what_may_not_be_visible_stays() {
    let records = records(&["a", "", "", "b", "", "c", ""]);
    assert_eq!(choose(&records, 0, 5).epochs_before, 6, "the outputs of 6 are not visible, and it stays");
    assert_eq!(choose(&records, 0, 4).epochs_before, 4);
    assert_eq!(choose(&records, 0, 0).epochs_before, 1);
}

#[test]
fn without_a_snapshot_everything_stays() {
    assert_eq!(choose(&records(&["", "", ""]), 0, ALL), Garbage::default());
    assert_eq!(choose(&[], 0, ALL), Garbage::default());
}

#[test]
fn a_file_that_a_later_record_names_stays() {
    let garbage = choose(&records(&["same", "", "same"]), 0, ALL);
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
    let garbage = choose(&records, 3, ALL);
    assert_eq!((garbage.epochs_before, garbage.inputs_before), (4, vec![("in".into(), 30)]));
    assert_eq!(garbage.inputs_kept, ["new"], "the snapshot does not know it");
    let garbage = choose(&records, 0, ALL);
    assert_eq!(garbage.inputs_before, [("in".into(), 50), ("new".into(), 0)]);
    assert!(garbage.inputs_kept.is_empty());
}
