//! Checkpoints on a real object store: MinIO, which these tests start, through the real binary, which they kill.
//!
//! ```text
//!  job ─► run without a checkpoint ────────────────────────────────────────► expected files
//!  job, checkpoint = "s3://…" ─► run ─ kill -9 ─► run ─ kill -9 ─► run to the end ─► the same files, byte for byte
//! ```
//!
//! `make test-s3` runs them; they are no part of `make test`, since MinIO takes three minutes to build once.

#[path = "../chaos/jobs.rs"]
mod jobs;
#[path = "../chaos/oracle.rs"]
mod oracle;
#[path = "../chaos/run.rs"]
#[expect(dead_code, reason = "the chaos suite does more with a trial")]
mod run;
mod server;

use std::{
    env, fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use jobs::{JOBS, Job};
use pelton::{
    checkpoint::{Store, Take},
    failpoint,
};
use pelton_core::{checkpoint::record::Record, model::Epoch};
use rand::{Rng, SeedableRng, rngs::StdRng};
use run::{Kept, Trial};
use serde_json::Value;
use server::{BUCKET, Server};
use tempfile::TempDir;

fn job(name: &str) -> &'static Job {
    JOBS.iter().find(|job| job.name == name).expect("there is one")
}

fn trial(server: &Server, job: &Job) -> Trial {
    let url = format!("s3://{BUCKET}/{}", job.name);
    Trial::keeping(job, Kept::Bucket { url, environment: server.environment() })
}

#[test]
fn nobody_can_tell_that_a_job_was_killed_at_random_instants() {
    const KILLS: u32 = 12;
    let server = Server::start();
    let seed = env::var("PELTON_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut kills = 0;
    for name in ["stateless", "stateless-to-parquet", "tumbling", "joined"] {
        let mut random = StdRng::seed_from_u64(seed);
        let trial = trial(&server, job(name));
        let mut of_job = 0;
        while of_job < KILLS {
            trial.begin_anew();
            while !trial.run_for(trial.whole.mul_f64(random.random_range(0.1..1.2)), None) {
                of_job += 1;
                assert!(of_job < KILLS + 100, "{name}: it never ends");
            }
            trial.compare(&format!("{name}: PELTON_SEED={seed}, after {of_job} kills"));
        }
        kills += of_job;
    }
    println!("{kills} kills at random instants: the same output each time");
}

#[test]
fn nobody_can_tell_that_a_job_was_killed_at_a_fail_point() {
    let server = Server::start();
    let trial = trial(&server, job("running"));
    let mut silent: Vec<&str> = failpoint::NAMES.to_vec();
    for point in failpoint::NAMES {
        for pass in [1, 4] {
            trial.begin_anew();
            if matches!(point, "republish" | "recover") {
                trial.run_to_end(Some("publish:2"));
            }
            if !trial.run_to_end(Some(&format!("{point}:{pass}"))) {
                silent.retain(|name| *name != point);
                assert!(trial.run_to_end(None), "{point}:{pass}: it does not go on");
            }
            trial.compare(&format!("killed at {point}:{pass}"));
        }
    }
    assert!(silent.is_empty(), "these fail points never fired: {silent:?}");
}

/// A folder with a job that makes a file's worth of rows an epoch, and drops them behind a checksum.
struct Place {
    folder: TempDir,
    environment: Vec<(String, String)>,
    url: String,
}

const EPOCHS: u64 = 150;

impl Place {
    fn new(server: &Server, name: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bids")).unwrap();
        for file in 0..EPOCHS {
            let rows: String =
                (0..200).map(|row| format!("{},{},{}\n", row % 7, file * row, file * 1_000 + row)).collect();
            fs::write(folder.path().join(format!("bids/{file:04}.csv")), rows).unwrap();
        }
        let url = format!("s3://{BUCKET}/{name}");
        let graph = job("running").graph;
        let (bids, sink) = (jobs::BIDS, "[sink.out]\ninput = \"result\"\ntype = \"blackhole\"\n");
        let text = |checkpoint: &str| {
            format!("name = \"{name}\"\n{checkpoint}\nbatch = {{ max-bytes = 1 }}\n{bids}{graph}\n{sink}")
        };
        fs::write(folder.path().join("plain.toml"), text("")).unwrap();
        let kept = format!("checkpoint = \"{url}\"\nsnapshots = \"50ms\"\nreplay = {{ retain-epochs = 20 }}\n{more}");
        fs::write(folder.path().join("job.toml"), text(&kept)).unwrap();
        Self { folder, environment: server.environment(), url }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `machine` has locks of its own.
    fn command(&self, args: &[&str], machine: &str) -> Command {
        let mut command = Command::new(pelton_tests::binary().unwrap());
        let locks = self.path().join(machine);
        fs::create_dir_all(&locks).unwrap();
        command.args(args).args(["--color", "never"]).current_dir(self.path()).env("TMPDIR", locks);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn start(&self, machine: &str, log: &str) -> Child {
        let log = fs::File::create(self.path().join(log)).unwrap();
        let mut command = self.command(&["run", "job.toml", "--output", "json"], machine);
        command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    fn run(&self, args: &[&str], machine: &str) -> Output {
        self.command(args, machine).output().unwrap()
    }

    /// The newest epoch that is committed; 0: none is.
    fn committed(&self) -> u64 {
        let output = self.run(&["checkpoint", "inspect", &self.url, "--output", "json"], "looking");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        json["last"]["epoch"].as_u64().unwrap_or(0)
    }

    fn wait_for(&self, epoch: u64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.committed() < epoch {
            assert!(Instant::now() < deadline, "epoch {epoch} is not committed");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a run to the end says of its sink.
    fn checksums(&self, job: &str, machine: &str) -> Vec<Value> {
        let output = self.run(&["run", job, "--output", "json"], machine);
        let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}{errors}");
        let all = format!("{said}{errors}");
        let last = all.lines().rfind(|line| line.contains("checksum")).unwrap_or_else(|| panic!("{all}"));
        let json: Value = serde_json::from_str(last).unwrap();
        checksums(&json)
    }
}

/// Everything in a summary that is a checksum.
fn checksums(json: &Value) -> Vec<Value> {
    match json {
        Value::Object(fields) => {
            let is_sum = |name: &str| name.starts_with("checksum ");
            let own = fields.iter().filter(|(name, _)| is_sum(name)).map(|(_, value)| value.clone());
            own.chain(fields.values().flat_map(checksums)).collect()
        }
        Value::Array(values) => values.iter().flat_map(checksums).collect(),
        _ => Vec::new(),
    }
}

fn signal(process: &Child, name: &str) {
    let status = Command::new("kill").args([name, &process.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_process_that_lost_the_job_without_knowing_it_stops() {
    let server = Server::start();
    let place = Place::new(&server, "zombie", "");
    let expected = place.checksums("plain.toml", "here");
    assert!(!expected.is_empty());
    let mut zombie = place.start("here", "zombie.log");
    place.wait_for(10);
    signal(&zombie, "-STOP");
    let asleep_at = place.committed();
    assert!(asleep_at < EPOCHS, "it was done before it was stopped");
    // On the same machine a second process is a mistake.
    let refused = place.run(&["run", "job.toml"], "here");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("(PELTON-0702)"), "{said}");
    // On another one it takes over, and goes so far ahead that what the first would write next has been collected.
    assert_eq!(place.checksums("job.toml", "there"), expected);
    signal(&zombie, "-CONT");
    let status = zombie.wait().unwrap();
    let said = fs::read_to_string(place.path().join("zombie.log")).unwrap();
    assert!(status.code() == Some(1) && said.contains("PELTON-0702"), "{said}");
    let output = place.run(&["checkpoint", "inspect", &place.url, "--output", "json"], "here");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["generation"], &json["closed"]), (&2.into(), &true.into()), "{json}");
    assert!(place.committed() > asleep_at);
    println!("stopped after epoch {asleep_at}; the other went on to {}", place.committed());
}

#[test]
fn a_job_outlives_its_store() {
    let server = Server::start();
    let place = Place::new(&server, "outage", "restart = { type = \"fixed\", attempts = 50, delay = \"100ms\" }");
    let expected = place.checksums("plain.toml", "here");
    let mut job = place.start("here", "log");
    place.wait_for(10);
    server.kill();
    thread::sleep(Duration::from_millis(1_500));
    assert!(job.try_wait().unwrap().is_none(), "it waits, or is started again");
    server.begin();
    let status = job.wait().unwrap();
    assert!(status.success(), "{}", fs::read_to_string(place.path().join("log")).unwrap());
    // Nothing is left to do, and the checksums are those of all rows.
    assert_eq!(place.checksums("job.toml", "here"), expected);
}

#[test]
fn commands_look_into_a_bucket() {
    let server = Server::start();
    let place = Place::new(&server, "looked-at", "");
    place.checksums("job.toml", "here");
    let verified = place.run(&["checkpoint", "verify", &place.url], "here");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success() && said.contains("are as they were written"), "{said}");
    let letters = place.run(&["dlq", "list", &place.url, "--offline", "--output", "json"], "here");
    let json: Value = serde_json::from_slice(&letters.stdout).unwrap();
    assert_eq!(json["total"], 0, "{json}");
    let last = place.committed();
    let replayed = place.run(&["replay", "job.toml", "--epoch", &(last - 1).to_string()], "here");
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let verified = place.run(&["verify", "job.toml"], "here");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let fresh = place.run(&["run", "job.toml", "--fresh", "--yes"], "here");
    assert!(fresh.status.success(), "{}", String::from_utf8_lossy(&fresh.stderr));
}

#[test]
fn what_is_wrong_with_a_store_is_named() {
    let server = Server::start();
    let mut place = Place::new(&server, "wrong", "");
    let missing = place.run(&["checkpoint", "inspect", "s3://pelton-tests/nowhere"], "here");
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(said.contains("s3://pelton-tests/nowhere holds no checkpoints") && said.contains("PELTON-0705"), "{said}");
    place.environment.retain(|(name, _)| name != "AWS_SECRET_ACCESS_KEY");
    place.environment.push(("AWS_SECRET_ACCESS_KEY".into(), "not-the-secret".into()));
    let refused = place.run(&["run", "job.toml"], "here");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("s3://pelton-tests/wrong/journal") && said.contains("(PELTON-0701)"), "{said}");
    assert!(said.contains("AWS_SECRET_ACCESS_KEY") && !said.contains("not-the-secret"), "{said}");
    place.environment = server.environment();
    let text = fs::read_to_string(place.path().join("job.toml")).unwrap();
    fs::write(place.path().join("job.toml"), text.replace("s3://pelton-tests/", "s3://no-such-bucket/")).unwrap();
    let refused = place.run(&["run", "job.toml"], "here");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("s3://no-such-bucket/wrong/journal") && said.contains("NoSuchBucket"), "{said}");
}

const CHILD: &str = "PELTON_S3_CHILD";

/// Not a test of its own: the process that `an_epoch_is_measured` starts with the environment of the server.
#[test]
fn child_that_commits() {
    let Some(place) = env::var_os(CHILD) else { return };
    let place = place.into_string().unwrap();
    let location = pelton::checkpoint::Location::of(Path::new(""), &place);
    let (mut store, found) = Store::open(&location, Take::Continue).unwrap();
    let mut next = found.next_epoch;
    for outbox_bytes in [1 << 10, 100 << 10, 1 << 20] {
        let outbox = vec![7; outbox_bytes];
        let mut took = Vec::new();
        for _ in 0..200 {
            let started = Instant::now();
            let permit = store.commit(&record(next, found.generation), std::slice::from_ref(&outbox)).unwrap();
            took.push(started.elapsed());
            store.published(permit).unwrap();
            next = next.next();
        }
        took.sort_unstable();
        println!("{place}: {} KiB: p50 {:?}, p99 {:?}", outbox_bytes >> 10, took[100], took[198]);
    }
    drop(store);
    let started = Instant::now();
    let (_, found) = Store::open(&location, Take::Continue).unwrap();
    println!("{place}: {} epochs taken over in {:?}", found.next_epoch.0 - 1, started.elapsed());
}

fn record(epoch: Epoch, generation: u64) -> Record {
    serde_json::from_value(serde_json::json!({
        "epoch": epoch, "generation": generation, "now": 0, "job": "measured", "revision": 0, "first_task": 0, "end_task": 0,
        "sources": [], "turns": [], "is_reduced": false, "is_last": false, "tables": [], "modules": [], "sinks": [],
        "snapshot": null, "published_through": epoch.0.saturating_sub(2),
    }))
    .unwrap()
}

#[test]
fn an_epoch_is_measured() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    for place in [folder.path().join("state").display().to_string(), format!("s3://{BUCKET}/measured")] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_that_commits", "--test-threads", "1", "--nocapture"])
            .envs(server.environment())
            .env(CHILD, place)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said.lines().filter(|line| line.contains(": ")).for_each(|line| println!("{line}"));
    }
}
