//! Cogroups that mean harm, or are broken: rows of keys and ports that are not there, rejections beyond both sides, contracts
//! that forget a side or pass what is no key.
//!
//! The good one emits, key for key, the sum of `x` on the left and a hundred times that on the right.

use std::fmt::Write;

use pelton_core::contract::CogroupSignature;
use pelton_wasm::{CogroupBatch, CogroupInstance, CogroupSide, Kind};

use super::{
    guest::{PRELUDE, VALUE, stores, words},
    *,
};

/// Where the structures of a right answer lie in the guest's memory.
mod at {
    /// `result<output, failure>`: tag, `emitted` (address, length), `rejected` (address, length).
    pub const OUTPUT: u32 = 1024;
    /// `emitted`: port, origin (tag, address, length), rows, nodes (address, length); room for two.
    pub const EMITTED: u32 = 1100;
    /// `node`: rows, buffers (address, length).
    pub const NODE: u32 = 1200;
    /// Validity (address, length), values (address, length).
    pub const BUFFERS: u32 = 1240;
    /// `rejection`: row, reason (address, length); room for two.
    pub const REJECTED: u32 = 1300;
    /// `origin`: key for key.
    pub const ORIGIN: u32 = 1400;
    /// `result<contract, string>`.
    pub const CONTRACT: u32 = 2048;
    /// Names of columns to read, of the left and then of the right: (address, length) each.
    pub const READS: u32 = CONTRACT + 64;
    /// The port's fields: `total`, computed, and one that passes `k`, which the port does not have yet.
    pub const PORT: u32 = CONTRACT + 112;
    pub const FIELDS: u32 = CONTRACT + 144;
    /// The names of the contract.
    pub const TEXT: u32 = 2304;
    /// The sums.
    pub const VALUES: u32 = 4096;
}

const KEYS: u32 = 4;
const RIGHT_ROWS: u32 = 6;

/// A cogroup: the good one, until a hole is filled.
#[derive(Debug, Clone, Default)]
struct Pairer {
    /// Runs before `open` answers.
    open: String,
    /// Runs after the right answer was laid out and before it is returned.
    process: String,
}

impl Pairer {
    fn text(&self) -> String {
        let Self { open, process } = self;
        let (output, contract, values) = (at::OUTPUT, at::CONTRACT, at::VALUES);
        let interface = "pelton:operator/cogroup@0.1.0";
        let data = data();
        format!(
            r#"(module
  {PRELUDE} {VALUE}
  {data}
  (func $open (export "{interface}#open") (param i32 i32 i32 i32) (result i32)
    {open}
    (i32.const {contract}))
  ;; The sum of the first node's rows from `row` to `end`.
  (func $sum (param $nodes i32) (param $row i32) (param $end i32) (result i64)
    (local $sum i64)
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_u (local.get $row) (local.get $end)))
        (local.set $sum (i64.add (local.get $sum) (call $value (local.get $nodes) (local.get $row))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next_row)))
    (local.get $sum))
  (func $end (param $ends i32) (param $key i32) (result i32)
    (i32.load (i32.add (local.get $ends) (i32.shl (local.get $key) (i32.const 2)))))
  ;; The arguments lie in memory: left at 40, its ends at 52, right at 60, its ends at 72, keys at 80.
  (func $process (export "{interface}#process") (param $arguments i32) (result i32)
    (local $key i32) (local $left i32) (local $right i32) (local $left_end i32) (local $right_end i32)
    (block $done
      (loop $next_key
        (br_if $done (i32.ge_u (local.get $key) (i32.load offset=80 (local.get $arguments))))
        (local.set $left_end (call $end (i32.load offset=52 (local.get $arguments)) (local.get $key)))
        (local.set $right_end (call $end (i32.load offset=72 (local.get $arguments)) (local.get $key)))
        (i64.store
          (i32.add (i32.const {values}) (i32.shl (local.get $key) (i32.const 3)))
          (i64.add
            (call $sum (i32.load offset=44 (local.get $arguments)) (local.get $left) (local.get $left_end))
            (i64.mul
              (i64.const 100)
              (call $sum (i32.load offset=64 (local.get $arguments)) (local.get $right) (local.get $right_end)))))
        (local.set $left (local.get $left_end))
        (local.set $right (local.get $right_end))
        (local.set $key (i32.add (local.get $key) (i32.const 1)))
        (br $next_key)))
    {process}
    (i32.const {output}))
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

    /// The good one with other words in its contract.
    fn opening(words: &[(u32, u32)]) -> Self {
        Self { open: stores(words), ..Self::default() }
    }

    fn load(&self) -> Module {
        Module::load(&RUNTIME, self.text().as_bytes(), &patient()).expect("the cogroup loads")
    }
}

/// The contract, and the answer but for its sums. The names are `x`, `out`, `total`, `l`, `k`.
fn data() -> String {
    let [x, out, total, s64, k] = [0, 1, 4, 9, 10].map(|byte| at::TEXT + byte);
    let origin: Vec<u32> = (0..KEYS).collect();
    let names = at::READS + 16;
    let mut text = words(&[
        (at::CONTRACT, &[0, at::READS, 2, at::PORT, 1, 0, 0, 0, 0, 0, 0, 0]),
        (at::READS, &[names, 1, names + 8, 1]),
        (names, &[x, 1, x, 1]),
        (at::PORT, &[out, 3, at::FIELDS, 1, 0, 0, 0]),
        (at::FIELDS, &[1, total, 5, s64, 1, 0, 0]),
        (at::FIELDS + 28, &[0, k, 1, k, 1, 0, 0]),
        (at::OUTPUT, &[0, at::EMITTED, 1, at::REJECTED, 0]),
        (at::EMITTED, &[0, 0, at::ORIGIN, 4 * KEYS, KEYS, at::NODE, 1]),
        (at::NODE, &[KEYS, at::BUFFERS, 2]),
        (at::BUFFERS, &[0, 0, at::VALUES, 8 * KEYS]),
        (at::ORIGIN, &origin),
    ]);
    write!(text, "(data (i32.const {}) \"xouttotallk\")", at::TEXT).expect("a string takes all");
    text
}

fn inputs() -> [Input; 2] {
    ["left", "right"].map(|name| Input {
        name: name.into(),
        schema: Arc::new(Schema::new(["k", "x"].map(|name| Field::new(name, DataType::Int64, false)).to_vec())),
        key: vec!["k".into()],
        event_time: None,
        mode: Mode::Append,
    })
}

/// One life of a cogroup: opened, and fed one batch of four keys; each side lacks the rows of some.
fn live(pairer: &Pairer, limits: &Limits) -> Result<Answer, CallError> {
    let mut instance = CogroupInstance::new(&pairer.load(), limits)?;
    let signature = instance.open(&inputs(), &[], "{}")?.check_cogroup(&inputs(), &[])?;
    let column = |rows: u32| -> ArrayRef { Arc::new(Int64Array::from_iter_values(0..i64::from(rows))) };
    let (left, right, keys) = ([column(ROWS)], [column(RIGHT_ROWS)], [column(KEYS)]);
    let batch = CogroupBatch {
        left: CogroupSide { rows: ROWS as usize, columns: &left, ends: &[4, 4, 12, 16] },
        right: CogroupSide { rows: RIGHT_ROWS as usize, columns: &right, ends: &[0, 2, 2, 6] },
        keys: &keys,
    };
    instance.process(&CONTEXT, &batch, &signature)
}

/// 0 + 1 + 2 + 3, then 100 times 0 + 1, and so on.
const TOTALS: [i64; KEYS as usize] = [6, 100, 60, 1454];

#[track_caller]
fn assert_totals(answer: &Answer) {
    let [part] = answer.emitted.as_slice() else { panic!("one port, not {}", answer.emitted.len()) };
    assert_eq!(part.computed[0].as_primitive::<Int64Type>().values().to_vec(), TOTALS);
}

/// How a hostile cogroup ends; the neighbours must not notice.
fn end(pairer: &Pairer, limits: &Limits) -> CallError {
    let error = live(pairer, limits).expect_err("a hostile cogroup got an answer through");
    the_neighbour_lives();
    assert_totals(&live(&Pairer::default(), &patient()).expect("the good cogroup answers"));
    error
}

#[test]
fn the_good_cogroup_sees_both_sides_of_every_key() {
    let answer = live(&Pairer::default(), &patient()).expect("it answers");
    assert_totals(&answer);
    assert!(answer.emitted[0].origin.is_none() && answer.rejected.is_empty());
}

#[test]
fn origins_name_keys_and_rejections_the_rows_of_both_sides() {
    let last = ROWS + RIGHT_ROWS - 1;
    let words = [
        (at::EMITTED + 4, 1),
        (at::ORIGIN, 1),
        (at::ORIGIN + 8, 1),
        (at::OUTPUT + 16, 2),
        (at::REJECTED, ROWS),
        (at::REJECTED + 12, last),
    ];
    let answer = live(&Pairer::answering(&words), &patient()).expect("nothing is wrong with that");
    assert_eq!(answer.emitted[0].origin.as_ref().expect("origins").to_vec(), [1, 1, 1, 3]);
    let rows: Vec<u32> = answer.rejected.iter().map(|rejection| rejection.row).collect();
    assert_eq!(rows, [ROWS, last], "the first and the last row of the right");
}

#[test]
fn a_port_may_have_more_rows_than_there_are_keys() {
    let origin: Vec<(u32, u32)> = (0..20).map(|row| (at::ORIGIN + 4 * row, row / 5)).collect();
    let mut words = vec![
        (at::EMITTED + 4, 1),
        (at::EMITTED + 12, 80),
        (at::EMITTED + 16, 20),
        (at::NODE, 20),
        (at::BUFFERS + 12, 160),
    ];
    words.extend(origin);
    let answer = live(&Pairer::answering(&words), &patient()).expect("a cogroup may emit pairs");
    assert_eq!(answer.emitted[0].rows, 20);
}

#[test]
fn broken_laws_are_told_with_the_value_that_broke_them() {
    let port = || "out".to_owned();
    let second = [(at::EMITTED + 28, 0), (at::EMITTED + 32, 0), (at::EMITTED + 44, KEYS), (at::EMITTED + 48, at::NODE)];
    let twice = second.into_iter().chain([(at::EMITTED + 52, 1), (at::OUTPUT + 8, 2)]).collect();
    let with_origin = |row: u32, value: u32| vec![(at::EMITTED + 4, 1), (at::ORIGIN + 4 * row, value)];
    let of_keys = |key: u32| Law::KeyRange { of: "`origin` of port `out`".into(), key, keys: KEYS as usize };
    let column = |fault: &str| Law::Column { column: "total".into(), fault: fault.into() };
    let all = (ROWS + RIGHT_ROWS) as usize;
    let cases = [
        (with_origin(3, KEYS), of_keys(KEYS)),
        (with_origin(0, u32::MAX), of_keys(u32::MAX)),
        (with_origin(0, 3), Law::OriginOrder { port: port() }),
        (
            vec![(at::EMITTED + 4, 1), (at::EMITTED + 12, 12)],
            Law::OriginSize { port: port(), rows: KEYS, want: 16, got: 12 },
        ),
        (
            vec![(at::EMITTED + 16, ROWS)],
            Law::Rows { port: port(), rows: ROWS, expected: "the call has 4 keys, and there is no `origin`".into() },
        ),
        (vec![(at::EMITTED, 1)], Law::Port { port: 1, ports: 1 }),
        (twice, Law::PortTwice(port())),
        (vec![(at::EMITTED + 24, 0)], Law::Nodes { of: "port `out`".into(), want: 1, got: 0 }),
        (vec![(at::NODE, 3)], column("it has 3 rows, but 4 are due")),
        (vec![(at::BUFFERS + 12, 31)], column("its values have 31 bytes, but 4 rows need 32")),
        (vec![(at::BUFFERS + 4, 1)], column("it is not nullable, but 4 of 4 rows are null")),
        (
            vec![(at::OUTPUT + 16, 1), (at::REJECTED, ROWS + RIGHT_ROWS)],
            Law::RejectRange { row: ROWS + RIGHT_ROWS, rows: all },
        ),
        (vec![(at::OUTPUT + 16, 2), (at::REJECTED, ROWS), (at::REJECTED + 12, ROWS)], Law::RejectTwice(ROWS)),
    ];
    for (words, expected) in cases {
        let error = end(&Pairer::answering(&words), &patient());
        assert_eq!(error.to_string(), format!("answered `process` against the contract: {expected}"));
        assert!(matches!(&error, CallError::Invalid { call: "process", law } if *law == expected), "{error:?}");
    }
}

#[test]
fn contracts_that_cannot_be_kept_are_refused() {
    let cases = [
        (Pairer::opening(&[(at::CONTRACT + 8, 1)]), "its contract reads 1 inputs, but the operator has 2"),
        (
            Pairer::opening(&[(at::READS + 24, at::TEXT + 9)]),
            "it reads column `l`, which input `right` does not have (it has k, x)",
        ),
        (
            Pairer::opening(&[(at::PORT + 12, 2), (at::FIELDS + 32, at::TEXT)]),
            "port `out` passes column `x`, but on a port of a cogroup only key columns pass (k)",
        ),
        (
            Pairer::opening(&[(at::CONTRACT + 28, at::VALUES), (at::CONTRACT + 32, 1)]),
            "it declares state, which cogroups do not have",
        ),
    ];
    for (pairer, message) in cases {
        let error = end(&pairer, &patient());
        assert!(matches!(&error, CallError::Contract(_)), "{error:?}");
        assert!(error.to_string().contains(message), "{error} should contain {message}");
    }
    let with_key = Pairer::opening(&[(at::PORT + 12, 2)]);
    live(&with_key, &patient()).expect("a key column may pass");
}

#[test]
fn more_rows_than_both_sides_allow_hit_rows_out_per_row() {
    let limits = Limits { rows_out_per_row: 2, ..patient() };
    let error = end(&Pairer::answering(&[(at::EMITTED + 16, 2 * (ROWS + RIGHT_ROWS) + 1)]), &limits);
    assert_limit(error, "process", LimitName::RowsOutPerRow, "hit its limit `rows-out-per-row` = 2 in `process`");
}

#[test]
fn loops_and_traps_are_named_by_their_call() {
    let message = "hit its limit `call-time` = 100ms in `process`";
    assert_limit(end(&Pairer::processing(SPIN), &quick()), "process", LimitName::CallTime, message);
    let error = end(&Pairer::processing("(unreachable)"), &patient());
    assert_eq!(assert_trap(&error, "process", "unreachable"), ["process"]);
    let open = Pairer { open: "(unreachable)".into(), ..Pairer::default() };
    assert_eq!(assert_trap(&end(&open, &patient()), "open", "unreachable"), ["open"]);
    let failure = stores(&[(at::OUTPUT, 1), (at::OUTPUT + 4, 1), (at::OUTPUT + 8, at::TEXT + 4), (at::OUTPUT + 12, 5)]);
    let error = end(&Pairer::processing(failure), &patient());
    assert!(matches!(&error, CallError::Failed(reason) if reason == "total"), "{error:?}");
}

#[test]
fn another_contract_than_the_plan_had_is_refused() {
    let module = Pairer::default().load();
    assert_eq!(module.kind(), Kind::Cogroup);
    let mut instance = CogroupInstance::new(&module, &patient()).expect("it starts");
    let contract = instance.open(&inputs(), &[], "{}").expect("it opens");
    let signature = contract.check_cogroup(&inputs(), &[]).expect("typed");
    instance.open_as(&inputs(), &[], "{}", &signature).expect("the same contract again");
    let [left, _] = signature.reads.clone();
    let other = CogroupSignature { reads: [left, Vec::new()], ..signature };
    let error = instance.open_as(&inputs(), &[], "{}", &other).unwrap_err();
    assert!(matches!(error, CallError::ContractChanged), "{error:?}");
    let error = CogroupInstance::new(&NEIGHBOUR, &patient()).unwrap_err();
    assert_eq!(error.to_string(), "exports a transform, but a cogroup is due here");
}
