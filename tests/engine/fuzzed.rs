//! Uploads and job files that somebody has spoilt, through the API: each gets a clean answer, and the engine and its jobs go on.
//!
//! `PELTON_FUZZ=5000` spoils so many of each.

use std::fs;

use pelton_tests::seeds::each;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{
    jobs::{made, traps},
    served::{Answer, Place, Served},
};

const JOB: &str = r#"
name = "spoilt"
batch = { interval = "10ms", max-bytes = "64KiB" }
threads = 1
restart = { type = "fixed", delay = "10ms", attempts = 1 }

[source.numbers]
type = "generator"
rows = 20
[source.numbers.columns]
x = { sequence = { start = 1 } }
k = { uniform = { min = 0, max = 3 } }

[operator.total]
input = "numbers"
key = ["k"]
aggregate = { n = "std:count", most = "std:max(x)" }
limits = { memory-bytes = "16MiB", call-time = "1s" }

[sink.out]
input = "total"
type = "blackhole"
"#;

/// Bytes that mean something in files of text, and numbers at their ends.
const TELLING: &[&[u8]] = &[
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b"\n",
    b"\0",
    b"\xff",
    b"..",
    b"99999999999999999999",
    b"-1",
    b"(",
    b")",
    b"\xf0\x9f",
];

/// Cut, repeated, overwritten or with something put in, once or a few times.
fn spoilt(sound: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for _ in 0..random.random_range(1..4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        let end = (at + random.random_range(1..40)).min(bytes.len());
        match random.random_range(0..5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => bytes[at] ^= 1 << random.random_range(0..8),
            _ => {
                let told = TELLING[random.random_range(0..TELLING.len())];
                bytes.splice(at..at, told.iter().copied());
            }
        }
    }
    bytes
}

/// Values of every kind, also such as nobody writes.
const VALUES: &[&str] = &[
    "0",
    "1",
    "7",
    "-1",
    "9223372036854775807",
    "1e308",
    "nan",
    "true",
    "\"\"",
    "\"x\"",
    "\"1ms\"",
    "\"1KiB\"",
    "[]",
    "{}",
    "[\"k\"]",
    "\"std:count\"",
    "\"../../x\"",
    "2026-01-01T00:00:00Z",
];

/// With another value for some key.
fn changed(sound: &str, random: &mut StdRng) -> String {
    let keys = sound.lines().filter(|line| line.contains(" = ")).count();
    let mut chosen = random.random_range(0..keys);
    let line = |line: &str| match line.split_once(" = ") {
        Some((key, _)) if chosen == 0 => {
            chosen = usize::MAX;
            format!("{key} = {}\n", VALUES[random.random_range(0..VALUES.len())])
        }
        Some(_) => {
            chosen = chosen.wrapping_sub(1);
            format!("{line}\n")
        }
        None => format!("{line}\n"),
    };
    sound.lines().map(line).collect()
}

fn is_clean(answer: &Answer, what: &str) {
    assert!((200..500).contains(&answer.status), "{what}: {answer:?}");
    if answer.status >= 400 {
        let json = answer.json();
        assert!(json["code"].as_str().is_some_and(|code| code.starts_with("PELTON-0")), "{what}: {json}");
        assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}: {json}");
    }
}

fn spoil(engine: &Served<'_>, seed: u64) {
    let count = std::env::var("PELTON_FUZZ").map_or(60, |count| count.parse().expect("a number"));
    let mut random = StdRng::seed_from_u64(seed);
    let binary = fs::read(pelton_tests::lawless("keeps").expect("a module to spoil")).unwrap();
    let (mut pushed, mut submitted) = (0, 0);
    for number in 0..count {
        for (sound, kind) in [(traps().into_bytes(), "text"), (binary.clone(), "binary")] {
            let module = spoilt(&sound, &mut random);
            let answer = engine.ask("POST", &format!("/v1/modules?tag=m%40{number}.0.0"), &[], &module);
            is_clean(&answer, &format!("{kind} module {number} of seed {seed}"));
            pushed += u32::from(answer.status < 300);
        }
        let named = JOB.replace("\"spoilt\"", &format!("\"spoilt-{number}\""));
        let text = match number % 2 {
            0 => changed(&named, &mut random),
            _ => String::from_utf8_lossy(&spoilt(named.as_bytes(), &mut random)).into_owned(),
        };
        let answer = engine.ask("POST", "/v1/jobs", &[], json!({ "text": text }).to_string().as_bytes());
        is_clean(&answer, &format!("job {number} of seed {seed}: {text}"));
        submitted += u32::from(answer.status < 300);
        let mut body = json!({ "text": JOB, "pins": {} }).to_string().into_bytes();
        body = spoilt(&body, &mut random);
        is_clean(&engine.ask("POST", "/v1/jobs", &[], &body), &format!("submission {number} of seed {seed}"));
    }
    assert!(submitted > 0 && submitted < count, "{submitted} of {count} jobs were sound");
    println!("{count} of each: {pushed} modules and {submitted} jobs were sound all the same");
}

#[test]
fn what_is_spoilt_gets_a_clean_answer_and_the_engine_goes_on() {
    let place = Place::new();
    let engine = place.serve();
    place.write("neighbour.toml", made("neighbour", 2_000, None, "out"));
    engine.pelton(&["job", "submit", "neighbour.toml"]).done();
    let sound = engine.ask("POST", "/v1/jobs", &[], json!({ "text": JOB }).to_string().as_bytes());
    assert!(sound.status < 300, "what is spoilt was sound: {sound:?}");
    each("-p pelton-tests --test engine what_is_spoilt", 1..2, |seed| spoil(&engine, seed));
    assert_eq!(engine.get("/ready").status, 200);
    let rows = engine.job("neighbour")["figures"]["rows_in"].as_u64();
    engine.until_that("neighbour", "further", |job| job["figures"]["rows_in"].as_u64() > rows);
    engine.pelton(&["job", "drain", "neighbour"]).done();
    engine.until("neighbour", "finished");
}
