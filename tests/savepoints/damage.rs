//! Savepoints that are damaged, and processes that are killed while they make or restore one.

use std::fs;

use pelton::job::savepoint::Savepoint;

use super::{ALL, EPOCH, TUMBLING, compare, forget_there, place::Place, plain, there};

/// A job that has ended, with a savepoint of half of it.
fn saved(name: &str, graph: &str) -> Place {
    let place = Place::new(name, graph, "csv");
    place.run();
    let epoch = EPOCH.to_string();
    place.pelton(&["savepoint", "create", "job.toml", "--name", "half", "--epoch", &epoch]).done();
    place
}

#[test]
fn every_byte_that_is_flipped_is_refused_and_every_cut() {
    let place = saved("flipped", ALL);
    let path = place.path().join("state/savepoints/half.savepoint");
    let whole = fs::read(&path).unwrap();
    assert!(Savepoint::decode(&whole, "half").is_ok() && whole.len() > 1_000, "{} bytes", whole.len());
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(Savepoint::decode(&flipped, "half").is_err(), "byte {at}");
        if at % 16 == 0 {
            assert!(Savepoint::decode(&whole[..at], "half").is_err(), "cut at {at}");
        }
    }
    // The same by the binary, where it is read: nothing is begun.
    there(&place, 3);
    for at in (0..whole.len()).step_by(whole.len() / 12) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x20;
        place.write("flipped.savepoint", &flipped);
        fs::write(&path, &flipped).unwrap();
        let refusals = [
            place.pelton(&["savepoint", "show", "job.toml", "half"]),
            place.pelton(&["savepoint", "export", "job.toml", "half", "--to", "copy.savepoint"]),
            place.pelton(&["savepoint", "restore", "job.toml", "half", "--yes"]),
            place.pelton(&["savepoint", "restore", "there.toml", "--from", "flipped.savepoint"]),
            place.pelton(&["savepoint", "import", "there.toml", "flipped.savepoint"]),
        ];
        for refused in refusals {
            refused.refused(1, "PELTON-0708");
        }
        let listed = place.pelton(&["savepoint", "list", "job.toml"]).done().out;
        assert!(listed.contains("is damaged") || listed.contains("newer"), "{listed}");
    }
    assert!(!place.path().join("there").exists() && !place.path().join("copy.savepoint").exists());
    // The job's own checkpoint is as it was.
    place.pelton(&["checkpoint", "verify", "state"]).done();
    place.pelton(&["run", "job.toml"]).done();
}

#[test]
fn a_kill_while_one_is_made_leaves_none_of_its_name() {
    let place = saved("made", TUMBLING);
    let epoch = EPOCH.to_string();
    let create = ["savepoint", "create", "job.toml", "--name", "second", "--epoch", &epoch];
    let killed = place.command(&create).env("PELTON_FAILPOINT", "drafted").output().unwrap();
    assert!(!killed.status.success() && killed.status.code().is_none(), "{killed:?}");
    let listed = place.pelton(&["savepoint", "list", "job.toml"]).done().out;
    assert!(listed.contains("half") && !listed.contains("second"), "{listed}");
    place.pelton(&["savepoint", "show", "job.toml", "second"]).refused(3, "PELTON-0710");
    place.pelton(&create).done();
    place.pelton(&["savepoint", "show", "job.toml", "second"]).done();
    let files: Vec<_> = fs::read_dir(place.path().join("state/savepoints")).unwrap().collect();
    assert_eq!(files.len(), 2, "nothing is left of the one that was killed: {files:?}");
}

#[test]
fn a_kill_while_one_is_restored_is_named_until_it_is_restored_again() {
    let place = saved("restored", ALL);
    place.pelton(&["savepoint", "export", "job.toml", "half", "--to", "half.savepoint"]).done();
    there(&place, 6);
    let restore = ["savepoint", "restore", "there.toml", "--from", "half.savepoint", "--yes"];
    // Into nothing, and into a checkpoint that another run has left.
    for begins_with in ["nothing", "a checkpoint"] {
        for fail in ["restoring", "refilled", "restored"] {
            forget_there(&place);
            if begins_with == "a checkpoint" {
                place.pelton(&["run", "there.toml"]).done();
                fs::remove_dir_all(place.path().join("out-there")).unwrap();
            }
            let killed = place.command(&restore).env("PELTON_FAILPOINT", fail).output().unwrap();
            assert_eq!(killed.status.code(), None, "{fail}: {killed:?}");
            if fail != "restored" {
                // Nobody goes on from half of it, and nobody starts over without being asked.
                for args in [["run", "there.toml"], ["run", "there.toml"]] {
                    place.pelton(&args).refused(1, "PELTON-0711");
                }
                place.pelton(&["checkpoint", "inspect", "there"]).refused(1, "PELTON-0711");
                place.pelton(&["savepoint", "create", "there.toml", "--name", "x"]).refused(1, "PELTON-0711");
                assert!(!place.path().join("out-there").join("part-00000.csv").exists());
                place.pelton(&restore).done();
            }
            place.pelton(&["run", "there.toml", "--threads", "2"]).done();
            compare(&place, &format!("killed at {fail}, into {begins_with}"), false);
        }
    }
    // Or one starts over, and says so.
    let killed = place.command(&restore).env("PELTON_FAILPOINT", "refilled").output().unwrap();
    assert_eq!(killed.status.code(), None);
    let _ = fs::remove_dir_all(place.path().join("out-there"));
    place.pelton(&["run", "there.toml", "--fresh", "--yes"]).done();
}

#[test]
fn a_savepoint_is_the_way_out_of_a_damaged_checkpoint() {
    let place = saved("way-out", TUMBLING);
    let journal = place.path().join("state/journal");
    let segment = fs::read_dir(&journal).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[200] ^= 4;
    fs::write(&segment, bytes).unwrap();
    let said = place.pelton(&["run", "job.toml"]).refused(1, "PELTON-0703");
    assert!(plain(&said.err).contains("pelton savepoint restore"), "{said:?}");
    assert!(place.pelton(&["savepoint", "list", "job.toml"]).done().out.contains("half"));
    place.pelton(&["savepoint", "restore", "job.toml", "half"]).refused(3, "--yes");
    place.pelton(&["savepoint", "restore", "job.toml", "half", "--yes"]).done();
    // The sink has what was published, and will not write over it.
    place.pelton(&["run", "job.toml"]).refused(1, "PELTON-0401");
    fs::rename(place.path().join("out"), place.path().join("out-before")).unwrap();
    place.pelton(&["run", "job.toml"]).done();
    fs::rename(place.path().join("out"), place.path().join("out-there")).unwrap();
    fs::rename(place.path().join("out-before"), place.path().join("out")).unwrap();
    compare(&place, "after damage", true);
}
