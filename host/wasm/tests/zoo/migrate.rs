//! State of older versions: modules that mean harm when they are to migrate it.
//!
//! The good one is the keyed operator of this zoo; its `migrate` makes twice the sum that was, and adds the version that it was of.

use arrow::array::Array;
use pelton_core::contract::StateTable;
use pelton_wasm::{KeyedInstance, MigratedRows, OlderRows};

use super::{
    guest::{stores, words},
    keyed::{Keeper, keyed_input},
    *,
};

/// `result<table, string>`: tag, rows, nodes (address, length), or text (address, length).
const MIGRATED: u32 = 3400;
/// `node`: rows, buffers (address, length).
const NODE: u32 = 3420;
/// Validity and values (address, length).
const BUFFERS: u32 = 3440;
/// A bitmap that says that the second of three rows is null.
const VALID: u32 = 3480;
/// The new sums.
const VALUES: u32 = 8192;

const MIGRATE: &str = "pelton:operator/migrate@0.1.0#migrate";

/// The good one, but for what `migrate` does at its end.
fn migrating(body: &str) -> Keeper {
    let data = words(&[
        (MIGRATED, &[0, 0, NODE, 1]),
        (NODE, &[0, BUFFERS, 2]),
        (BUFFERS, &[0, 0, VALUES, 0]),
        (VALID, &[0b101]),
    ]);
    let (rows, node_rows, size) = (MIGRATED + 4, NODE, BUFFERS + 12);
    let more = format!(
        r#"{data}
  (func $migrate (export "{MIGRATE}")
    (param $table i32) (param $table_length i32) (param $version i32) (param $old i32) (param $old_length i32)
    (param $keys i32) (param $key_nodes i32) (param $key_count i32)
    (param $rows i32) (param $nodes i32) (param $node_count i32)
    (param $options i32) (param $options_length i32) (result i32)
    (local $row i32)
    (i32.store (i32.const {rows}) (local.get $rows))
    (i32.store (i32.const {node_rows}) (local.get $rows))
    (i32.store (i32.const {size}) (i32.shl (local.get $rows) (i32.const 3)))
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_u (local.get $row) (local.get $rows)))
        (i64.store offset={VALUES} (i32.shl (local.get $row) (i32.const 3))
          (i64.add
            (i64.extend_i32_u (local.get $version))
            (i64.shl (call $value (local.get $nodes) (local.get $row)) (i64.const 1))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next_row)))
    {body}
    (i32.const {MIGRATED}))"#
    );
    Keeper::with(more)
}

/// Opened, with its table of sums.
fn opened(keeper: &Keeper, limits: &Limits) -> (KeyedInstance, StateTable) {
    let mut instance = KeyedInstance::new(&keeper.load(), limits).expect("it is made");
    let signature = instance.open(&keyed_input(), &[], "{}").expect("it opens");
    let signature = signature.check_keyed(&keyed_input(), &[]).expect("its contract is good");
    (instance, signature.state[0].clone())
}

/// Three sums of version 5, of which the second is null.
fn live(keeper: &Keeper, limits: &Limits) -> Result<MigratedRows, CallError> {
    let (mut instance, table) = opened(keeper, limits);
    let keys: [ArrayRef; 1] = [Arc::new(Int64Array::from(vec![1, 2, 3]))];
    let columns: [ArrayRef; 1] = [Arc::new(Int64Array::from(vec![Some(10), None, Some(30)]))];
    instance.migrate(&OlderRows { table: &table, version: 5, rows: 3, keys: &keys, columns: &columns }, "{}", &table)
}

fn sums(rows: &MigratedRows) -> Vec<Option<i64>> {
    rows.columns[0].as_primitive::<Int64Type>().iter().collect()
}

/// How a hostile module ends; the neighbours must not notice.
fn end(body: &str, limits: &Limits) -> CallError {
    let error = live(&migrating(body), limits).expect_err("a hostile module migrated state");
    the_neighbour_lives();
    let good = live(&migrating(""), &patient()).expect("the good one migrates");
    assert_eq!(sums(&good), [Some(25), Some(5), Some(65)]);
    error
}

#[track_caller]
fn assert_law(error: &CallError, expected: &str) {
    assert!(matches!(error, CallError::Invalid { call: "migrate", .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("answered `migrate` against the contract: {expected}"));
}

#[test]
fn rows_are_migrated_and_rows_of_nulls_are_dropped() {
    let rows = live(&migrating(""), &patient()).expect("it migrates");
    assert_eq!((sums(&rows), rows.is_kept), (vec![Some(25), Some(5), Some(65)], vec![true; 3]));
    let drops = stores(&[(BUFFERS, VALID), (BUFFERS + 4, 1)]);
    let rows = live(&migrating(&drops), &patient()).expect("it migrates");
    assert_eq!((sums(&rows), rows.is_kept), (vec![Some(25), None, Some(65)], vec![true, false, true]));
    assert_eq!(rows.columns[0].null_count(), 1);
}

#[test]
fn another_number_of_rows_or_columns_is_refused() {
    for rows in [0, 2, 4, u32::MAX] {
        let error = end(&stores(&[(MIGRATED + 4, rows)]), &patient());
        assert_law(&error, &format!("it answers with {rows} rows of state table `sum`, but it was given 3"));
    }
    let error = end(&stores(&[(MIGRATED + 12, 0)]), &patient());
    assert_law(&error, "state table `sum` has 0 arrays, but its columns need 1");
    let error = end(&stores(&[(NODE, 2)]), &patient());
    assert_law(&error, "column `sum.sum`: it has 2 rows, but 3 are due");
}

#[test]
fn columns_of_another_type_or_size_are_refused() {
    let error = end(&stores(&[(NODE + 8, 1)]), &patient());
    assert_law(&error, "column `sum.sum`: s64 has 2 buffers, not 1");
    let error = end(&stores(&[(BUFFERS + 12, 12)]), &patient());
    assert_law(&error, "column `sum.sum`: its values have 12 bytes, but 3 rows need 24");
    let error = end(&stores(&[(BUFFERS + 12, u32::MAX)]), &patient());
    assert_trap(&error, "migrate", "");
    let limits = Limits { state_row_bytes: 7, ..patient() };
    let message = "hit its limit `state-row-bytes` = 7 with 8 bytes for state table `sum` in `migrate`";
    let error = live(&migrating(""), &limits).expect_err("a row is too large");
    assert!(matches!(&error, CallError::Limit { name: LimitName::StateRowBytes, .. }), "{error:?}");
    assert!(error.to_string().contains("8 bytes for state table `sum`"), "{error} should be like {message}");
}

#[test]
fn loops_traps_and_refusals_are_named() {
    let message = "hit its limit `call-time` = 100ms in `migrate`";
    assert_limit(end(SPIN, &quick()), "migrate", LimitName::CallTime, message);
    let error = end("(unreachable)", &patient());
    assert_eq!(assert_trap(&error, "migrate", "unreachable"), ["migrate"]);
    let grow = "(loop $more (drop (memory.grow (i32.const 16))) (br $more))";
    let message = "hit its limit `memory-bytes` = 64MiB in `migrate`";
    assert_limit(end(grow, &patient()), "migrate", LimitName::MemoryBytes, message);
    // Its own words: the name of the table.
    let refusal = format!(
        "(i32.store (i32.const {MIGRATED}) (i32.const 1)) (i32.store (i32.const {}) (local.get $table))
         (i32.store (i32.const {}) (local.get $table_length))",
        MIGRATED + 4,
        MIGRATED + 8
    );
    let error = end(&refusal, &patient());
    assert!(matches!(&error, CallError::Failed(reason) if reason == "sum"), "{error:?}");
    let error = end(&stores(&[(MIGRATED, 9)]), &patient());
    assert_trap(&error, "migrate", "invalid");
}

#[test]
fn a_module_without_migrate_is_not_asked() {
    let error = live(&Keeper::default(), &patient()).expect_err("it cannot");
    assert!(matches!(&error, CallError::NoMigrate), "{error:?}");
    assert!(!Keeper::default().load().migrates() && migrating("").load().migrates());
    let other = format!(r#"(func (export "{MIGRATE}") (param i32) (result i32) (i32.const 0))"#);
    let error = load_error(Keeper::with(other).text().as_bytes());
    assert!(matches!(&error, LoadError::Invalid(reason) if reason.contains("type mismatch")), "{error:?}");
}
