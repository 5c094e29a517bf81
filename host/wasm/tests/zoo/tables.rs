//! Side inputs: modules that mean harm when they are handed one, or ask for what they cannot have.
//!
//! The good one is a transform that also exports `tables`: it adds up the first column of `rates` in `load`, and then answers
//! with `y = 2 x` plus that sum.

use arrow::{
    array::{Date64Array, StringArray},
    record_batch::RecordBatch,
};
use pelton_core::contract::SideTable;

use super::{
    guest::{VALUE, at, stores, words},
    *,
};

/// `result<_, failure>` of `load`: tag, then failure tag, text (address, length).
const LOADED: u32 = 3000;
/// The list of tables that the contract asks for: names (address, length).
const ASKED: u32 = 3100;
/// Where text is that a hostile guest names.
const TEXT: u32 = 3200;

/// A transform with side inputs: the good one, until a hole is filled.
#[derive(Debug, Clone, Default)]
struct Taker {
    /// Runs before `open` answers; `$inputs` were shown.
    open: String,
    /// Runs after the sum was taken, and before `load` answers.
    load: String,
}

const TABLES: &str = "pelton:operator/tables@0.1.0#load";

impl Taker {
    /// The good transform, whose contract asks for `rates`, and which takes it.
    fn guest(&self) -> Guest {
        let Self { open, load } = self;
        let data = words(&[(ASKED, &[TEXT, 5, TEXT + 5, 5])]);
        let more = format!(
            r#"{data} {VALUE} (data (i32.const {TEXT}) "ratesrange")
  (global $sum (mut i64) (i64.const 0))
  (func $load (export "{TABLES}") (param $name i32) (param $length i32) (param $version i64)
    (param $rows i32) (param $nodes i32) (param $node_count i32) (result i32)
    (local $row i32)
    (global.set $sum (local.get $version))
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_u (local.get $row) (local.get $rows)))
        (global.set $sum (i64.add (global.get $sum) (call $value (local.get $nodes) (local.get $row))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next_row)))
    {load}
    (i32.const {LOADED}))"#
        );
        let ask = stores(&[(at::CONTRACT + 20, ASKED), (at::CONTRACT + 24, 1)]);
        let add = format!(
            "(loop $next
              (i64.store offset={values} (i32.shl (local.get $i) (i32.const 3))
                (i64.add (i64.load offset={values} (i32.shl (local.get $i) (i32.const 3))) (global.get $sum)))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $rows))))",
            values = at::VALUES
        );
        Guest { open: format!("{ask} {open}"), more, ..Guest::processing(add) }
    }

    fn loading(body: impl Into<String>) -> Self {
        Self { load: body.into(), ..Self::default() }
    }

    fn opening(words: &[(u32, u32)]) -> Self {
        Self { open: stores(words), ..Self::default() }
    }
}

/// What the job offers: `rates`, with one column that cannot cross between two that can.
fn offered() -> [SideTable; 2] {
    let rates = Schema::new(vec![
        Field::new("rate", DataType::Int64, true),
        Field::new("at", DataType::Date64, false),
        Field::new("name", DataType::Utf8, false),
    ]);
    [
        SideTable { name: "airlines".into(), schema: Arc::new(Schema::empty()) },
        SideTable { name: "rates".into(), schema: Arc::new(rates) },
    ]
}

fn rates(rates: &[Option<i64>]) -> RecordBatch {
    let [_, table] = offered();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(rates.to_vec())),
        Arc::new(Date64Array::from(vec![0; rates.len()])),
        Arc::new(StringArray::from(vec!["é"; rates.len()])),
    ];
    RecordBatch::try_new(table.schema, columns).expect("columns of the schema")
}

struct Taking {
    instance: TransformInstance,
    signature: Signature,
}

impl Taking {
    fn begin(guest: &Guest, limits: &Limits) -> Result<Self, CallError> {
        let module = load(guest, limits).expect("it loads");
        let mut instance = TransformInstance::new(&module, limits)?;
        let signature = instance.open(&input(), &offered(), "{}")?.check(&input(), &offered())?;
        Ok(Self { instance, signature })
    }

    /// The first of the answers.
    fn process(&mut self) -> i64 {
        let x: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::from(ROWS)));
        let answer = self.instance.process(&CONTEXT, ROWS as usize, &[x], &self.signature).expect("it answers");
        answer.emitted[0].computed[0].as_primitive::<Int64Type>().value(0)
    }
}

fn live(taker: &Taker, limits: &Limits) -> Result<Taking, CallError> {
    let mut taking = Taking::begin(&taker.guest(), limits)?;
    taking.instance.load_table("rates", 1, &rates(&[Some(5), None, Some(30)]))?;
    Ok(taking)
}

/// How a hostile module ends; the neighbours must not notice.
fn end(taker: &Taker, limits: &Limits) -> CallError {
    let Err(error) = live(taker, limits) else { panic!("a hostile module took a table") };
    the_neighbour_lives();
    assert_eq!(live(&Taker::default(), &patient()).expect("the good one takes its table").process(), 36);
    error
}

#[test]
fn a_table_is_handed_over_and_replaced() {
    let mut taking = live(&Taker::default(), &patient()).expect("it takes its table");
    assert_eq!(taking.signature.tables, [1]);
    assert_eq!(taking.process(), 36, "5 + 30, and version 1");
    taking.instance.load_table("rates", 7, &rates(&[])).expect("no rows are no error");
    assert_eq!(taking.process(), 7);
    assert!(taking.instance.open_as(&input(), &offered(), "{}", &taking.signature).is_ok());
    let [airlines, _] = offered();
    let error = taking.instance.open_as(&input(), &[airlines], "{}", &taking.signature).unwrap_err();
    assert!(matches!(error, CallError::Contract(ContractError::NoTable { .. })), "{error:?}");
}

#[test]
fn the_side_inputs_on_offer_are_shown_to_a_module_that_takes_any_and_to_no_other() {
    // The number of inputs, as the name of the port.
    let count = format!("(i32.store8 (i32.const {}) (i32.add (i32.const 48) (local.get 1)))", at::TEXT + 1);
    let mut taking =
        Taking::begin(&Taker { open: count.clone(), ..Taker::default() }.guest(), &patient()).expect("it opens");
    assert_eq!(taking.signature.ports[0].name, "3ut", "its input and two tables");
    assert_eq!(taking.process(), 0, "it works on what it has");
    let plain = Guest { open: count, ..Guest::good() };
    let taking = Taking::begin(&plain, &patient()).expect("it opens");
    assert_eq!(taking.signature.ports[0].name, "1ut");
}

#[test]
fn what_it_asks_for_must_be_on_offer_and_once() {
    let other = [(ASKED, TEXT + 5)];
    let error = end(&Taker::opening(&other), &patient());
    let message =
        "it asks for the side input `range`, which the operator is not offered (it is offered airlines, rates)";
    assert_eq!(error.to_string(), format!("declared a contract that cannot be kept: {message}"));
    let twice = [(at::CONTRACT + 24, 2), (ASKED + 8, TEXT)];
    let error = end(&Taker::opening(&twice), &patient());
    assert!(error.to_string().ends_with("it names the side input `rates` twice in `tables`"), "{error}");
    let many = [(at::CONTRACT + 24, 1 << 28)];
    assert_trap(&end(&Taker::opening(&many), &patient()), "open", "out of bounds");
}

#[test]
fn a_module_that_does_not_export_tables_can_have_none() {
    let ask = stores(&[(at::CONTRACT + 20, ASKED), (at::CONTRACT + 24, 1), (ASKED, at::TEXT), (ASKED + 4, 1)]);
    let guest = Guest { open: ask, ..Guest::good() };
    let Err(error) = Taking::begin(&guest, &patient()) else { panic!("it cannot take a table") };
    assert!(matches!(&error, CallError::NoTables(name) if name == "x"), "{error:?}");
    let mut taking = Taking::begin(&Guest::good(), &patient()).expect("it opens");
    let error = taking.instance.load_table("rates", 1, &rates(&[])).unwrap_err();
    let message = "asks for the side input `rates`, but does not export `tables`, which is how it would be given one";
    assert_eq!(error.to_string(), message);
    assert!(!load(&Guest::good(), &patient()).expect("it loads").takes_tables());
    assert!(load(&Taker::default().guest(), &patient()).expect("it loads").takes_tables());
}

#[test]
fn loops_traps_and_refusals_of_load_are_named() {
    let message = "hit its limit `call-time` = 100ms in `load`";
    assert_limit(end(&Taker::loading(SPIN), &quick()), "load", LimitName::CallTime, message);
    let error = end(&Taker::loading("(unreachable)"), &patient());
    assert_eq!(assert_trap(&error, "load", "unreachable"), ["load"]);
    for kind in [0, 1] {
        let failure = stores(&[(LOADED, 1), (LOADED + 4, kind), (LOADED + 8, TEXT), (LOADED + 12, 10)]);
        let error = end(&Taker::loading(failure), &patient());
        assert!(matches!(&error, CallError::Failed(reason) if reason == "ratesrange"), "{error:?}");
    }
    let error = end(&Taker::loading(stores(&[(LOADED, 9)])), &patient());
    assert_trap(&error, "load", "invalid");
}

#[test]
fn a_table_that_does_not_fit_the_memory_hits_memory_bytes() {
    let grow = "(loop $more (drop (memory.grow (i32.const 16))) (br $more))";
    let message = "hit its limit `memory-bytes` = 64MiB in `load`";
    assert_limit(end(&Taker::loading(grow), &patient()), "load", LimitName::MemoryBytes, message);
    let guest = Guest { pages: 2, ..Taker::default().guest() };
    let mut taking = Taking::begin(&guest, &patient()).expect("it opens");
    let error = taking.instance.load_table("rates", 1, &rates(&[Some(1); 100_000])).unwrap_err();
    assert_trap(&error, "load", "beyond end of memory");
    the_neighbour_lives();
}

#[test]
fn tables_of_another_shape_are_not_loaded() {
    let export = format!(r#"(func (export "{TABLES}") (param i32) (result i32) (i32.const 0))"#);
    let error = load_error(Guest { more: export, ..Guest::good() }.text().as_bytes());
    assert!(matches!(&error, LoadError::Invalid(reason) if reason.contains("type mismatch")), "{error:?}");
    let alone = r#"(component (instance $empty) (export "pelton:operator/tables@0.1.0" (instance $empty)))"#;
    let error = load_error(alone.as_bytes());
    assert!(matches!(&error, LoadError::NoOperator { .. }), "{error:?}");
}
