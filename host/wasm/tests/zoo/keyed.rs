//! Keyed operators that mean harm, or are broken: keys, rows and tables that are not there, state of the wrong type or size,
//! timers that nobody has, and ranges of state that nobody may read.
//!
//! The good one keeps a sum of `x` for each key in the table `sum` and emits it; its table `path` is a list of texts.

use std::{
    fmt::Write,
    sync::{Mutex, PoisonError},
};

use arrow::array::StringArray;
use pelton_core::contract::KeyedSignature;
use pelton_wasm::{
    ChangeKind, Clock, DueTimers, KeyedAnswer, KeyedBatch, KeyedInstance, Kind, NO_ORIGIN, StateRange, StateReader,
    StateRows, TimerChange,
};

use super::{
    guest::{PRELUDE, VALUE, stores, words},
    *,
};

/// Where the structures of a right answer lie in the guest's memory.
mod at {
    /// `result<keyed-output, failure>`: tag, `emitted`, `changes`, five lists of timers, `rejected`: (address, length) each.
    pub const OUTPUT: u32 = 1024;
    /// `keyed-emitted`: port, key (address, length), origin and time (tag, address, length), rows, nodes (address, length).
    pub const EMITTED: u32 = 1120;
    /// `change`: table, kind (address, length), key (address, length), rows, nodes (address, length).
    pub const CHANGE: u32 = 1220;
    /// `node`s: rows, buffers (address, length). One of s64, then those of `path`: s64 and utf8.
    pub const NODE: u32 = 1292;
    pub const PATH_NODES: u32 = 1304;
    pub const BUFFERS: u32 = 1332;
    pub const PATH_AT: u32 = 1360;
    pub const PATH_PAGE: u32 = 1380;
    /// Lists: one element for each key.
    pub const KEYS: u32 = 1408;
    pub const KINDS: u32 = 1424;
    pub const ORIGIN: u32 = 1432;
    pub const TIMES: u32 = 1448;
    /// Lists of timers.
    pub const TIMER_KEYS: u32 = 1500;
    pub const TIMER_IDS: u32 = 1520;
    pub const TIMER_AT: u32 = 1540;
    pub const TIMER_CLOCKS: u32 = 1576;
    pub const TIMER_CLEARED: u32 = 1584;
    /// `rejection`: row, reason (address, length).
    pub const REJECTED: u32 = 1600;
    /// Offsets of `path`'s texts.
    pub const OFFSETS: u32 = 1700;
    /// `result<contract, string>`.
    pub const CONTRACT: u32 = 2048;
    pub const PORT: u32 = CONTRACT + 96;
    /// The port's fields: `total`, computed, and one that passes `x`, which the port does not have yet.
    pub const FIELDS: u32 = CONTRACT + 128;
    pub const SUM: u32 = CONTRACT + 240;
    pub const SUBKEY: u32 = CONTRACT + 272;
    pub const PAGE: u32 = CONTRACT + 304;
    /// The names of the contract.
    pub const TEXT: u32 = 2560;
    pub const ZEROS: u32 = 3000;
    /// Where an answer of `get` is put.
    pub const RANGE: u32 = 3200;
    /// The sums.
    pub const VALUES: u32 = 4096;
    /// Zeros beyond all that a call allocates: room for a large text.
    pub const LARGE: u32 = 2 << 20;
}

const KEYS: u32 = 4;

const GET: &str = r#"(import "pelton:operator/state@0.1.0" "get" (func $get
    (param i32 i32 i32) (param i32 i32 i32 i32) (param i32 i32 i32 i32) (param i32 i32 i32)))"#;

/// A call of `get` for rows in ascending order.
fn get(table: u32, keys: (u32, u32), from: [u32; 4], limit: u32) -> String {
    get_range(table, keys, [from, NO_BOUND], limit, 0)
}

/// A call of `get`: table, keys (address, length), bounds (tag, rows, nodes), limit and whether to descend.
fn get_range(table: u32, keys: (u32, u32), bounds: [[u32; 4]; 2], limit: u32, descending: u32) -> String {
    let words = [table, keys.0, keys.1].into_iter().chain(bounds.into_iter().flatten());
    let words = words.chain([limit, descending, at::RANGE]);
    words.fold("(call $get".to_owned(), |mut text, word| {
        write!(text, " (i32.const {word})").expect("a string takes all");
        text
    }) + ")"
}

const NO_BOUND: [u32; 4] = [0; 4];

/// A keyed operator: the good one, until a hole is filled.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeper {
    imports: String,
    /// Runs before `open` answers.
    open: String,
    /// Runs after the right answer was laid out and before it is returned.
    process: String,
    /// More functions.
    more: String,
}

impl Keeper {
    /// The good one, with more functions.
    pub(super) fn with(more: String) -> Self {
        Self { more, ..Self::default() }
    }

    pub(super) fn text(&self) -> String {
        let Self { imports, open, process, more } = self;
        let (output, contract, values) = (at::OUTPUT, at::CONTRACT, at::VALUES);
        let interface = "pelton:operator/keyed@0.1.0";
        let data = data();
        format!(
            r#"(module
  {imports}
  {PRELUDE} {VALUE}
  {data}
  (func $open (export "{interface}#open") (param i32 i32 i32 i32) (result i32)
    {open}
    (i32.const {contract}))
  ;; The arguments lie in memory: rows at 40, ends at 52, state at 72.
  (func $process (export "{interface}#process") (param $arguments i32) (result i32)
    (local $key i32) (local $row i32) (local $end i32) (local $sum i64)
    (block $done
      (loop $next_key
        (br_if $done
          (i32.ge_u (local.get $key) (i32.shr_u (i32.load offset=56 (local.get $arguments)) (i32.const 2))))
        (local.set $sum
          (call $value (i32.load offset=4 (i32.load offset=72 (local.get $arguments))) (local.get $key)))
        (local.set $end
          (i32.load (i32.add (i32.load offset=52 (local.get $arguments)) (i32.shl (local.get $key) (i32.const 2)))))
        (block $no_more
          (loop $next_row
            (br_if $no_more (i32.ge_u (local.get $row) (local.get $end)))
            (local.set $sum
              (i64.add (local.get $sum)
                (call $value (i32.load offset=44 (local.get $arguments)) (local.get $row))))
            (local.set $row (i32.add (local.get $row) (i32.const 1)))
            (br $next_row)))
        (i64.store
          (i32.add (i32.const {values}) (i32.shl (local.get $key) (i32.const 3))) (local.get $sum))
        (local.set $key (i32.add (local.get $key) (i32.const 1)))
        (br $next_key)))
    {process}
    (i32.const {output}))
  {more}
)"#
        )
    }

    /// The good one, but for what `process` does at its end.
    fn processing(body: impl Into<String>) -> Self {
        Self { process: body.into(), ..Self::default() }
    }

    /// The good one with other words in its answer.
    fn answering(words: &[(u32, u32)]) -> Self {
        Self::processing(stores(words))
    }

    /// The good one, but it reads state before it answers.
    fn reading(body: impl Into<String>) -> Self {
        Self { imports: GET.into(), process: body.into(), ..Self::default() }
    }

    pub(super) fn load(&self) -> Module {
        Module::load(&RUNTIME, self.text().as_bytes(), &patient()).expect("the keyed operator loads")
    }
}

/// The contract, and the answer but for its sums. The names are `x`, `out`, `total`, `l`, `sum`, `at`, `page`, `u`, `path`, `k`.
fn data() -> String {
    let [x, out, total, s64, sum, at, page, utf8, path] = [0, 1, 4, 9, 10, 13, 15, 19, 20].map(|byte| at::TEXT + byte);
    let (reads, names, state) = (at::CONTRACT + 64, at::CONTRACT + 72, at::CONTRACT + 192);
    let keys: Vec<u32> = (0..KEYS).collect();
    let mut text = words(&[
        (at::CONTRACT, &[0, reads, 1, at::PORT, 1, 0, 0, state, 2, 1, 0, 0]),
        (reads, &[names, 1]),
        (names, &[x, 1]),
        (at::PORT, &[out, 3, at::FIELDS, 1, 0, 0, 0]),
        (at::FIELDS, &[1, total, 5, s64, 1, 0, 0]),
        (at::FIELDS + 28, &[0, x, 1, x, 1, 0, 0]),
        (state, &[sum, 3, 0, 0, at::SUM, 1, path, 4, at::SUBKEY, 1, at::PAGE, 1]),
        (at::SUM, &[sum, 3, s64, 1, 1, 0]),
        (at::SUBKEY, &[at, 2, s64, 1, 0, 0]),
        (at::PAGE, &[page, 4, utf8, 1, 0, 0]),
        (at::OUTPUT, &[0, at::EMITTED, 1, at::CHANGE, 1]),
        (at::OUTPUT + 20, &[at::TIMER_KEYS, 0, at::TIMER_IDS, 0, at::TIMER_AT, 0, at::TIMER_CLOCKS, 0]),
        (at::OUTPUT + 52, &[at::TIMER_CLEARED, 0, at::REJECTED, 0]),
        (at::EMITTED, &[0, at::KEYS, 16, 0, at::ORIGIN, 16, 0, at::TIMES, 32, KEYS, at::NODE, 1]),
        (at::CHANGE, &[0, at::KINDS, 4, at::KEYS, 16, KEYS, at::NODE, 1]),
        (at::NODE, &[KEYS, at::BUFFERS, 2]),
        (at::PATH_NODES, &[KEYS, at::PATH_AT, 2, KEYS, at::PATH_PAGE, 3]),
        (at::BUFFERS, &[0, 0, at::VALUES, 32]),
        (at::PATH_AT, &[0, 0, at::ZEROS, 32]),
        (at::PATH_PAGE, &[0, 0, at::OFFSETS, 20, at::LARGE, 0]),
        (at::KEYS, &keys),
        (at::ORIGIN, &[NO_ORIGIN; KEYS as usize]),
        (at::TIMER_KEYS, &[2]),
        (at::TIMER_IDS, &[7]),
        (at::TIMER_AT, &[99, 0]),
        (at::TIMER_CLOCKS, &[1]),
    ]);
    write!(text, "(data (i32.const {}) \"xouttotallsumatpageupathk\")", at::TEXT).expect("a string takes all");
    text
}

/// The answer's change, but to `path`: one row for each key, of this kind.
fn path_changes(kind: u32) -> Vec<(u32, u32)> {
    vec![
        (at::CHANGE, 1),
        (at::CHANGE + 24, at::PATH_NODES),
        (at::CHANGE + 28, 2),
        (at::KINDS, u32::from_le_bytes([kind as u8; 4])),
    ]
}

/// Lengths of the five lists of timers: key, ids, at, clock, cleared.
fn timers(lengths: [u32; 5]) -> Vec<(u32, u32)> {
    lengths.into_iter().zip(0..).map(|(length, list)| (at::OUTPUT + 24 + 8 * list, length)).collect()
}

const ONE_TIMER: [u32; 5] = [4, 4, 8, 1, 1];

pub(super) fn keyed_input() -> Input {
    let fields = ["k", "x"].map(|name| Field::new(name, DataType::Int64, false));
    Input {
        name: "rows".into(),
        schema: Arc::new(Schema::new(fields.to_vec())),
        key: vec!["k".into()],
        event_time: None,
        mode: Mode::Append,
    }
}

/// Serves three rows of `path`, and remembers what it was asked.
#[derive(Debug, Default)]
struct Path {
    asked: Mutex<Vec<String>>,
    /// Bytes of each text.
    text_bytes: usize,
}

impl StateReader for Path {
    fn get(&self, range: &StateRange<'_>) -> StateRows {
        let StateRange { table, keys, from, to, rows_max, is_descending } = range;
        let order = if *is_descending { " descending" } else { "" };
        let bound = |bound: &Option<&[ArrayRef]>| bound.map(|row| row.iter().map(values).collect::<Vec<_>>());
        let asked = format!("{table} {keys:?} {:?} {:?} {rows_max}{order}", bound(from), bound(to));
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let subkeys: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 1]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(self.text_bytes); 3]));
        StateRows { keys: vec![0, 0, 3], columns: vec![subkeys, texts] }
    }
}

fn values(array: &ArrayRef) -> Vec<i64> {
    array.as_primitive::<Int64Type>().values().to_vec()
}

/// One life of a keyed operator: opened, and fed one batch of four keys with four rows each.
fn live(keeper: &Keeper, limits: &Limits, path: &Arc<Path>) -> Result<KeyedAnswer, CallError> {
    let mut instance = KeyedInstance::new(&keeper.load(), limits)?;
    let signature = instance.open(&keyed_input(), &[], "{}")?.check_keyed(&keyed_input(), &[])?;
    process(&mut instance, &signature, path)
}

fn process(
    instance: &mut KeyedInstance,
    signature: &KeyedSignature,
    path: &Arc<Path>,
) -> Result<KeyedAnswer, CallError> {
    let x: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::from(ROWS)));
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::from(KEYS)));
    let sums: ArrayRef = Arc::new(Int64Array::from(vec![Some(100), None, Some(300), None]));
    let batch = KeyedBatch {
        rows: ROWS as usize,
        columns: &[x],
        ends: &[4, 8, 12, 16],
        keys: &[keys],
        state: &[vec![sums], vec![]],
        due: DueTimers { keys: &[1], ids: &[7], at: &[50], clocks: &[0] },
        expiring: &[0, 0, 1, 0],
    };
    let reader: Arc<dyn StateReader> = Arc::<Path>::clone(path);
    let answer = instance.process(&CONTEXT, &batch, reader, &keyed_input(), signature);
    assert_eq!(Arc::strong_count(path), 1, "the reader is let go with the call");
    answer
}

/// How a hostile operator ends; the neighbours must not notice.
fn end(keeper: &Keeper, limits: &Limits) -> CallError {
    let error = live(keeper, limits, &Arc::default()).expect_err("a hostile operator got an answer through");
    the_neighbour_lives();
    let answer = live(&Keeper::default(), &patient(), &Arc::default()).expect("the good operator answers");
    assert_eq!(values(&answer.emitted[0].computed[0]), SUMS);
    error
}

fn answer(words: &[(u32, u32)]) -> KeyedAnswer {
    live(&Keeper::answering(words), &patient(), &Arc::default()).expect("nothing is wrong with that")
}

#[track_caller]
fn assert_law(error: &CallError, expected: &Law) {
    assert_eq!(error.to_string(), format!("answered `process` against the contract: {expected}"));
    assert!(matches!(error, CallError::Invalid { call: "process", law } if law == expected), "{error:?}");
}

/// 0 + 1 + 2 + 3 on top of 100, and so on.
const SUMS: [i64; KEYS as usize] = [106, 22, 338, 54];

#[test]
fn the_good_operator_sums_by_key() {
    let answer = answer(&[]);
    let [part] = answer.emitted.as_slice() else { panic!("one port, not {}", answer.emitted.len()) };
    assert_eq!((part.port, part.rows, part.keys.to_vec()), (0, 4, vec![0, 1, 2, 3]));
    assert_eq!(values(&part.computed[0]), SUMS);
    assert!(part.origin.is_none() && part.times.is_none());
    let [changes] = answer.changes.as_slice() else { panic!("one table, not {}", answer.changes.len()) };
    assert_eq!((changes.table, changes.kinds.as_slice()), (0, [ChangeKind::Put; 4].as_slice()));
    assert_eq!(changes.keys.to_vec(), [0, 1, 2, 3]);
    assert_eq!(values(&changes.columns[0]), SUMS);
    assert!(answer.timers.is_empty() && answer.rejected.is_empty());
}

#[test]
fn origins_times_timers_and_appended_rows_come_through() {
    let origins = [(at::ORIGIN, 3), (at::ORIGIN + 4, 4), (at::ORIGIN + 12, 15)];
    let mut words = vec![(at::EMITTED + 12, 1), (at::EMITTED + 24, 1), (at::TIMES, 70)];
    words.extend(origins.into_iter().chain(timers(ONE_TIMER)).chain(path_changes(2)));
    let answer = answer(&words);
    assert_eq!(answer.emitted[0].origin.as_ref().expect("origins").to_vec(), [3, 4, NO_ORIGIN, 15]);
    assert_eq!(answer.emitted[0].times.as_ref().expect("times").to_vec(), [70, 0, 0, 0]);
    let timer = TimerChange { key: 2, id: 7, at: 99, clock: Clock::ProcessingTime, cleared: false };
    assert_eq!(answer.timers, [timer]);
    assert_eq!((answer.changes[0].table, answer.changes[0].columns.len()), (1, 2));
    assert_eq!(answer.changes[0].kinds, [ChangeKind::Append; 4]);
}

#[test]
fn emitted_rows_against_the_contract_are_told_with_the_value() {
    let port = || "out".to_owned();
    let of = |list: &str| format!("`{list}` of port `out`");
    let with_origin = |row: u32, value: u32| vec![(at::EMITTED + 12, 1), (at::ORIGIN + 4 * row, value)];
    let cases = [
        (vec![(at::KEYS + 4, 4)], Law::KeyRange { of: of("key"), key: 4, keys: 4 }),
        (vec![(at::KEYS, u32::MAX)], Law::KeyRange { of: of("key"), key: u32::MAX, keys: 4 }),
        (vec![(at::EMITTED + 8, 12)], Law::Length { of: of("key"), rows: 4, want: 16, got: 12 }),
        (with_origin(0, 4), Law::OriginKey { port: port(), origin: 4, key: 0 }),
        (with_origin(1, 3), Law::OriginKey { port: port(), origin: 3, key: 1 }),
        (with_origin(3, 16), Law::OriginKey { port: port(), origin: 16, key: 3 }),
        (
            vec![(at::EMITTED + 12, 1), (at::EMITTED + 20, 4)],
            Law::Length { of: of("origin"), rows: 4, want: 16, got: 4 },
        ),
        (
            vec![(at::EMITTED + 24, 1), (at::EMITTED + 32, 31)],
            Law::Length { of: of("time"), rows: 4, want: 32, got: 31 },
        ),
        (vec![(at::EMITTED, 1)], Law::Port { port: 1, ports: 1 }),
        (vec![(at::OUTPUT + 8, 2)], Law::PortTwice(port())),
        (vec![(at::EMITTED + 44, 0)], Law::Nodes { of: "port `out`".into(), want: 1, got: 0 }),
        (vec![(at::OUTPUT + 64, 1), (at::REJECTED, 16)], Law::RejectRange { row: 16, rows: 16 }),
    ];
    for (words, expected) in cases {
        assert_law(&end(&Keeper::answering(&words), &patient()), &expected);
    }
}

#[test]
fn a_row_without_origin_needs_columns_that_take_nulls() {
    let with_pass = |column: u32, words: &[(u32, u32)]| Keeper {
        open: stores(&[(at::PORT + 12, 2), (at::FIELDS + 32, at::TEXT + column)]),
        ..Keeper::answering(words)
    };
    let (x, k) = (0, 24);
    let missing = Law::OriginMissing { port: "out".into(), column: "x".into() };
    assert_law(&end(&with_pass(x, &[]), &patient()), &missing);
    let some = [(at::EMITTED + 12, 1), (at::ORIGIN, 0), (at::ORIGIN + 4, 4), (at::ORIGIN + 8, 8)];
    assert_law(&end(&with_pass(x, &some), &patient()), &missing);
    let all: Vec<_> = some.into_iter().chain([(at::ORIGIN + 12, 12)]).collect();
    for keeper in [with_pass(x, &all), with_pass(k, &[])] {
        live(&keeper, &patient(), &Arc::default()).expect("every row has an origin, or only its key passes");
    }
}

#[test]
fn changes_against_the_contract_are_told_with_the_value() {
    let of = |list: &str| format!("`{list}` of changes to state table `sum`");
    let sum = || "sum".to_owned();
    let path = || "state table `path`".to_owned();
    let without_subkey = |kind: u32| {
        let only_values = [(at::CHANGE + 24, at::PATH_NODES + 12), (at::CHANGE + 28, 1)];
        path_changes(kind).into_iter().chain(only_values).collect::<Vec<_>>()
    };
    let cases = [
        (vec![(at::CHANGE, 2)], Law::StateTable { table: 2, tables: 2 }),
        (vec![(at::CHANGE, u32::MAX)], Law::StateTable { table: u32::MAX, tables: 2 }),
        (vec![(at::KINDS, 0x0300)], Law::ChangeKind { table: sum(), kind: 3 }),
        (vec![(at::KINDS, 2)], Law::Append(sum())),
        (vec![(at::CHANGE + 8, 3)], Law::Length { of: of("kind"), rows: 4, want: 4, got: 3 }),
        (vec![(at::CHANGE + 12, at::ORIGIN)], Law::KeyRange { of: of("key"), key: u32::MAX, keys: 4 }),
        (vec![(at::CHANGE + 16, 8)], Law::Length { of: of("key"), rows: 4, want: 16, got: 8 }),
        (vec![(at::CHANGE + 28, 2)], Law::Nodes { of: "state table `sum`".into(), want: 1, got: 2 }),
        (
            vec![(at::CHANGE + 24, at::PATH_NODES + 12)],
            Law::Column { column: "sum.sum".into(), fault: "s64 has 2 buffers, not 3".into() },
        ),
        (
            path_changes(0).into_iter().chain([(at::PATH_AT + 4, 1)]).collect(),
            Law::Column { column: "path.at".into(), fault: "it is not nullable, but 4 of 4 rows are null".into() },
        ),
        // A put, a delete and an append without a subkey: its column must come, even where what it says means nothing.
        (without_subkey(0), Law::Nodes { of: path(), want: 2, got: 1 }),
        (without_subkey(1), Law::Nodes { of: path(), want: 2, got: 1 }),
        (without_subkey(2), Law::Nodes { of: path(), want: 2, got: 1 }),
        (path_changes(3), Law::ChangeKind { table: "path".into(), kind: 3 }),
        (
            path_changes(1).into_iter().chain([(at::PATH_AT + 4, 1)]).collect(),
            Law::Column { column: "path.at".into(), fault: "it is not nullable, but 4 of 4 rows are null".into() },
        ),
    ];
    for (words, expected) in cases {
        assert_law(&end(&Keeper::answering(&words), &patient()), &expected);
    }
}

#[test]
fn timers_against_the_contract_are_told_with_the_value() {
    let of = |list: &str| format!("`{list}` of the timers");
    let one = |word: (u32, u32)| timers(ONE_TIMER).into_iter().chain([word]).collect::<Vec<_>>();
    let cases = [
        (one((at::TIMER_KEYS, 4)), Law::KeyRange { of: of("key"), key: 4, keys: 4 }),
        (one((at::TIMER_CLOCKS, 2)), Law::Timer { what: "the clock", value: 2 }),
        (one((at::TIMER_CLEARED, 9)), Law::Timer { what: "`cleared`", value: 9 }),
        (timers([4, 3, 8, 1, 1]), Law::Length { of: of("ids"), rows: 0, want: 0, got: 3 }),
        (timers([8, 4, 8, 1, 1]), Law::Length { of: of("key"), rows: 1, want: 4, got: 8 }),
        (timers([4, 4, 4, 1, 1]), Law::Length { of: of("at"), rows: 1, want: 8, got: 4 }),
        (timers([4, 4, 8, 0, 1]), Law::Length { of: of("clock"), rows: 1, want: 1, got: 0 }),
        (timers([4, 4, 8, 1, 2]), Law::Length { of: of("cleared"), rows: 1, want: 1, got: 2 }),
    ];
    for (words, expected) in cases {
        assert_law(&end(&Keeper::answering(&words), &patient()), &expected);
    }
}

/// `path_changes` with a last text of `bytes` bytes.
fn long_text(bytes: u32) -> Vec<(u32, u32)> {
    path_changes(2).into_iter().chain([(at::OFFSETS + 16, bytes), (at::PATH_PAGE + 20, bytes)]).collect()
}

#[test]
fn a_row_of_state_hits_state_row_bytes() {
    let error = end(&Keeper::answering(&long_text((1 << 20) - 7)), &patient());
    assert_limit(
        error,
        "process",
        LimitName::StateRowBytes,
        "hit its limit `state-row-bytes` = 1MiB with 1048577 bytes for state table `path` in `process`",
    );
    let answer = answer(&long_text((1 << 20) - 8));
    assert_eq!(answer.changes[0].columns[1].as_string::<i32>().value(3).len(), (1 << 20) - 8);
}

#[test]
fn a_gibibyte_of_state_never_reaches_the_host() {
    let grow = format!("(drop (memory.grow (i32.const 16384))) {}", stores(&long_text(1 << 30)));
    let error = end(&Keeper::processing(grow), &patient());
    assert_limit(error, "process", LimitName::MemoryBytes, "hit its limit `memory-bytes` = 64MiB in `process`");
    let error = end(&Keeper::answering(&long_text(1 << 30)), &patient());
    assert_trap(&error, "process", "out of bounds");
}

#[test]
fn ranges_of_state_are_served() {
    let keys = (at::KEYS + 8, 8);
    let count = format!("(i64.store (i32.const {}) (i64.load32_u (i32.const {})))", at::VALUES, at::RANGE);
    let nodes = format!("(i64.store (i32.const {}) (i64.load32_u (i32.const {})))", at::VALUES + 8, at::RANGE + 8);
    // The last row of the first node: the key as a u32.
    let key = format!(
        "(i64.store (i32.const {}) (i64.load32_u offset=8
            (i32.load offset=8 (i32.load offset=4 (i32.load (i32.const {}))))))",
        at::VALUES + 16,
        at::RANGE + 4
    );
    let bound = stores(&[(at::ZEROS, 40), (at::PATH_NODES, 1), (at::PATH_AT + 12, 8)]);
    let from = [1, 1, at::PATH_NODES, 1];
    let body = format!("{}{bound}{}{count}{nodes}{key}", get(1, keys, NO_BOUND, 10), get(1, keys, from, u32::MAX));
    let path = Arc::new(Path { text_bytes: 5, ..Path::default() });
    let answer = live(&Keeper::reading(body), &patient(), &path).expect("ranges can be read");
    assert_eq!(values(&answer.emitted[0].computed[0])[..3], [3, 3, 3], "rows, nodes, and the last row's key");
    let asked = path.asked.lock().unwrap().clone();
    assert_eq!(asked, ["1 [2, 3] None None 10", "1 [2, 3] Some([[40]]) None 4294967295"]);
}

#[test]
fn any_range_of_the_subkeys_type_is_passed_on_as_it_was_asked() {
    let path = Arc::<Path>::default();
    let (one, bound) = ((at::KEYS, 4), [1, 1, at::PATH_NODES, 1]);
    let to_one_row = stores(&[(at::ZEROS, 40), (at::PATH_NODES, 1), (at::PATH_AT + 12, 8)]);
    // It ends where it begins, and before; no key at all; no row; and what is not quite a bool.
    let asks = [
        get_range(1, one, [bound, bound], 7, 1),
        get_range(1, one, [NO_BOUND, bound], 0, 0),
        get_range(1, (at::KEYS, 0), [bound, NO_BOUND], 7, 2),
    ];
    live(&Keeper::reading(format!("{to_one_row}{}", asks.concat())), &patient(), &path)
        .expect("nothing is wrong with that");
    let asked = path.asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        [
            "1 [0] Some([[40]]) Some([[40]]) 7 descending",
            "1 [0] None Some([[40]]) 0",
            "1 [] Some([[40]]) None 7 descending"
        ]
    );
}

#[test]
fn ranges_against_the_contract_are_told_with_the_value() {
    let keys = (at::KEYS, 16);
    let of = || "`keys` of a range of state".to_owned();
    let bound = |rows: u32, nodes: u32| [1, rows, at::PATH_NODES, nodes];
    let cases = [
        (get(0, keys, NO_BOUND, 1), Law::NoRange("sum".into())),
        (get(2, keys, NO_BOUND, 1), Law::StateTable { table: 2, tables: 2 }),
        (get(1, (at::ORIGIN, 4), NO_BOUND, 1), Law::KeyRange { of: of(), key: u32::MAX, keys: 4 }),
        (get(1, (at::KEYS, 3), NO_BOUND, 1), Law::Length { of: of(), rows: 0, want: 0, got: 3 }),
        (get(1, keys, bound(2, 1), 1), Law::Bound { table: "path".into(), rows: 2 }),
        (
            get(1, keys, bound(1, 0), 1),
            Law::Nodes { of: "a bound of a range of state table `path`".into(), want: 1, got: 0 },
        ),
        (
            get(1, keys, bound(1, 1), 1),
            Law::Column { column: "at".into(), fault: "it has 4 rows, but 1 are due".into() },
        ),
        (get_range(1, keys, [NO_BOUND, bound(0, 1)], 1, 1), Law::Bound { table: "path".into(), rows: 0 }),
        (
            get_range(1, keys, [NO_BOUND, bound(1, 2)], 1, 1),
            Law::Nodes { of: "a bound of a range of state table `path`".into(), want: 1, got: 2 },
        ),
        (
            // The bound of a text, which is what the values are.
            format!("{}{}", stores(&[(at::PATH_NODES + 12, 1)]), get(1, keys, [1, 1, at::PATH_NODES + 12, 1], 1)),
            Law::Column { column: "at".into(), fault: "s64 has 2 buffers, not 3".into() },
        ),
        (
            // A bound that is null: no bit of its validity is set.
            format!(
                "{}{}",
                stores(&[(at::PATH_NODES, 1), (at::PATH_AT, at::ZEROS), (at::PATH_AT + 4, 1)]),
                get(1, keys, bound(1, 1), 1)
            ),
            Law::Column { column: "at".into(), fault: "it is not nullable, but 1 of 1 rows are null".into() },
        ),
    ];
    for (body, expected) in cases {
        assert_law(&end(&Keeper::reading(body), &patient()), &expected);
    }
}

#[test]
fn a_range_that_does_not_fit_the_memory_hits_memory_bytes() {
    let path = Arc::new(Path { text_bytes: 2 << 20, ..Path::default() });
    let limits = Limits { memory_bytes: 5 << 20, ..patient() };
    let error = live(&Keeper::reading(get(1, (at::KEYS, 4), NO_BOUND, 3)), &limits, &path).unwrap_err();
    assert_limit(error, "process", LimitName::MemoryBytes, "hit its limit `memory-bytes` = 5MiB in `process`");
    the_neighbour_lives();
}

#[test]
fn state_cannot_be_read_in_open() {
    let keeper = Keeper { imports: GET.into(), open: get(1, (at::KEYS, 4), NO_BOUND, 1), ..Keeper::default() };
    assert_trap(&end(&keeper, &patient()), "open", "state can only be read in `process`");
}

#[test]
fn loops_and_traps_are_named_by_their_call() {
    let message = "hit its limit `call-time` = 100ms in `process`";
    assert_limit(end(&Keeper::processing(SPIN), &quick()), "process", LimitName::CallTime, message);
    let ask = get(1, (at::KEYS, 4), NO_BOUND, 1);
    // Forgetting what was allocated, it could ask for ever.
    let asking = format!("(loop $for_ever {ask} (global.set $next (i32.const 131072)) (br $for_ever))");
    assert_limit(end(&Keeper::reading(asking), &quick()), "process", LimitName::CallTime, message);
    let error = end(&Keeper::processing("(unreachable)"), &patient());
    assert_eq!(assert_trap(&error, "process", "unreachable"), ["process"]);
}

#[test]
fn another_contract_than_the_plan_had_is_refused() {
    let module = Keeper::default().load();
    assert_eq!(module.kind(), Kind::Keyed);
    let mut instance = KeyedInstance::new(&module, &patient()).expect("it starts");
    let signature =
        instance.open(&keyed_input(), &[], "{}").expect("it opens").check_keyed(&keyed_input(), &[]).expect("typed");
    instance.open_as(&keyed_input(), &[], "{}", &signature).expect("the same contract again");
    let other = KeyedSignature { state_version: 2, ..signature };
    let error = instance.open_as(&keyed_input(), &[], "{}", &other).unwrap_err();
    assert!(matches!(error, CallError::ContractChanged), "{error:?}");
    let error = KeyedInstance::new(&NEIGHBOUR, &patient()).unwrap_err();
    assert_eq!(error.to_string(), "exports a transform, but a keyed operator is due here");
}
