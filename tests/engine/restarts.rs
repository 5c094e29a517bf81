//! What becomes of a job that fails: each restart strategy, in `pelton run` and in an engine, and the state and the reason that it ends with.
//!
//! ```text
//!  pelton ─► sink `postgres` ─► a server of ours, which hangs up when the script says ─► failure ─► delay ─► the next connection
//! ```
//!
//! A server that hangs up is a failing sink whose every attempt can be seen from outside: an attempt connects once. So delays are those
//! between connections, and nothing that the binary says of itself.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{jobs::with_module, served::Place};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that takes connections and hangs up. It goes with the test.
struct Server {
    port: u16,
    /// When each connection came, and when it was hung up.
    attempts: Arc<Mutex<Vec<(Instant, Instant)>>>,
}

impl Server {
    /// The first connections are held for so long, all others for no time.
    fn holding(held: &[Duration]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let (told, held) = (Arc::clone(&attempts), held.to_vec());
        thread::spawn(move || {
            for connection in listener.incoming() {
                let begun = Instant::now();
                let count = told.lock().unwrap().len();
                thread::sleep(held.get(count).copied().unwrap_or_default());
                drop(connection);
                told.lock().unwrap().push((begun, Instant::now()));
            }
        });
        Self { port, attempts }
    }

    fn hanging_up() -> Self {
        Self::holding(&[])
    }

    fn count(&self) -> usize {
        self.attempts.lock().unwrap().len()
    }

    fn until(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        while self.count() < count {
            assert!(Instant::now() < until, "{} of {count} attempts", self.count());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// From each hanging up to the next connection, in ms.
    fn delays(&self) -> Vec<f64> {
        let attempts = self.attempts.lock().unwrap();
        let between = |pair: &[(Instant, Instant)]| pair[1].0.duration_since(pair[0].1).as_secs_f64() * 1e3;
        attempts.windows(2).map(between).collect()
    }

    /// A job that fails at this server.
    fn job(&self, name: &str, restart: &str) -> String {
        format!(
            r#"
name = "{name}"
checkpoint = "state-{name}"
threads = 1
{restart}
[source.numbers]
type = "generator"
rows = 1_000
[source.numbers.columns]
x = {{ sequence = {{ start = 1 }} }}
[sink.out]
input = "numbers"
type = "postgres"
url = "postgres://nobody@127.0.0.1:{}/nothing"
table = "out"
retry = "0s"
"#,
            self.port
        )
    }
}

/// A run in the background; it is killed in the end.
struct Background(Child);

impl Background {
    fn run(place: &Place, job: &str) -> Self {
        let mut command = place.command(&["run", job, "--color", "never"]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn terminate(mut self) -> Option<i32> {
        assert!(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// State, reason, failures and restarts of a job of an engine.
fn outcome(job: &Value) -> (&str, &str, u64, u64) {
    let count = |figure: &str| job["figures"][figure].as_u64().unwrap();
    (
        job["state"].as_str().unwrap(),
        job["reason"]["code"].as_str().unwrap_or("none"),
        count("failures"),
        count("restarts"),
    )
}

#[test]
fn without_a_strategy_the_first_failure_is_the_last() {
    let (place, server) = (Place::new(), Server::hanging_up());
    for (name, restart) in [("absent", ""), ("none", "restart = \"none\"")] {
        let before = server.count();
        place.write("job.toml", server.job(name, restart));
        let said = place.pelton(&["run", "job.toml", "--color", "never"]).refused(1, "PELTON-0405");
        assert!(!said.err.contains("started again") && !said.err.contains("given up"), "{said:?}");
        assert_eq!(server.count(), before + 1);
    }
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    let job = engine.until("none", "paused");
    assert_eq!(outcome(&job), ("paused", "PELTON-0405", 1, 0), "{job}");
    assert_eq!(server.count(), 3);
}

#[test]
fn a_fixed_delay_is_kept_so_many_times() {
    const DELAY_MS: f64 = 200.0;
    let (place, server) = (Place::new(), Server::hanging_up());
    let restart = "restart = { type = \"fixed\", delay = \"200ms\", attempts = 3 }";
    place.write("job.toml", server.job("fixed", restart));
    let said = place.pelton(&["run", "job.toml", "--color", "never"]).refused(1, "PELTON-0405");
    assert!(said.err.contains("failure 3: the job is started again in 200 ms"), "{said:?}");
    assert!(said.err.contains("given up after 4 failures"), "{said:?}");
    let delays = server.delays();
    assert_eq!(delays.len(), 3, "{delays:?}");
    assert!(delays.iter().all(|delay| *delay >= DELAY_MS), "{delays:?}");

    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    let job = engine.until("fixed", "paused");
    assert_eq!(outcome(&job), ("paused", "PELTON-0405", 4, 3), "{job}");
    assert!(job["reason"]["message"].as_str().unwrap().contains("sink `out`"), "{job}");
    // The reason is there after the engine has gone, and a job that was given up is not begun again by itself.
    engine.kill();
    let engine = place.serve();
    let job = engine.job("fixed");
    assert_eq!((&job["state"], &job["reason"]["code"]), (&"paused".into(), &"PELTON-0405".into()), "{job}");
    assert_eq!(server.count(), 8);
    // Whoever has it go on gives it all attempts anew.
    engine.pelton(&["job", "resume", "fixed"]).done();
    server.until(12);
    engine.until("fixed", "paused");
    assert_eq!(server.count(), 12);
}

#[test]
fn an_exponential_delay_grows_to_its_bound_and_varies() {
    const NOMINAL_MS: [f64; 4] = [40.0, 80.0, 160.0, 200.0];
    // Between two delays: the job ends, is planned again, and opens its checkpoint.
    const ATTEMPT_MS: f64 = 2_000.0;
    let (place, server) = (Place::new(), Server::hanging_up());
    let restart = "restart = { type = \"exponential\", delay = \"40ms\", max-delay = \"200ms\", jitter = 0.5 }";
    place.write("job.toml", server.job("grows", restart));
    let run = Background::run(&place, "job.toml");
    let nominal = |at: usize| NOMINAL_MS[at.min(NOMINAL_MS.len() - 1)];
    server.until(9);
    // Without jitter no delay is ever shorter than it should be; with it half of them are, but for what an attempt takes.
    let until = Instant::now() + PATIENCE;
    while !server.delays().iter().enumerate().any(|(at, delay)| *delay < nominal(at)) {
        assert!(Instant::now() < until, "no delay varies: {:?}", server.delays());
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(run.terminate(), Some(130), "it is stopped between two attempts, or in one");
    for (at, delay) in server.delays().into_iter().enumerate() {
        let range = nominal(at) * 0.5..nominal(at) * 1.5 + ATTEMPT_MS;
        assert!(range.contains(&delay), "delay {at}: {delay} ms, which is not in {range:?}");
    }
}

#[test]
fn an_exponential_delay_begins_anew_after_a_quiet_time() {
    let place = Place::new();
    // The third attempt lasts long enough.
    let server = Server::holding(&[0, 0, 2_600].map(Duration::from_millis));
    let restart = "restart = { type = \"exponential\", delay = \"10ms\", max-delay = \"800ms\", multiplier = 80, jitter = 0, interval = \"1500ms\" }";
    place.write("job.toml", server.job("quiet", restart));
    let run = Background::run(&place, "job.toml");
    server.until(5);
    assert_eq!(run.terminate(), Some(130));
    let delays = server.delays();
    let is_long: Vec<bool> = delays.iter().take(4).map(|delay| *delay >= 800.0).collect();
    assert_eq!(is_long, [false, true, false, true], "{delays:?}");
}

#[test]
fn failures_that_crowd_are_too_many() {
    let place = Place::new();
    // Failures that are 1.8 s apart are borne for ever; three within three seconds are not.
    let server = Server::holding(&[1_800; 3].map(Duration::from_millis));
    let restart = "restart = { type = \"failure-rate\", delay = \"10ms\", attempts = 2, interval = \"3s\" }";
    place.write("job.toml", server.job("crowd", restart));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    let job = engine.until("crowd", "paused");
    let (state, reason, failures, restarts) = outcome(&job);
    assert_eq!((state, reason, failures), ("paused", "PELTON-0405", server.count() as u64), "{job}");
    assert_eq!(restarts, failures - 1);
    assert!((4..=6).contains(&failures), "{failures} failures");
    let logs = engine.pelton(&["logs", "crowd", "--level", "error"]).done().out;
    assert!(logs.contains("it is started again in 10 ms") && logs.contains("it is given up"), "{logs}");
}

#[test]
fn a_job_goes_on_when_what_failed_has_been_mended() {
    let place = Place::new();
    let restart = "checkpoint = \"state\"\nrestart = { type = \"failure-rate\", delay = \"100ms\", attempts = 1000 }";
    let job = with_module("mended", "std:filter(x > 10)", restart);
    place.write("job.toml", job.replace("type = \"blackhole\"", "type = \"file\"\npath = \"out\"\nformat = \"csv\""));
    let in_the_way = place.write("out", "no directory");
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    let fails = |job: &Value| job["state"] == "restarting" && job["figures"]["failures"].as_u64() > Some(2);
    let job = engine.until_that("mended", "failing", fails);
    assert_eq!(job["last_error"]["code"], "PELTON-0402", "{job}");
    std::fs::remove_file(in_the_way).unwrap();
    let job = engine.until("mended", "finished");
    assert_eq!(job["reason"], Value::Null, "{job}");
    let rows: String = place.parts("out").into_values().map(|part| String::from_utf8(part).unwrap()).collect();
    assert_eq!(rows, (11..=1_000).map(|x| format!("{x}\n")).collect::<String>());
}

#[test]
fn what_another_attempt_cannot_mend_ends_the_job_at_once() {
    let place = Place::new();
    let restart = "checkpoint = \"state\"\nrestart = { type = \"fixed\", delay = \"10ms\", attempts = 5 }";
    place.write("job.toml", with_module("damaged", "std:filter(x > 10)", restart));
    place.pelton(&["run", "job.toml"]).done();
    let segments = std::fs::read_dir(place.path().join("state/journal")).unwrap();
    let segment = segments.map(|entry| entry.unwrap().path()).max().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[70] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let said = place.pelton(&["run", "job.toml", "--color", "never"]).refused(1, "PELTON-0703");
    assert!(!said.err.contains("started again") && !said.err.contains("given up"), "{said:?}");
}
