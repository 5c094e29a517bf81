//! No row is lost or there twice, whoever is killed and when.

use std::{env, fs, path::Path, process::Command, thread, time::Duration};

use pelton::failpoint;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    place::{Place, ended},
    server::Server,
};

const KEPT: &str = "checkpoint = \"state\"\nsnapshots = \"20ms\"\nbatch = { max-bytes = 1, rows = 256 }";
/// All rows in one epoch, too many for the journal.
const LARGE: &str = "checkpoint = \"state\"\nbatch = { interval = \"1h\", max-bytes = \"1GiB\" }";
const CREATED: &str = "create = true";
const UPSERT: &str = "create = true\nmode = \"upsert\"\nkey = \"item\"";

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn rows_go_in_once_with_a_checkpoint_and_without() {
    let Some(server) = Server::start() else { return };
    for top in ["", KEPT, LARGE] {
        let place = Place::new(&server, top, CREATED);
        place.begin_anew(&server);
        assert!(place.run_to_end(None), "{}", place.said());
        place.compare(&server, "inserted");
        let place = Place::new(&server, top, UPSERT);
        place.begin_anew(&server);
        assert!(place.run_to_end(None), "{}", place.said());
        place.compare_last(&server, "upserted");
        if top == KEPT {
            assert!(place.run_to_end(None), "a second run finds nothing to do");
            place.compare_last(&server, "upserted, and run again");
            assert_eq!(server.sql("SELECT job, sink, generation FROM pelton_commits"), "shop|out|2");
        }
    }
}

#[test]
fn nobody_can_tell_that_a_job_was_killed_at_a_fail_point() {
    let Some(server) = Server::start() else { return };
    let (mut fired, mut silent) = (0, Vec::new());
    for (top, sink) in [(KEPT, CREATED), (KEPT, UPSERT), (LARGE, CREATED)] {
        let place = Place::new(&server, top, sink);
        for point in failpoint::NAMES.into_iter().chain(failpoint::SERVER_NAMES) {
            for pass in [1, 4] {
                place.begin_anew(&server);
                // What happens in recovery alone needs something to recover from.
                if matches!(point, "republish" | "recover") {
                    fired += u64::from(!place.run_to_end(Some("commit:1")));
                }
                let what = format!("{top} {sink}: killed at {point}:{pass}");
                match place.run_to_end(Some(&format!("{point}:{pass}"))) {
                    true if pass == 1 && top == KEPT => silent.push(what.clone()),
                    true => {}
                    false => {
                        fired += 1;
                        assert!(place.run_to_end(None), "{what}: it does not go on");
                    }
                }
                if sink == UPSERT { place.compare_last(&server, &what) } else { place.compare(&server, &what) }
            }
        }
    }
    println!("{fired} kills at fail points");
    assert!(silent.is_empty(), "these never fired: {silent:?}");
}

#[test]
fn nobody_can_tell_that_a_job_was_killed_at_random_instants() {
    let Some(server) = Server::start() else { return };
    let seed = setting("PELTON_SEED", 7);
    let kills_each = setting("PELTON_KILLS", 20).div_ceil(2);
    let mut kills = 0;
    for sink in [CREATED, UPSERT] {
        let mut random = StdRng::seed_from_u64(seed);
        let place = Place::new(&server, KEPT, sink);
        place.begin_anew(&server);
        let started = std::time::Instant::now();
        assert!(place.run_to_end(None), "{}", place.said());
        let whole = started.elapsed();
        let mut of_sink = 0;
        while of_sink < kills_each {
            place.begin_anew(&server);
            while !place.run_for(whole.mul_f64(random.random_range(0.05..1.2)), None) {
                of_sink += 1;
                assert!(of_sink < kills_each + 200, "it never ends");
            }
            let what = format!("PELTON_SEED={seed}, {sink}, after {of_sink} kills");
            if sink == UPSERT { place.compare_last(&server, &what) } else { place.compare(&server, &what) }
        }
        kills += of_sink;
    }
    println!("{kills} kills at random instants");
}

#[test]
fn a_server_that_is_killed_again_and_again_loses_nothing() {
    let Some(mut server) = Server::start() else { return };
    let mut random = StdRng::seed_from_u64(setting("PELTON_SEED", 7));
    for sink in [CREATED, UPSERT] {
        let place = Place::new(&server, KEPT, sink);
        place.begin_anew(&server);
        let started = std::time::Instant::now();
        assert!(place.run_to_end(None), "{}", place.said());
        let whole = started.elapsed();
        let (mut kills, mut trial, trials) = (0, 0, setting("PELTON_KILLS", 20).div_ceil(20));
        // A job may come to its end before it is the server's turn.
        while trial < trials || kills == 0 {
            assert!(trial < trials + 100, "no kill came in time");
            trial += 1;
            place.begin_anew(&server);
            let mut process = place.start(None);
            let status = loop {
                let pause = whole.mul_f64(random.random_range(0.05..0.9));
                if let Some(status) = ended(&mut process, pause) {
                    break status;
                }
                server.kill();
                kills += 1;
                thread::sleep(Duration::from_millis(random.random_range(0..300)));
                server.begin();
            };
            assert!(status.success(), "{}", place.said());
            let what = format!("{sink}, trial {trial}, after {kills} kills of the server");
            if sink == UPSERT { place.compare_last(&server, &what) } else { place.compare(&server, &what) }
        }
        println!("{kills} kills of the server");
    }
}

#[test]
fn a_job_waits_for_a_server_and_fails_when_it_does_not_come() {
    let Some(mut server) = Server::stopped() else { return };
    let retry = format!("{CREATED}\nretry = \"200ms\"");
    let place = Place::new(&server, KEPT, &retry);
    let said = place.refusal();
    assert!(said.contains("(PELTON-0405)") && said.contains("could not be used for"), "{said}");
    let again = format!("{KEPT}\nrestart = {{ type = \"fixed\", delay = \"100ms\", attempts = 1000 }}");
    let place = Place::new(&server, &again, &retry);
    let mut process = place.start(None);
    thread::sleep(Duration::from_millis(700));
    assert!(process.try_wait().unwrap().is_none(), "it waits: {}", place.said());
    server.begin();
    let status = ended(&mut process, Duration::from_secs(60)).expect("it ends");
    assert!(status.success(), "{}", place.said());
    place.compare(&server, "a server that came later");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

fn signal(process: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

/// Where the checkpoint's lock does not reach, the server fences: a process that slept while another one took the job over.
#[test]
fn a_process_that_lost_the_job_is_refused_by_the_server() {
    let Some(server) = Server::start() else { return };
    let mut place = Place::new(&server, KEPT, CREATED);
    place.edit("user=pelton", "user=pelton&options=-c%20idle_in_transaction_session_timeout%3D1000");
    place.begin_anew(&server);
    // Slow enough to be stopped in the middle.
    server.sql(
        "CREATE TABLE orders (id bigint, item bigint, price float8, name text); \
         CREATE OR REPLACE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql \
         AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END $$; \
         CREATE TRIGGER nap AFTER INSERT ON orders EXECUTE FUNCTION nap()",
    );
    let mut zombie = place.start(None);
    let ends = std::time::Instant::now() + Duration::from_secs(20);
    let has_begun = || server.sql("SELECT to_regclass('pelton_commits') IS NOT NULL") == "t";
    while !has_begun() || server.sql("SELECT coalesce(max(epoch), 0) > 1 FROM pelton_commits") != "t" {
        assert!(std::time::Instant::now() < ends, "it begins: {}", place.said());
    }
    signal(zombie.id(), "-STOP");
    assert!(zombie.try_wait().unwrap().is_none(), "the job is too short for this test");
    let said = place.refusal();
    assert!(said.contains("(PELTON-0702)"), "on one machine the lock keeps the second process out: {said}");
    copy(&place.path("state"), &place.path("elsewhere"));
    place.edit("checkpoint = \"state\"", "checkpoint = \"elsewhere\"");
    let output = place.command().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    place.compare(&server, "the process that took the job over");
    signal(zombie.id(), "-CONT");
    let status = ended(&mut zombie, Duration::from_secs(60)).expect("it ends");
    let said = place.said();
    assert!(!status.success() && said.contains("PELTON-0408"), "{said}");
    place.compare(&server, "after the zombie woke up");
}

#[test]
fn a_database_or_a_checkpoint_that_was_put_back_is_found_out() {
    let Some(server) = Server::start() else { return };
    let place = Place::new(&server, KEPT, CREATED);
    place.begin_anew(&server);
    place.hold_back();
    assert!(place.run_to_end(None), "{}", place.said());
    server.sql("CREATE TABLE kept AS SELECT * FROM pelton_commits");
    place.let_in();
    assert!(place.run_to_end(None), "{}", place.said());
    // The database of earlier.
    server.sql("UPDATE pelton_commits SET epoch = kept.epoch FROM kept");
    let said = place.refusal();
    assert!(said.contains("(PELTON-0408)") && said.contains("the checkpoint ends with"), "{said}");
    // No marker at all.
    server.sql("DELETE FROM pelton_commits");
    assert!(place.refusal().contains("no marker of job `shop`"), "{}", place.refusal());
    // Another run of a job with this name.
    server.sql("INSERT INTO pelton_commits (job, sink, run, generation, epoch) VALUES ('shop', 'out', 'x', 1, 1)");
    assert!(place.refusal().contains("a marker of another run"), "{}", place.refusal());
    // The checkpoint of earlier, with the database of now.
    server.sql("DROP TABLE orders, pelton_commits");
    fs::remove_dir_all(place.path("state")).unwrap();
    place.hold_back();
    assert!(place.run_to_end(None), "{}", place.said());
    copy(&place.path("state"), &place.path("before"));
    place.let_in();
    assert!(place.run_to_end(None), "{}", place.said());
    fs::remove_dir_all(place.path("state")).unwrap();
    fs::rename(place.path("before"), place.path("state")).unwrap();
    let said = place.refusal();
    assert!(said.contains("(PELTON-0408)"), "{said}");
    place.compare(&server, "nothing was changed by those who were refused");
}

#[test]
fn a_job_that_starts_over_takes_the_marker_and_inserts_again() {
    let Some(server) = Server::start() else { return };
    let place = Place::new(&server, KEPT, UPSERT);
    place.begin_anew(&server);
    assert!(place.run_to_end(None), "{}", place.said());
    let first = server.sql("SELECT run FROM pelton_commits");
    let output = place.command().args(["--fresh", "--yes"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    place.compare_last(&server, "started over");
    assert_ne!(server.sql("SELECT run FROM pelton_commits"), first);
}
