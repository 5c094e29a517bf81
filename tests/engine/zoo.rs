//! Hostile modules against an engine that runs: each is pushed and, if it gets that far, given a job beside one that is healthy.
//!
//! The guests are those of `host/wasm/tests/zoo`, where each error is looked at closely. Here it is the engine that must go on, the reason
//! that must be said, and the neighbour that must not notice. `PELTON_TRIALS` says how often it all happens.

#[path = "../../host/wasm/tests/zoo/guest.rs"]
#[expect(dead_code, reason = "the texts of other kinds of operator are not needed here")]
pub mod guest;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use guest::{Guest, ROWS, at, stores};

use crate::{
    jobs::made,
    served::{Place, Served},
};

/// How a hostile module must end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ends {
    /// The registry does not take it.
    Refused,
    /// It is taken, but a job with it does not begin.
    Unplanned,
    /// Its job begins, fails, and rests with the reason.
    Paused,
    /// It is odd but harmless: its job ends as it should.
    Finished,
}
use Ends::{Finished, Paused, Refused, Unplanned};

struct Kind {
    name: &'static str,
    module: Vec<u8>,
    ends: Ends,
    /// What the reason must say.
    says: &'static str,
}

const SPIN: &str = "(loop $for_ever (br $for_ever))";
const LOG: &str = r#"(import "pelton:operator/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#;

fn with_origin(row: u32, value: u32) -> Guest {
    Guest::answering(&[(at::EMITTED + 4, 1), (at::ORIGIN + 4 * row, value)])
}

/// Guests that load, and mean harm when they are called.
fn called() -> Vec<(&'static str, Guest, Ends, &'static str)> {
    let good = Guest::good;
    let opening = |open: &str| Guest { open: open.into(), ..good() };
    let having = |more: &str, process: &str| Guest { more: more.into(), ..Guest::processing(process) };
    let logging = |process: &str| Guest { imports: LOG.into(), pages: 32, ..Guest::processing(process) };
    let copies = "(loop $copy (memory.fill (i32.const 131072) (i32.const 1) (i32.const 524288)) (br $copy))";
    let tidy =
        r#"(func $tidy_up (export "cabi_post_pelton:operator/transform@0.1.0#process") (param i32) (unreachable))"#;
    let flood = "(loop $again (call $log (i32.const 2) (i32.const 2304) (i32.const 1))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000000))))";
    let shout = "(memory.fill (i32.const 65536) (i32.const 27) (i32.const 1048576))
        (call $log (i32.const 2) (i32.const 65536) (i32.const 1048576))";
    let table = "(table $t 1 funcref)";
    let bad_reason = format!(
        "(i32.store8 (i32.const 3000) (i32.const 255)) {}",
        stores(&[(at::ANSWER + 16, 1), (at::REJECTED + 4, 3000), (at::REJECTED + 8, 1)])
    );
    let refusing = stores(&[(at::CONTRACT, 1), (at::CONTRACT + 4, 65_536), (at::CONTRACT + 8, 500_000)]);
    let failing = stores(&[(at::ANSWER, 1), (at::ANSWER + 4, 1), (at::ANSWER + 8, 65_536), (at::ANSWER + 12, 9)]);
    vec![
        ("a loop in process", Guest::processing(SPIN), Paused, "call-time"),
        ("a loop of copies", Guest::processing(copies), Paused, "call-time"),
        ("a loop in open", opening(SPIN), Unplanned, "call-time"),
        ("a loop in realloc", Guest { realloc: SPIN.into(), ..good() }, Unplanned, "call-time"),
        ("a loop at the start", having(&format!("(func $spin {SPIN}) (start $spin)"), ""), Refused, "call-time"),
        ("a trap in process", Guest::processing("(unreachable)"), Paused, "unreachable"),
        ("a trap in open", opening("(unreachable)"), Unplanned, "unreachable"),
        ("a trap in realloc", Guest { realloc: "(unreachable)".into(), ..good() }, Unplanned, "unreachable"),
        ("a trap after the answer", having(tidy, ""), Paused, "unreachable"),
        ("a trap at the start", having("(func $begin (unreachable)) (start $begin)", ""), Refused, "unreachable"),
        ("a stack overflow", having("(func $deep (call $deep) (call $deep))", "(call $deep)"), Paused, "stack"),
        ("a division by zero", Guest::processing("(drop (i32.div_u (i32.const 1) (local.get $i)))"), Paused, "divide"),
        (
            "memory without end",
            Guest::processing("(loop $m (drop (memory.grow (i32.const 16))) (br $m))"),
            Paused,
            "memory-bytes",
        ),
        (
            "a little more memory each call",
            Guest::processing("(drop (memory.grow (i32.const 300)))"),
            Paused,
            "memory-bytes",
        ),
        ("one huge memory", Guest { pages: 1_025, ..good() }, Unplanned, "memory-bytes"),
        (
            "a table without end",
            having(table, "(loop $m (drop (table.grow $t (ref.null func) (i32.const 1000000))) (br $m))"),
            Paused,
            "",
        ),
        ("an access past the memory", Guest::processing("(drop (i32.load (i32.const -8)))"), Paused, "out of bounds"),
        ("2^31 bytes of values", Guest::answering(&[(at::BUFFERS + 12, 1 << 31)]), Paused, "out of bounds"),
        ("values past the memory", Guest::answering(&[(at::BUFFERS + 8, 0xffff_0000)]), Paused, "out of bounds"),
        ("2^31 emitted parts", Guest::answering(&[(at::ANSWER + 8, 1 << 31)]), Paused, "out of bounds"),
        ("2^32 - 1 rejected rows", Guest::answering(&[(at::ANSWER + 16, u32::MAX)]), Paused, "out of bounds"),
        ("parts at an odd address", Guest::answering(&[(at::ANSWER + 4, at::EMITTED + 1)]), Paused, "aligned"),
        ("neither ok nor error", Guest::answering(&[(at::ANSWER, 7)]), Paused, "invalid"),
        ("an answer past the memory", Guest::processing("(return (i32.const -16))"), Paused, "out of bounds"),
        ("an answer at an odd address", Guest::processing("(return (i32.const 1025))"), Paused, "aligned"),
        ("a reason that is not UTF-8", Guest::processing(bad_reason), Paused, "utf-8"),
        (
            "a realloc past the memory",
            Guest { realloc: "(return (i32.const -16))".into(), ..good() },
            Unplanned,
            "realloc",
        ),
        (
            "a realloc at an odd address",
            Guest { realloc: "(return (i32.const 65537))".into(), ..good() },
            Unplanned,
            "aligned",
        ),
        ("an origin past the batch", with_origin(15, 16), Paused, "origin"),
        ("an origin of 2^32 - 1", with_origin(15, u32::MAX), Paused, "origin"),
        ("an origin that goes back", with_origin(15, 3), Paused, "origin"),
        ("an origin too short", Guest::answering(&[(at::EMITTED + 4, 1), (at::EMITTED + 12, 60)]), Paused, "origin"),
        ("a row too few", Guest::answering(&[(at::EMITTED + 16, ROWS - 1)]), Paused, "15"),
        ("a column too many", Guest::answering(&[(at::EMITTED + 24, 2)]), Paused, "2"),
        ("a column too few", Guest::answering(&[(at::EMITTED + 24, 0)]), Paused, "0"),
        ("a buffer too few", Guest::answering(&[(at::NODE + 8, 1)]), Paused, "buffers"),
        ("a value too short", Guest::answering(&[(at::BUFFERS + 12, 127)]), Paused, "127"),
        ("a bitmap too short", Guest::answering(&[(at::BUFFERS + 4, 1)]), Paused, "bitmap"),
        ("nulls that were not declared", Guest::answering(&[(at::BUFFERS + 4, 2)]), Paused, "nullable"),
        ("a port that is not there", Guest::answering(&[(at::EMITTED, u32::MAX)]), Paused, "port"),
        ("a rejected row past the batch", Guest::answering(&[(at::ANSWER + 16, 1), (at::REJECTED, 16)]), Paused, "16"),
        (
            "output of 1,000 times the input",
            Guest { pages: 64, ..Guest::answering(&[(at::EMITTED + 16, ROWS * 1_001)]) },
            Paused,
            "rows-out-per-row",
        ),
        ("a flood of log calls", logging(flood), Paused, "log-calls"),
        ("a giant line of escape codes", logging(shout), Finished, ""),
        ("a contract without ports", opening(&stores(&[(at::CONTRACT + 16, 0)])), Unplanned, "port"),
        ("a column that there is not", opening("(i32.store8 (i32.const 2304) (i32.const 122))"), Unplanned, "`z`"),
        ("a refusal of 500 KB", Guest { pages: 64, ..opening(&refusing) }, Unplanned, ""),
        ("a failure of its own", Guest::processing(failing), Paused, ""),
        ("another version", Guest { version: "0.2.0", ..good() }, Refused, "0.2.0"),
        (
            "an import from nowhere",
            Guest { imports: r#"(import "env" "foo" (func))"#.into(), ..good() },
            Refused,
            "env",
        ),
    ]
}

/// What must not even be taken.
fn uploads() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let importing = |name: &str| format!("(component (import \"{name}\" (instance)))").into_bytes();
    let nesting = format!("(module (func {}{}))", "(block ".repeat(20_000), ")".repeat(20_000));
    let functions = format!("(module {})", "(func)".repeat(1_200_000));
    let globals = format!("(module {})", "(global i32 (i32.const 0))".repeat(1_100_000));
    let memories =
        format!("(component (core module $m (memory 1)) {})", "(core instance (instantiate $m))".repeat(100));
    let instances = format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(1_001));
    let whole = wat::parse_str(Guest::good().text()).expect("the good guest is text");
    let mut flipped = whole.clone();
    if let Some(byte) = flipped.get_mut(9) {
        *byte ^= 0xff;
    }
    vec![
        ("nothing", Vec::new(), ""),
        ("text", b"SELECT 1".to_vec(), ""),
        ("a native program", b"\x7fELF\x02\x01\x01".to_vec(), ""),
        ("half a module", whole[..whole.len() / 2].to_vec(), ""),
        ("a flipped byte", flipped, ""),
        ("imports of sockets", importing("wasi:sockets/tcp@0.2.0"), "wasi:sockets"),
        ("imports of http", importing("wasi:http/outgoing-handler@0.2.0"), "wasi:http"),
        ("imports of another's state", importing("pelton:operator/state@0.1.0"), "state"),
        ("20,000 blocks in each other", nesting.into_bytes(), ""),
        ("a million functions", functions.into_bytes(), ""),
        ("a million globals", globals.into_bytes(), ""),
        ("a hundred memories", memories.into_bytes(), ""),
        ("1,001 instances", instances.into_bytes(), ""),
        (
            "another package",
            b"(component (instance $i) (export \"other:operator/transform@0.1.0\" (instance $i)))".to_vec(),
            "",
        ),
    ]
}

fn kinds() -> Vec<Kind> {
    let called = called().into_iter().map(|(name, guest, ends, says)| Kind {
        name,
        module: guest.text().into_bytes(),
        ends,
        says,
    });
    let uploads = uploads().into_iter().map(|(name, module, says)| Kind { name, module, ends: Refused, says });
    called.chain(uploads).collect()
}

/// 160 rows, in batches of 16.
fn job(name: &str) -> String {
    format!(
        r#"
name = "{name}"
threads = 1
batch = {{ rows = {ROWS} }}
[source.numbers]
type = "generator"
rows = 160
[source.numbers.columns]
x = {{ sequence = {{ start = 1 }} }}
[operator.work]
input = "numbers"
module = "{name}.wat"
limits = {{ call-time = "200ms" }}
[sink.out]
input = "work"
type = "blackhole"
"#
    )
}

/// How the kind ended, and what was said of it.
fn live(engine: &Served<'_>, kind: &Kind, number: usize) -> (Ends, String) {
    let name = format!("k{number}");
    let file = engine.place.write(&format!("{name}.wat"), &kind.module);
    let pushed = engine.pelton(&["module", "push", file.to_str().unwrap(), "--name", &name, "--version", "1"]);
    if pushed.code != Some(0) {
        return (Refused, pushed.err);
    }
    engine.place.write(&format!("{name}.toml"), job(&name));
    let submitted = engine.pelton(&["job", "submit", &format!("{name}.toml")]);
    if submitted.code != Some(0) {
        return (Unplanned, submitted.err);
    }
    let ended = engine.until_that(&name, "at rest", |job| {
        ["paused", "failed", "finished"].iter().any(|state| job["state"] == *state)
    });
    let reason = ended["reason"].to_string();
    (if ended["state"] == "finished" { Finished } else { Paused }, reason)
}

/// Rows that the neighbour makes in a second.
const RATE: u32 = 2_000;

/// Looks at the neighbour until told to stop: how many ms it is behind, each time.
fn watch(engine: &Served<'_>, stop: &AtomicBool) -> Vec<f64> {
    let rows = || engine.job("neighbour")["figures"]["rows_in"].as_u64().expect("a figure") as f64;
    let (begun, first) = (Instant::now(), rows());
    let mut behind = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(20));
        let due = begun.elapsed().as_secs_f64() * f64::from(RATE);
        behind.push((due - (rows() - first)) / f64::from(RATE) * 1e3);
    }
    behind
}

fn p99(mut behind: Vec<f64>) -> f64 {
    behind.sort_unstable_by(f64::total_cmp);
    behind[behind.len() * 99 / 100]
}

/// How far the neighbour is behind by itself.
fn alone(engine: &Served<'_>) -> Vec<f64> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| watch(engine, &stop));
        thread::sleep(Duration::from_secs(2));
        stop.store(true, Ordering::Relaxed);
        watching.join().expect("it watches")
    })
}

#[test]
fn the_zoo_lives_beside_a_healthy_job() {
    let trials = std::env::var("PELTON_TRIALS").map_or(1, |trials| trials.parse().expect("a number"));
    let place = Place::new();
    let engine = place.serve();
    place.write("neighbour.toml", made("neighbour", RATE, None, "out"));
    engine.pelton(&["job", "submit", "neighbour.toml"]).done();
    engine.until_that("neighbour", "at work", |job| job["figures"]["rows_in"].as_u64() > Some(1_000));
    let quiet = alone(&engine);
    let kinds = kinds();
    let stop = AtomicBool::new(false);
    let busy = thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&engine, &stop));
        let mut wrong = Vec::new();
        for trial in 0..trials {
            for (at, kind) in kinds.iter().enumerate() {
                let (ends, said) = live(&engine, kind, trial * kinds.len() + at);
                let coded = ends == Finished || said.contains("PELTON-0");
                let shown = !said.contains(|c: char| c.is_control() && c != '\n') && said.len() < 40_000;
                if ends != kind.ends || !said.contains(kind.says) || !coded || !shown {
                    wrong.push(format!(
                        "{}: {ends:?}, not {:?} with {:?}: {said:.600}",
                        kind.name, kind.ends, kind.says
                    ));
                }
            }
        }
        assert_eq!(engine.get("/ready").status, 200);
        stop.store(true, Ordering::Relaxed);
        let busy = watching.join().expect("it watches");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        busy
    });
    let (quiet, busy) = (p99(quiet), p99(busy));
    println!(
        "{} kinds, {trials} times each; the neighbour is behind by (p99) {quiet:.0} ms alone, {busy:.0} ms beside them",
        kinds.len()
    );
    // Other tests run at the same time; of whatever else uses the machine, the neighbour by itself tells.
    let after = p99(alone(&engine));
    let bound = 10_000.0 + 30.0 * quiet.max(after);
    assert!(busy < bound, "the neighbour fell behind: {quiet} ms, then {busy} ms, and {after} ms behind them");
    engine.pelton(&["job", "drain", "neighbour"]).done();
    let ended = engine.until("neighbour", "finished");
    let rows = ended["figures"]["rows_in"].as_u64().unwrap();
    let mut ids: Vec<u64> = place
        .parts("out")
        .values()
        .flat_map(|part| String::from_utf8_lossy(part).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| line.parse().ok())
        .collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(1..=rows), "rows of the neighbour are lost or repeated");
    let log = std::fs::read_to_string(place.path().join("engine.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}
