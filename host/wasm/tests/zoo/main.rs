//! The zoo: modules that mean harm, or are broken in every place where one can be.
//!
//! Each must end in an error that names what was wrong, within its limits, and must leave the runtime as it was:
//! after every one of them the good guest runs in the same runtime. This file has the transforms, `aggregates` the
//! aggregates, `keyed` the keyed operators, `cogroups` the cogroups, `asking` the enrich operators, `tables` those with side inputs, `migrate` those that read
//! state of older versions, and `loading` what must not even load.

#![expect(clippy::indexing_slicing, reason = "a test that has not what it expects should fail there")]

mod aggregates;
mod asking;
mod cogroups;
mod guest;
mod keyed;
mod loading;
mod metered;
mod migrate;
mod tables;
mod wasi;

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array},
    datatypes::{DataType, Field, Int64Type, Schema},
};
use guest::{Guest, ROWS, at};
use pelton_core::{
    contract::{ContractError, Input, Mode, Signature},
    limits::{LimitName, Limits},
};
use pelton_wasm::{
    Answer, BatchContext, CallError, CallLog, Law, LoadError, Module, Runtime, RuntimeOptions, TransformInstance,
};

static RUNTIME: LazyLock<Arc<Runtime>> =
    LazyLock::new(|| Runtime::new(&RuntimeOptions::default()).expect("the runtime starts"));

const CONTEXT: BatchContext = BatchContext { epoch: 3, first_row: 0, now: 0, watermark: i64::MIN, seed: 7 };

/// For guests that never end: their tests take this long.
fn quick() -> Limits {
    Limits { call_time: Duration::from_millis(100), ..Limits::default() }
}

/// For guests that end by themselves, on a machine that may be busy.
fn patient() -> Limits {
    Limits { call_time: Duration::from_secs(20), ..Limits::default() }
}

fn input() -> Input {
    let schema = Schema::new(vec![Field::new("x", DataType::Int64, false)]);
    Input { name: "rows".into(), schema: Arc::new(schema), key: Vec::new(), event_time: None, mode: Mode::Append }
}

/// One life of a module: loaded, opened, and fed one batch.
struct Life {
    instance: TransformInstance,
    signature: Signature,
}

impl Life {
    fn begin(module: &Module, limits: &Limits) -> Result<Self, CallError> {
        let mut instance = TransformInstance::new(module, limits)?;
        let signature = instance.open(&input(), &[], "{}")?.check(&input(), &[])?;
        Ok(Self { instance, signature })
    }

    fn process(&mut self) -> Result<Answer, CallError> {
        let x: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::from(ROWS)));
        self.instance.process(&CONTEXT, ROWS as usize, &[x], &self.signature)
    }
}

fn load(guest: &Guest, limits: &Limits) -> Result<Module, LoadError> {
    Module::load(&RUNTIME, guest.text().as_bytes(), limits)
}

fn live(guest: &Guest, limits: &Limits) -> Result<(Answer, CallLog), CallError> {
    let module = load(guest, limits).expect("a guest that only misbehaves when called can be loaded");
    let mut life = Life::begin(&module, limits)?;
    let answer = life.process()?;
    Ok((answer, life.instance.take_log()))
}

/// How a hostile guest ends; the neighbour must not notice.
fn end(guest: &Guest, limits: &Limits) -> CallError {
    let error = live(guest, limits).expect_err("a hostile guest got an answer through");
    the_neighbour_lives();
    error
}

/// The good guest, loaded once, before or between the hostile ones.
static NEIGHBOUR: LazyLock<Module> = LazyLock::new(|| load(&Guest::good(), &patient()).expect("the good guest loads"));

fn the_neighbour_lives() {
    let mut life = Life::begin(&NEIGHBOUR, &patient()).expect("the good guest opens");
    let answer = life.process().expect("the good guest answers");
    let [part] = answer.emitted.as_slice() else { panic!("one port, not {}", answer.emitted.len()) };
    let [y] = part.computed.as_slice() else { panic!("one column, not {}", part.computed.len()) };
    let y = y.as_primitive::<Int64Type>();
    assert_eq!(y.values().to_vec(), (0..i64::from(ROWS)).map(|x| 2 * x).collect::<Vec<_>>());
    assert!(part.origin.is_none() && answer.rejected.is_empty());
}

fn load_error(bytes: &[u8]) -> LoadError {
    let error = Module::load(&RUNTIME, bytes, &patient()).expect_err("a broken module was loaded");
    the_neighbour_lives();
    error
}

#[track_caller]
fn assert_limit(error: CallError, in_call: &str, limit_name: LimitName, message: &str) {
    assert!(
        matches!(&error, CallError::Limit { call, name, .. } if *call == in_call && *name == limit_name),
        "{error:?}"
    );
    assert_eq!(error.to_string(), message);
}

/// The backtrace, as lines.
#[track_caller]
fn assert_trap(error: &CallError, in_call: &str, message: &str) -> Vec<String> {
    match error {
        CallError::Trap { call, reason, backtrace } => {
            assert_eq!(*call, in_call);
            assert!(reason.contains(message), "{reason:?} should contain {message:?}");
            backtrace.0.clone()
        }
        other => panic!("no trap, but {other:?}"),
    }
}

const SPIN: &str = "(loop $for_ever (br $for_ever))";

#[test]
fn the_good_guest_maps() {
    the_neighbour_lives();
}

#[test]
fn loops_hit_call_time_wherever_they_are() {
    let start = format!("(func $spin {SPIN}) (start $spin)");
    let cases = [
        ("process", Guest::processing(SPIN)),
        ("open", Guest { open: SPIN.into(), ..Guest::good() }),
        ("open", Guest { realloc: SPIN.into(), ..Guest::good() }),
        ("start", Guest { more: start, ..Guest::good() }),
        (
            "process",
            Guest::processing(
                "(loop $copy (memory.fill (i32.const 131072) (i32.const 1) (i32.const 524288)) (br $copy))",
            ),
        ),
    ];
    for (call, guest) in cases {
        let began = Instant::now();
        assert_limit(
            end(&guest, &quick()),
            call,
            LimitName::CallTime,
            &format!("hit its limit `call-time` = 100ms in `{call}`"),
        );
        assert!(began.elapsed() < Duration::from_secs(10), "a loop in `{call}` ran for {:?}", began.elapsed());
    }
}

#[test]
fn a_loop_is_named_in_the_backtrace() {
    let guest = Guest { more: format!("(func $spin {SPIN})"), ..Guest::processing("(call $spin)") };
    let CallError::Limit { backtrace, .. } = end(&guest, &quick()) else { panic!("a limit") };
    assert_eq!(backtrace.0, ["spin", "process"]);
}

#[test]
fn memory_that_grows_hits_memory_bytes() {
    let guest = Guest::processing("(loop $more (drop (memory.grow (i32.const 16))) (br $more))");
    let error = end(&guest, &patient());
    assert_limit(error, "process", LimitName::MemoryBytes, "hit its limit `memory-bytes` = 64MiB in `process`");
}

#[test]
fn a_memory_that_is_too_large_at_the_start_is_refused_before_there_is_one() {
    let error = load_error(Guest { pages: 1025, ..Guest::good() }.text().as_bytes());
    assert!(matches!(error, LoadError::Resources { ref max, .. } if max == "64MiB"), "{error:?}");
    assert!(error.to_string().contains("65600KiB of memory (`memory-bytes`)"), "{error}");
}

#[test]
fn broken_laws_are_told_with_the_value_that_broke_them() {
    let second = [
        (at::EMITTED + 28, 0),
        (at::EMITTED + 32, 0),
        (at::EMITTED + 44, ROWS),
        (at::EMITTED + 48, at::NODE),
        (at::EMITTED + 52, 1),
    ];
    let twice: Vec<_> = second.into_iter().chain([(at::ANSWER + 8, 2)]).collect();
    let with_origin = |row: u32, value: u32| vec![(at::EMITTED + 4, 1), (at::ORIGIN + 4 * row, value)];
    let rejected = |rows: &[u32]| {
        let mut words = vec![(at::ANSWER + 16, rows.len() as u32)];
        for (index, row) in rows.iter().enumerate() {
            words.push((at::REJECTED + 12 * index as u32, *row));
        }
        words
    };
    let port = || "out".to_owned();
    let column = |fault: &str| Law::Column { column: "y".into(), fault: fault.into() };
    let cases = [
        (with_origin(15, 16), Law::OriginRange { port: port(), origin: 16, rows: 16 }),
        (with_origin(15, u32::MAX), Law::OriginRange { port: port(), origin: u32::MAX, rows: 16 }),
        (with_origin(15, 3), Law::OriginOrder { port: port() }),
        (
            vec![(at::EMITTED + 4, 1), (at::EMITTED + 12, 60)],
            Law::OriginSize { port: port(), rows: 16, want: 64, got: 60 },
        ),
        (
            vec![(at::EMITTED + 16, 15)],
            Law::Rows { port: port(), rows: 15, expected: "the batch has 16, and there is no `origin`".into() },
        ),
        (vec![(at::EMITTED + 24, 2)], Law::Nodes { of: "port `out`".into(), want: 1, got: 2 }),
        (vec![(at::EMITTED + 24, 0)], Law::Nodes { of: "port `out`".into(), want: 1, got: 0 }),
        (vec![(at::NODE, 15)], column("it has 15 rows, but 16 are due")),
        (vec![(at::NODE + 8, 1)], column("s64 has 2 buffers, not 1")),
        (vec![(at::BUFFERS + 12, 127)], column("its values have 127 bytes, but 16 rows need 128")),
        (vec![(at::BUFFERS + 4, 1)], column("its validity bitmap has 1 bytes, but 16 rows need 2")),
        (vec![(at::BUFFERS + 4, 2)], column("it is not nullable, but 16 of 16 rows are null")),
        (vec![(at::EMITTED, 1)], Law::Port { port: 1, ports: 1 }),
        (vec![(at::EMITTED, u32::MAX)], Law::Port { port: u32::MAX, ports: 1 }),
        (twice, Law::PortTwice(port())),
        (rejected(&[16]), Law::RejectRange { row: 16, rows: 16 }),
        (rejected(&[4, 4]), Law::RejectTwice(4)),
    ];
    for (words, expected) in cases {
        let error = end(&Guest::answering(&words), &patient());
        assert_eq!(error.to_string(), format!("answered `process` against the contract: {expected}"));
        assert!(matches!(&error, CallError::Invalid { call: "process", law } if *law == expected), "{error:?}");
    }
}

#[test]
fn answers_outside_the_memory_or_the_types_trap() {
    let cases = [
        ("values past the memory", Guest::answering(&[(at::BUFFERS + 8, 0xffff_0000)]), "out of bounds"),
        ("values of 2^31 bytes", Guest::answering(&[(at::BUFFERS + 12, 1 << 31)]), "out of bounds"),
        ("2^31 emitted parts", Guest::answering(&[(at::ANSWER + 8, 1 << 31)]), "out of bounds"),
        ("2^32 - 1 rejected rows", Guest::answering(&[(at::ANSWER + 16, u32::MAX)]), "out of bounds"),
        ("emitted parts at an odd address", Guest::answering(&[(at::ANSWER + 4, at::EMITTED + 1)]), "not aligned"),
        ("a result that is neither ok nor error", Guest::answering(&[(at::ANSWER, 7)]), "invalid"),
        ("an answer past the memory", Guest::processing("(return (i32.const -16))"), "out of bounds"),
        ("an answer at an odd address", Guest::processing("(return (i32.const 1025))"), "not aligned"),
        (
            "a reason that is not UTF-8",
            Guest::processing(format!(
                "(i32.store8 (i32.const 3000) (i32.const 255)) {}",
                guest::stores(&[(at::ANSWER + 16, 1), (at::REJECTED + 4, 3000), (at::REJECTED + 8, 1)])
            )),
            "utf-8",
        ),
    ];
    for (what, guest, message) in cases {
        let error = end(&guest, &patient());
        let CallError::Trap { call: "process", reason, .. } = &error else { panic!("{what}: {error:?}") };
        assert!(reason.contains(message), "{what}: {reason:?} should contain {message:?}");
    }
}

#[test]
fn a_realloc_that_lies_is_caught_in_the_call_that_asked_it() {
    for (address, message) in
        [(-16, "realloc return: beyond end of memory"), (65_537, "realloc return: result not aligned")]
    {
        let realloc = format!("(return (i32.const {address}))");
        assert_trap(&end(&Guest { realloc, ..Guest::good() }, &patient()), "open", message);
    }
    let trapping = Guest { realloc: "(unreachable)".into(), ..Guest::good() };
    assert_trap(&end(&trapping, &patient()), "open", "unreachable");
}

#[test]
fn traps_carry_the_names_of_functions() {
    let guest =
        Guest { more: "(func $divide_the_row (unreachable))".into(), ..Guest::processing("(call $divide_the_row)") };
    assert_eq!(assert_trap(&end(&guest, &patient()), "process", "unreachable"), ["divide_the_row", "process"]);
    let guest = Guest { open: "(unreachable)".into(), ..Guest::good() };
    assert_eq!(assert_trap(&end(&guest, &patient()), "open", "unreachable"), ["open"]);
    let more =
        r#"(func $tidy_up (export "cabi_post_pelton:operator/transform@0.1.0#process") (param i32) (unreachable))"#;
    let guest = Guest { more: more.into(), ..Guest::good() };
    assert_eq!(assert_trap(&end(&guest, &patient()), "process", "unreachable"), ["tidy_up"]);
    let guest = Guest { more: "(func $begin (unreachable)) (start $begin)".into(), ..Guest::good() };
    assert!(matches!(end(&guest, &patient()), CallError::Instantiate(reason) if reason.contains("unreachable")));
}

#[test]
fn a_stack_overflow_is_a_trap_like_any_other() {
    let guest = Guest { more: "(func $deep (call $deep) (call $deep))".into(), ..Guest::processing("(call $deep)") };
    let frames = assert_trap(&end(&guest, &patient()), "process", "call stack exhausted");
    assert!(frames.len() <= 32 && frames.iter().all(|frame| frame == "deep"), "{frames:?}");
}

const LOG: &str = r#"(import "pelton:operator/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#;

#[test]
fn a_flood_of_log_calls_hits_log_calls() {
    let flood = "(loop $again
        (call $log (i32.const 2) (i32.const 2304) (i32.const 1))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000000))))";
    let guest = Guest { imports: LOG.into(), ..Guest::processing(flood) };
    assert_limit(
        end(&guest, &patient()),
        "process",
        LimitName::LogCalls,
        "hit its limit `log-calls` = 100000 in `process`",
    );
}

#[test]
fn a_giant_line_of_escape_codes_is_cut_and_made_visible() {
    // ESC [ 2 J, a terminal's "clear the screen", to the end of 1 MiB.
    let shout = "(loop $again
        (i32.store (i32.add (i32.const 65536) (local.get $i)) (i32.const 0x4a325b1b))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 1048576))))
        (call $log (i32.const 2) (i32.const 65536) (i32.const 1048576))
        (call $log (i32.const 2) (i32.const 65536) (i32.const 4))";
    let guest = Guest { imports: LOG.into(), pages: 32, ..Guest::processing(shout) };
    let (answer, log) = live(&guest, &patient()).expect("a long line is no error");
    assert_eq!(answer.emitted.len(), 1);
    let [line] = log.lines.as_slice() else { panic!("one line, not {}", log.lines.len()) };
    assert_eq!(log.dropped, 1, "the line after the limit is counted");
    assert!(line.message.starts_with("\\u{1b}[2J\\u{1b}[2J") && line.message.ends_with('…'));
    assert!(!line.message.contains(char::is_control));
    let shown = line.message.matches("[2J").count() as u64;
    assert_eq!(shown * 4, patient().log_bytes, "what the limit leaves of the line");
    the_neighbour_lives();
}

#[test]
fn too_much_output_hits_its_limits() {
    let limits = Limits { output_bytes: 1 << 20, ..patient() };
    let guest = Guest { pages: 64, ..Guest::answering(&[(at::BUFFERS + 12, 2 << 20)]) };
    assert_limit(
        end(&guest, &limits),
        "process",
        LimitName::OutputBytes,
        "hit its limit `output-bytes` = 1MiB in `process`",
    );
    let limits = Limits { rows_out_per_row: 10, ..patient() };
    let guest = Guest::answering(&[(at::EMITTED + 16, 161)]);
    assert_limit(
        end(&guest, &limits),
        "process",
        LimitName::RowsOutPerRow,
        "hit its limit `rows-out-per-row` = 10 in `process`",
    );
}

#[test]
fn a_contract_that_cannot_be_kept_is_refused() {
    let guest = Guest { open: "(i32.store8 (i32.const 2304) (i32.const 122))".into(), ..Guest::good() };
    let error = end(&guest, &patient());
    assert!(
        matches!(&error, CallError::Contract(ContractError::NoColumn { column, .. }) if column == "z"),
        "{error:?}"
    );
    let guest = Guest { open: guest::stores(&[(at::CONTRACT + 16, 0)]), ..Guest::good() };
    assert!(matches!(end(&guest, &patient()), CallError::Contract(ContractError::NoPort)));
}

#[test]
fn words_of_a_guest_in_an_error_are_cut_and_made_visible() {
    let text = "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 500000))
        (i32.store (i32.const 65536) (i32.const 0x4a325b1b))";
    let refusal = guest::stores(&[(at::CONTRACT, 1), (at::CONTRACT + 4, 65_536), (at::CONTRACT + 8, 500_000)]);
    let error = end(&Guest { open: format!("{text} {refusal}"), ..Guest::good() }, &patient());
    assert!(matches!(error, CallError::Refused(_)), "{error:?}");
    assert_shown(&error.to_string());
    let failure =
        guest::stores(&[(at::ANSWER, 1), (at::ANSWER + 4, 1), (at::ANSWER + 8, 65_536), (at::ANSWER + 12, 500_000)]);
    let error = end(&Guest::processing(format!("{text} {failure}")), &patient());
    assert!(matches!(error, CallError::Failed(_)), "{error:?}");
    assert_shown(&error.to_string());
    let more = "(func $\"a\\1b[2J\" (unreachable))";
    let guest = Guest { more: more.into(), ..Guest::processing("(call $\"a\\1b[2J\")") };
    assert_eq!(assert_trap(&end(&guest, &patient()), "process", "unreachable"), ["a\\u{1b}[2J", "process"]);
}

#[track_caller]
fn assert_shown(message: &str) {
    assert!(message.len() < 20_000, "{} bytes", message.len());
    assert!(message.contains("\\u{1b}[2J") && !message.contains(char::is_control), "{:?}", message.get(..80));
}
