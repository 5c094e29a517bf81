//! `pelton top`: a frame as text, a sample as JSON, and a terminal that is given back.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{jobs::made, served::Place};

#[test]
fn a_frame_shows_what_jobs_and_operators_do() {
    let place = Place::new();
    place.write("made.toml", made("made", 5_000, None, "out"));
    let engine = place.serve();
    let none = engine.pelton(&["top", "--once"]).done().out;
    assert!(none.contains("0 jobs, 0 running"), "{none}");
    engine.pelton(&["job", "submit", "made.toml"]).done();
    let busy = |job: &serde_json::Value| {
        let operator = &job["figures"]["operators"][0];
        operator["rows_in_per_second"].as_f64() > Some(0.0) && operator["state_keys"] == 1
    };
    let job = engine.until_that("made", "busy", busy);
    let operator = &job["figures"]["operators"][0];
    assert!(operator["state_bytes"].as_u64() > Some(0) && operator["busy"].as_f64() > Some(0.0), "{job}");
    assert!(job["figures"]["watermark"].as_i64() > Some(1_769_860_800_000_000), "{job}");
    let jobs = engine.pelton(&["top", "--once"]).done().out;
    assert!(jobs.contains("1 job, 1 running") && jobs.contains("\nmade  running"), "{jobs}");
    let operators = engine.pelton(&["top", "made", "--once", "--sort", "busy"]).done().out;
    for expected in ["made: running, revision 1, epoch", "watermark 2026-01-31T12:", "\noperator ", "\nhours  "] {
        assert!(operators.contains(expected), "{expected} is not in\n{operators}");
    }
    let sample = engine.json(&["top", "made"]);
    assert_eq!(sample["name"], "made");
    assert_eq!(engine.json(&["top"])["jobs"][0]["name"], "made");
    engine.pelton(&["top", "nobody", "--once"]).refused(3, "PELTON-0804");
    let text = engine.pelton(&["top"]);
    assert!(text.code == Some(2) && text.err.contains("--once"), "no terminal: {text:?}");
    assert_eq!(engine.pelton(&["top", "--sort", "colour"]).code, Some(2));
    let metrics = String::from_utf8(engine.get("/metrics").body).unwrap();
    assert!(metrics.contains("pelton_operator_state_keys{job=\"made\",operator=\"hours\"} 1\n"), "{metrics}");
}

/// What a terminal is sent, and how it ended, when these keys are typed after the first frame.
fn typed(place: &Place, url: &str, keys: &[u8]) -> (String, Option<i32>) {
    let binary = pelton_tests::binary().unwrap();
    let command = format!("stty cols 120 rows 30; exec {} top --engine {url}", binary.display());
    let mut process = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(place.path())
        .env("TERM", "xterm")
        .env("HOME", place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = process.stdout.take().unwrap();
    let mut input = process.stdin.take().unwrap();
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        out.read_to_end(&mut all).map(|_| all).unwrap()
    });
    thread::sleep(Duration::from_millis(1_500));
    input.write_all(keys).unwrap();
    input.flush().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let code = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status.code();
        }
        if Instant::now() > until {
            process.kill().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    (String::from_utf8_lossy(&reader.join().unwrap()).into_owned(), code)
}

#[test]
fn the_terminal_is_given_back() {
    let script = Command::new("script").arg("--version").output();
    assert!(script.is_ok(), "there is no terminal without `script`: install bsdutils or util-linux");
    let place = Place::new();
    place.write("made.toml", made("made", 5_000, None, "out"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "made.toml"]).done();
    engine.until_that("made", "running", |job| job["figures"]["epoch"].is_u64());
    const ENTER: &str = "\u{1b}[?1049h";
    const LEAVE: &str = "\u{1b}[?1049l";
    for keys in [&b"q"[..], b"\x03", b"\rbq"] {
        let (sent, code) = typed(&place, &engine.url, keys);
        assert_eq!(code, Some(0), "{keys:?}: {sent:?}");
        let (enter, leave) = (sent.find(ENTER), sent.rfind(LEAVE));
        assert!(enter.is_some() && enter < leave, "{keys:?}: {sent:?}");
        assert!(sent.contains("pelton top"), "{sent:?}");
        assert!(!sent[leave.unwrap()..].contains(ENTER) && sent[leave.unwrap()..].contains("\u{1b}[?25h"), "{sent:?}");
    }
}
