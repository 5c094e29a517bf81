//! Damage in what a replay needs: named, never taken for something else.

use std::fs;

use super::{TUMBLING, place::Place};

#[test]
fn input_that_is_gone_or_changed_is_named() {
    let place = Place::new("tumbling", TUMBLING, "csv");
    place.run();
    let file = place.path().join("bids/03.csv");
    let whole = fs::read(&file).unwrap();
    // Epoch 4 read it; its state takes it for later ones.
    fs::remove_file(&file).unwrap();
    let said = place.replay(4, &[]);
    assert!(said.code == Some(1) && said.out.contains("bids/03.csv") && said.out.contains("PELTON-0202"), "{said:?}");
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let said = place.replay(4, &[]).refused(1, "bids/03.csv");
    assert!(said.out.contains("shorter now"), "{said:?}");
    // As long as it was, and not the same.
    let changed: Vec<u8> = whole.iter().map(|byte| if *byte == b'7' { b'8' } else { *byte }).collect();
    fs::write(&file, changed).unwrap();
    let (_, last) = place.replayable();
    let said = place.pelton(&["replay", "job.toml", "--epoch", &last.to_string(), "--output", "json"]);
    let of_four = place.replay(4, &[]);
    let found = [said.json(), of_four.json()];
    assert!(found.iter().any(|found| found["same"] == false && found["changed"][0] == "bids/03.csv"), "{found:?}");
    let said =
        place.pelton(&["verify", "job.toml", "--all"]).refused(1, "changed since, which may be why: bids/03.csv");
    assert!(said.out.contains("no operator was found"), "{said:?}");
    fs::write(&file, whole).unwrap();
    assert_eq!(place.replay(4, &[]).done().json()["same"], true);
}

#[test]
fn a_record_or_a_snapshot_that_is_damaged_is_named() {
    let place = Place::numbers("snapshots = \"50ms\"\nreplay = { retain = \"1h\" }");
    place.run();
    let journal = fs::read_dir(place.path().join("state/journal")).unwrap().map(|entry| entry.unwrap().path());
    let journal = journal.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let whole = fs::read(&journal).unwrap();
    let mut damaged = whole.clone();
    // In the payload of an early frame.
    damaged[2_000] ^= 1;
    fs::write(&journal, damaged).unwrap();
    let name = journal.file_name().unwrap().to_str().unwrap();
    let said = place.replay(3, &[]).refused(1, "PELTON-0703");
    assert!(said.out.contains(name), "{said:?}");
    place.pelton(&["verify", "job.toml"]).refused(1, "PELTON-0703");
    fs::write(&journal, whole).unwrap();

    let inspection = pelton::checkpoint::inspect::inspect(&place.path().join("state")).unwrap();
    let mut bases = inspection.records.iter().filter(|record| record.snapshot.is_some());
    let (base, next) = (bases.next().unwrap(), bases.next().expect("two snapshots"));
    assert!(base.epoch.0 < next.epoch.0);
    let state = &base.snapshot.as_ref().unwrap().operators[0].partitions[0].name;
    let path = place.path().join("state").join(state);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let epoch = base.epoch.0 + 1;
    place.replay(epoch, &[]).refused(1, state);
    // Epochs that begin elsewhere do not need it.
    place.replay(base.epoch.0, &[]).done();
}
