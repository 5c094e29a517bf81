//! Aggregates that mean harm, or are broken: accumulators of the wrong number or type, results of groups that are not
//! there, traps and loops in every call.
//!
//! The good one sums `x`, and is written by hand like the good transform: a hostile one is it plus a few stores.

use std::fmt::Write;

use arrow::array::Array;
use pelton_core::contract::AggregateSignature;
use pelton_wasm::{AggregateInstance, Kind};

use super::{
    guest::{PRELUDE, VALUE, words},
    *,
};

/// Where the structures of a right answer lie in the guest's memory.
mod at {
    /// `result<table, failure>` of `accumulate` and `merge`: tag, rows, nodes (address, length).
    pub const TABLE: u32 = 1024;
    /// `node`: rows, buffers (address, length).
    pub const NODE: u32 = 1200;
    /// Validity (address, length), values (address, length).
    pub const BUFFERS: u32 = 1240;
    /// `result<output, failure>` of `finish`: tag, `emitted` (address, length), `rejected` (address, length).
    pub const OUTPUT: u32 = 1500;
    /// `emitted`: port, origin (tag, address, length), rows, nodes (address, length).
    pub const EMITTED: u32 = 1540;
    /// `rejection`: row, reason (address, length).
    pub const REJECTED: u32 = 1600;
    /// `origin`: group for group.
    pub const ORIGIN: u32 = 1700;
    /// `result<contract, string>`.
    pub const CONTRACT: u32 = 2048;
    /// The only port's only field; `field` of the accumulator's only column.
    pub const FIELD: u32 = CONTRACT + 128;
    pub const ACCUMULATOR: u32 = CONTRACT + 192;
    /// The names of the contract.
    pub const TEXT: u32 = 2304;
    /// The sums.
    pub const VALUES: u32 = 4096;
}

const GROUPS: usize = 4;

/// An aggregate that takes rows back: the good one, until a hole is filled.
#[derive(Debug, Clone, Default)]
struct Fold {
    /// Runs before `open` answers.
    open: String,
    /// Run after the right answer was laid out and before it is returned.
    accumulate: String,
    retract: String,
    merge: String,
    finish: String,
    /// It says that it takes rows back, but does not export how.
    keeps_rows: bool,
}

impl Fold {
    fn text(&self) -> String {
        let Self { open, accumulate, retract, merge, finish, keeps_rows } = self;
        let interface = "pelton:operator/aggregate@0.1.0";
        let (table, node, output, contract, values) = (at::TABLE, at::NODE, at::OUTPUT, at::CONTRACT, at::VALUES);
        let (table_rows, emitted_rows) = (at::TABLE + 4, at::EMITTED + 16);
        let (validity_size, values_size) = (at::BUFFERS + 4, at::BUFFERS + 12);
        let data = data();
        let accumulate = by_rows(&format!("{interface}#accumulate"), "i64.add", accumulate);
        let retract = by_rows("pelton:operator/retractable@0.1.0#retract", "i64.sub", retract);
        let retract = if *keeps_rows { String::new() } else { retract };
        format!(
            r#"(module
  {PRELUDE} {VALUE}
  {data}
  (func $slot (param $row i32) (result i32)
    (i32.add (i32.const {values}) (i32.shl (local.get $row) (i32.const 3))))
  (func $answer (param $rows i32)
    (i32.store (i32.const {table_rows}) (local.get $rows))
    (i32.store (i32.const {emitted_rows}) (local.get $rows))
    (i32.store (i32.const {node}) (local.get $rows))
    (i32.store (i32.const {validity_size}) (i32.const 0))
    (i32.store (i32.const {values_size}) (i32.shl (local.get $rows) (i32.const 3))))
  ;; Adds the first node's rows to the sums.
  (func $add (param $rows i32) (param $nodes i32)
    (local $row i32)
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_u (local.get $row) (local.get $rows)))
        (i64.store
          (call $slot (local.get $row))
          (i64.add (i64.load (call $slot (local.get $row))) (call $value (local.get $nodes) (local.get $row))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next_row))))
  (func $clear (memory.fill (i32.const {values}) (i32.const 0) (i32.const 4096)))
  (func $open (export "{interface}#open") (param i32 i32 i32 i32) (result i32)
    {open}
    (i32.const {contract}))
  {accumulate}
  {retract}
  (func $merge (export "{interface}#merge")
    (param $rows i32) (param $left i32) (param i32) (param i32) (param $right i32) (param i32) (result i32)
    (call $clear)
    (call $answer (local.get $rows))
    (call $add (local.get $rows) (local.get $left))
    (call $add (local.get $rows) (local.get $right))
    {merge}
    (i32.const {table}))
  ;; Its arguments are more than fit into parameters, so they lie in memory. The total is sum + end - start + pane.
  (func $finish (export "{interface}#finish") (param $arguments i32) (result i32)
    (local $groups i32) (local $row i32) (local $by_eight i32)
    (local.set $groups (i32.load offset=76 (local.get $arguments)))
    (call $clear)
    (call $answer (local.get $groups))
    (call $add (local.get $groups) (i32.load offset=80 (local.get $arguments)))
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_u (local.get $row) (local.get $groups)))
        (local.set $by_eight (i32.shl (local.get $row) (i32.const 3)))
        (i64.store (call $slot (local.get $row))
          (i64.add
            (i64.add
              (i64.load (call $slot (local.get $row)))
              (i64.load8_u (i32.add (i32.load offset=68 (local.get $arguments)) (local.get $row))))
            (i64.sub
              (i64.load (i32.add (i32.load offset=60 (local.get $arguments)) (local.get $by_eight)))
              (i64.load (i32.add (i32.load offset=52 (local.get $arguments)) (local.get $by_eight))))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next_row)))
    {finish}
    (i32.const {output}))
)"#
        )
    }

    /// The good one, but for what `call` does at its end.
    fn ending(call: &str, body: &str) -> Self {
        let mut fold = Self::default();
        let hole = match call {
            "open" => &mut fold.open,
            "accumulate" => &mut fold.accumulate,
            "retract" => &mut fold.retract,
            "merge" => &mut fold.merge,
            "finish" => &mut fold.finish,
            other => panic!("an aggregate has no call `{other}`"),
        };
        body.clone_into(hole);
        fold
    }

    /// The good one with other words in the answer of `call`.
    fn answering(call: &str, words: &[(u32, u32)]) -> Self {
        Self::ending(call, &guest::stores(words))
    }

    fn load(&self) -> Module {
        Module::load(&RUNTIME, self.text().as_bytes(), &patient()).expect("the aggregate loads")
    }
}

/// `accumulate` or `retract`: the accumulators, to which every row is applied by an instruction.
fn by_rows(export: &str, instruction: &str, end: &str) -> String {
    let table = at::TABLE;
    let name = export.split_once('#').map_or(export, |(_, name)| name);
    format!(
        r#"(func ${name} (export "{export}")
    (param i64 i64 i64 i64 i64)
    (param $rows i32) (param $nodes i32) (param i32)
    (param $slots i32) (param i32)
    (param $groups i32) (param $accumulators i32) (param i32) (result i32)
    (local $row i32) (local $at i32)
    (call $clear)
    (call $answer (local.get $groups))
    (call $add (local.get $groups) (local.get $accumulators))
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_u (local.get $row) (local.get $rows)))
        (local.set $at
          (call $slot (i32.load (i32.add (local.get $slots) (i32.shl (local.get $row) (i32.const 2))))))
        (i64.store (local.get $at)
          ({instruction} (i64.load (local.get $at)) (call $value (local.get $nodes) (local.get $row))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next_row)))
    {end}
    (i32.const {table}))"#
    )
}

/// The contract, and the answers as far as they do not depend on the call. The names are `x`, `out`, `total`, `l`, `sum`, and
/// those of a property.
fn data() -> String {
    let (reads, names, ports, state) = (at::CONTRACT + 64, at::CONTRACT + 72, at::CONTRACT + 96, at::CONTRACT + 160);
    let (x, out, total, format, sum) = (at::TEXT, at::TEXT + 1, at::TEXT + 4, at::TEXT + 9, at::TEXT + 10);
    let (accepts, changes, properties) = (at::TEXT + 13, at::TEXT + 20, at::CONTRACT + 224);
    let origin: Vec<u32> = (0..GROUPS as u32).collect();
    let mut text = words(&[
        (at::CONTRACT, &[0, reads, 1, ports, 1, 0, 0, state, 1, 0, properties, 1]),
        (properties, &[accepts, 7, changes, 14]),
        (reads, &[names, 1]),
        (names, &[x, 1]),
        (ports, &[out, 3, at::FIELD, 1, 0, 0, 0]),
        (at::FIELD, &[1, total, 5, format, 1, 0, 0]),
        (state, &[sum, 3, 0, 0, at::ACCUMULATOR, 1]),
        (at::ACCUMULATOR, &[sum, 3, format, 1, 1, 0]),
        (at::TABLE, &[0, 0, at::NODE, 1]),
        (at::OUTPUT, &[0, at::EMITTED, 1, at::REJECTED, 0]),
        (at::EMITTED, &[0, 0, at::ORIGIN, 4 * GROUPS as u32, 0, at::NODE, 1]),
        (at::NODE, &[0, at::BUFFERS, 2]),
        (at::BUFFERS, &[0, 0, at::VALUES, 0]),
        (at::ORIGIN, &origin),
    ]);
    write!(text, "(data (i32.const {}) \"xouttotallsumacceptsappend,retract\")", at::TEXT).expect("a string takes all");
    text
}

/// One life of an aggregate: opened, fed, merged with itself, and asked for its results.
struct Folding {
    instance: AggregateInstance,
    signature: AggregateSignature,
}

impl Folding {
    fn begin(fold: &Fold, limits: &Limits) -> Result<Self, CallError> {
        let mut instance = AggregateInstance::new(&fold.load(), limits)?;
        let signature = instance.open(&input(), &[], "{}")?.check_aggregate(&input(), &[])?;
        Ok(Self { instance, signature })
    }

    /// Rows 0 to 15 go to slots 0, 1, 2, 3, 0, 1, …, on top of `accumulators`.
    fn accumulate(&mut self, accumulators: &ArrayRef) -> Result<Vec<ArrayRef>, CallError> {
        let x: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::from(ROWS)));
        let slots: Vec<u32> = (0..ROWS).map(|row| row % GROUPS as u32).collect();
        let accumulators = std::slice::from_ref(accumulators);
        self.instance.accumulate(&CONTEXT, ROWS as usize, &[x], &slots, GROUPS, accumulators, &self.signature)
    }

    /// Takes the same rows back again.
    fn retract(&mut self, accumulators: &[ArrayRef]) -> Result<Vec<ArrayRef>, CallError> {
        let x: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::from(ROWS)));
        let slots: Vec<u32> = (0..ROWS).map(|row| row % GROUPS as u32).collect();
        self.instance.retract(&CONTEXT, ROWS as usize, &[x], &slots, GROUPS, accumulators, &self.signature)
    }

    fn merge(&mut self, left: &[ArrayRef], right: &[ArrayRef]) -> Result<Vec<ArrayRef>, CallError> {
        self.instance.merge(GROUPS, left, right, &self.signature)
    }

    fn finish(&mut self, accumulators: &[ArrayRef]) -> Result<Answer, CallError> {
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(0..GROUPS as i64));
        let (starts, ends, panes) = ([100, 200, 300, 400], [110, 220, 330, 440], [0, 1, 1, 2]);
        self.instance.finish(&CONTEXT, GROUPS, &[keys], &starts, &ends, &panes, accumulators, &self.signature)
    }

    fn live(fold: &Fold, limits: &Limits) -> Result<Answer, CallError> {
        let mut folding = Self::begin(fold, limits)?;
        let folded = folding.accumulate(&identity())?;
        let twice = folding.accumulate(&folded[0])?;
        let folded = folding.retract(&twice)?;
        let merged = folding.merge(&folded, &[sums(&[0, 10, 20, 30])])?;
        folding.finish(&merged)
    }
}

fn identity() -> ArrayRef {
    Arc::new(Int64Array::new_null(GROUPS))
}

fn sums(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn values(array: &ArrayRef) -> Vec<i64> {
    array.as_primitive::<Int64Type>().values().to_vec()
}

/// How a hostile aggregate ends; the neighbours must not notice.
fn end(fold: &Fold, limits: &Limits) -> CallError {
    let error = Folding::live(fold, limits).expect_err("a hostile aggregate got an answer through");
    the_neighbour_lives();
    let answer = Folding::live(&Fold::default(), &patient()).expect("the good aggregate answers");
    assert_eq!(values(&answer.emitted[0].computed[0]), TOTALS);
    error
}

/// 24 + 0 + (110 - 100) + 0, and so on.
const TOTALS: [i64; GROUPS] = [34, 59, 83, 108];

#[test]
fn the_good_aggregate_folds_merges_and_finishes() {
    let mut folding = Folding::begin(&Fold::default(), &patient()).expect("it opens");
    let folded = folding.accumulate(&identity()).expect("it folds");
    assert_eq!(values(&folded[0]), [24, 28, 32, 36], "a row of nulls is the identity");
    let half: ArrayRef = Arc::new(Int64Array::from(vec![Some(100), None, Some(300), None]));
    let more = folding.accumulate(&half).expect("it folds on");
    assert_eq!(values(&more[0]), [124, 28, 332, 36]);
    let back = folding.retract(&more).expect("it takes rows back");
    assert_eq!(values(&back[0]), [100, 0, 300, 0]);
    let merged = folding.merge(&folded, &[sums(&[0, 10, 20, 30])]).expect("it merges");
    assert_eq!(values(&merged[0]), [24, 38, 52, 66]);
    let answer = folding.finish(&merged).expect("it finishes");
    let [part] = answer.emitted.as_slice() else { panic!("one port, not {}", answer.emitted.len()) };
    assert_eq!(values(&part.computed[0]), TOTALS);
    assert!(part.origin.is_none() && answer.rejected.is_empty());
    let none = folding.instance.accumulate(&CONTEXT, 0, &[sums(&[])], &[], 0, &[sums(&[])], &folding.signature);
    assert_eq!(none.expect("no rows are no error")[0].len(), 0);
}

#[test]
fn accumulators_that_come_back_null_are_the_identity() {
    let fold = Fold::answering("merge", &[(at::BUFFERS + 4, 1)]);
    let answer = Folding::live(&fold, &patient()).expect("nulls are allowed in an accumulator");
    assert_eq!(values(&answer.emitted[0].computed[0]), [10, 21, 31, 42], "windows and panes alone");
}

#[test]
fn accumulators_against_the_contract_are_told_with_the_value() {
    let column = |fault: &str| Law::Column { column: "sum".into(), fault: fault.into() };
    let nodes = |got| Law::Nodes { of: "the accumulator".into(), want: 1, got };
    let cases = [
        (vec![(at::TABLE + 4, 3)], Law::AccumulatorRows { want: 4, got: 3 }),
        (vec![(at::TABLE + 4, u32::MAX)], Law::AccumulatorRows { want: 4, got: u32::MAX }),
        (vec![(at::TABLE + 12, 0)], nodes(0)),
        (vec![(at::TABLE + 12, 2)], nodes(2)),
        (vec![(at::NODE, 5)], column("it has 5 rows, but 4 are due")),
        (vec![(at::NODE + 8, 3)], column("s64 has 2 buffers, not 3")),
        (vec![(at::BUFFERS + 12, 16)], column("its values have 16 bytes, but 4 rows need 32")),
    ];
    for (words, expected) in cases {
        for call in ["accumulate", "retract", "merge"] {
            let error = end(&Fold::answering(call, &words), &patient());
            assert_eq!(error.to_string(), format!("answered `{call}` against the contract: {expected}"));
            assert!(matches!(&error, CallError::Invalid { law, .. } if *law == expected), "{error:?}");
        }
    }
}

#[test]
fn results_against_the_contract_are_told_with_the_value() {
    let port = || "out".to_owned();
    let with_origin = |row: u32, value: u32| vec![(at::EMITTED + 4, 1), (at::ORIGIN + 4 * row, value)];
    let cases = [
        (with_origin(3, 4), Law::OriginRange { port: port(), origin: 4, rows: 4 }),
        (with_origin(3, u32::MAX), Law::OriginRange { port: port(), origin: u32::MAX, rows: 4 }),
        (with_origin(0, 3), Law::OriginOrder { port: port() }),
        (
            vec![(at::EMITTED + 16, 3)],
            Law::Rows { port: port(), rows: 3, expected: "the batch has 4, and there is no `origin`".into() },
        ),
        (vec![(at::EMITTED, 1)], Law::Port { port: 1, ports: 1 }),
        (
            vec![(at::BUFFERS + 4, 1)],
            Law::Column { column: "total".into(), fault: "it is not nullable, but 4 of 4 rows are null".into() },
        ),
        (vec![(at::OUTPUT + 16, 1), (at::REJECTED, 4)], Law::RejectRange { row: 4, rows: 4 }),
    ];
    for (words, expected) in cases {
        let error = end(&Fold::answering("finish", &words), &patient());
        assert_eq!(error.to_string(), format!("answered `finish` against the contract: {expected}"));
        assert!(matches!(&error, CallError::Invalid { call: "finish", law } if *law == expected), "{error:?}");
    }
}

#[test]
fn results_may_drop_and_repeat_groups() {
    let fold = Fold::answering("finish", &[(at::EMITTED + 4, 1), (at::ORIGIN, 1), (at::ORIGIN + 8, 1)]);
    let answer = Folding::live(&fold, &patient()).expect("group 0 is dropped, group 1 comes three times");
    assert_eq!(answer.emitted[0].origin.as_ref().expect("an origin").to_vec(), [1, 1, 1, 3]);
}

#[test]
fn loops_and_traps_are_named_by_their_call() {
    for call in ["open", "accumulate", "retract", "merge", "finish"] {
        let message = format!("hit its limit `call-time` = 100ms in `{call}`");
        assert_limit(end(&Fold::ending(call, SPIN), &quick()), call, LimitName::CallTime, &message);
        let error = end(&Fold::ending(call, "(unreachable)"), &patient());
        assert_eq!(assert_trap(&error, call, "unreachable"), [call]);
    }
}

#[test]
fn limits_hold_in_every_call() {
    let grow = "(loop $more (drop (memory.grow (i32.const 16))) (br $more))";
    for call in ["accumulate", "retract", "merge", "finish"] {
        let message = format!("hit its limit `memory-bytes` = 64MiB in `{call}`");
        assert_limit(end(&Fold::ending(call, grow), &patient()), call, LimitName::MemoryBytes, &message);
    }
    let limits = Limits { output_bytes: 1 << 10, ..patient() };
    for call in ["accumulate", "retract", "merge"] {
        let message = format!("hit its limit `output-bytes` = 1KiB in `{call}`");
        let large = Fold::answering(call, &[(at::BUFFERS + 12, 2 << 10)]);
        assert_limit(end(&large, &limits), call, LimitName::OutputBytes, &message);
    }
    let limits = Limits { rows_out_per_row: 1, ..patient() };
    let fold = Fold::answering("finish", &[(at::EMITTED + 16, 5)]);
    let message = "hit its limit `rows-out-per-row` = 1 in `finish`";
    assert_limit(end(&fold, &limits), "finish", LimitName::RowsOutPerRow, message);
}

#[test]
fn an_aggregate_that_gives_up_is_quoted() {
    let words = [(at::TABLE, 1), (at::TABLE + 4, 1), (at::TABLE + 8, at::TEXT + 10), (at::TABLE + 12, 3)];
    for call in ["accumulate", "retract", "merge"] {
        let error = end(&Fold::answering(call, &words), &patient());
        assert_eq!(error.to_string(), "said that it cannot go on: sum");
    }
}

#[test]
fn a_contract_that_an_aggregate_cannot_have_is_refused() {
    let cases = [
        (vec![(at::CONTRACT + 32, 0)], ContractError::Accumulators(0)),
        (
            vec![(at::FIELD, 0), (at::FIELD + 4, at::TEXT), (at::FIELD + 8, 1)],
            ContractError::Passes { port: "out".into(), column: "x".into() },
        ),
        (
            vec![(at::ACCUMULATOR + 16, 0)],
            ContractError::AccumulatorColumn {
                column: "sum".into(),
                why: "is not nullable, but a row of nulls is the identity".into(),
            },
        ),
    ];
    for (words, expected) in cases {
        let error = end(&Fold::answering("open", &words), &patient());
        assert!(matches!(&error, CallError::Contract(law) if *law == expected), "{error:?}");
    }
}

#[test]
fn who_takes_rows_back_exports_how_and_who_does_not_say_so_is_not_asked() {
    let fold = Fold { keeps_rows: true, ..Fold::default() };
    let error = end(&fold, &patient());
    assert!(matches!(error, CallError::NoRetract), "{error:?}");
    let silent = Fold { open: guest::stores(&[(at::CONTRACT + 44, 0)]), ..fold };
    let mut folding = Folding::begin(&silent, &patient()).expect("it opens");
    assert!(!folding.signature.retracts);
    let error = folding.retract(&[identity()]).expect_err("nobody can be asked");
    assert!(matches!(error, CallError::NoRetract), "{error:?}");
    let changes = Input { mode: Mode::Retract, ..input() };
    let contract = folding.instance.open(&changes, &[], "{}").expect("it opens");
    let error = contract.check_aggregate(&changes, &[]).expect_err("it takes facts alone");
    assert!(matches!(error, ContractError::NotAccepted { mode: Mode::Retract, .. }), "{error:?}");
    let unknown = Fold { open: guest::stores(&[(at::TEXT + 27, u32::from_le_bytes(*b"rewr"))]), ..Fold::default() };
    let error = end(&unknown, &patient());
    assert!(matches!(&error, CallError::Contract(ContractError::Mode { property: "accepts", .. })), "{error:?}");
}

#[test]
fn another_contract_than_the_plan_had_is_refused() {
    let mut folding = Folding::begin(&Fold::default(), &patient()).expect("it opens");
    folding.instance.open_as(&input(), &[], "{}", &folding.signature).expect("the same contract again");
    let other = AggregateSignature { ordered: true, ..folding.signature };
    let error = folding.instance.open_as(&input(), &[], "{}", &other).unwrap_err();
    assert!(matches!(error, CallError::ContractChanged), "{error:?}");
}

#[test]
fn a_module_of_another_kind_is_said_so() {
    let module = Fold::default().load();
    assert_eq!(module.kind(), Kind::Aggregate);
    let error = TransformInstance::new(&module, &patient()).unwrap_err();
    assert_eq!(error.to_string(), "exports an aggregate, but a transform is due here");
    let error = AggregateInstance::new(&NEIGHBOUR, &patient()).unwrap_err();
    assert_eq!(error.to_string(), "exports a transform, but an aggregate is due here");
}
