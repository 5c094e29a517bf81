//! Modules as authors build them, in the host: a cogroup, and a transform with a side table.
//!
//! The zoo of `pelton-wasm` breaks every law; here is what keeps them, from the SDK through the wasm boundary and back.

use std::{fs, sync::Arc, time::Duration};

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Float64Type, Schema},
};
use pelton_core::{
    contract::{Input, Mode, PortColumn, SideTable},
    limits::Limits,
    types,
};
use pelton_wasm::{
    BatchContext, CallError, CogroupBatch, CogroupInstance, CogroupSide, EmittedRows, Kind, Module, Runtime,
    RuntimeOptions, TransformInstance,
};

const CONTEXT: BatchContext = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };

/// For a machine that may be busy.
fn limits() -> Limits {
    Limits { call_time: Duration::from_secs(20), ..Limits::default() }
}

fn load(guest: &str) -> Module {
    let bytes = fs::read(pelton_tests::guest(guest).expect("a module to test")).expect("readable");
    let runtime = Runtime::new(&RuntimeOptions::default()).expect("the runtime starts");
    Module::load(&runtime, &bytes, &limits()).expect("the module loads")
}

fn schema(columns: &str) -> Arc<Schema> {
    let DataType::Struct(fields) = types::parse(&format!("struct<{columns}>")).expect("types") else {
        panic!("a struct")
    };
    Arc::new(Schema::new(fields))
}

fn input(name: &str, columns: &str, key: &[&str]) -> Input {
    let key = key.iter().map(ToString::to_string).collect();
    Input { name: name.into(), schema: schema(columns), key, event_time: None, mode: Mode::Append }
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn orders() -> [Input; 2] {
    [
        input("orders", "order: s64, item: utf8, price: f64", &["order"]),
        input("payments", "of: s64?, euro: f64", &["of"]),
    ]
}

fn texts(part: &EmittedRows, column: usize) -> Vec<&str> {
    part.computed[column].as_string::<i32>().iter().flatten().collect()
}

fn numbers(part: &EmittedRows, column: usize) -> Vec<f64> {
    part.computed[column].as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn a_cogroup_of_the_sdk_joins_both_sides() {
    let module = load("unpaid");
    assert_eq!((module.kind(), module.takes_tables()), (Kind::Cogroup, false));
    let options = r#"{"tolerance": 0.5}"#;
    let mut instance = CogroupInstance::new(&module, &limits()).expect("it starts");
    let contract = instance.open(&orders(), &[], options).expect("it opens");
    let signature = contract.check_cogroup(&orders(), &[]).expect("a lawful contract");
    assert_eq!(signature.reads, [vec![1, 2], vec![1]]);
    let columns: Vec<Vec<String>> = signature
        .ports
        .iter()
        .map(|port| port.schema.fields().iter().map(|f| format!("{}: {}", f.name(), types::column(f))).collect())
        .collect();
    assert_eq!(
        columns,
        [["order: s64?", "first: utf8", "open: f64"].to_vec(), ["unknown: s64?", "euro: f64"].to_vec()]
    );
    assert_eq!(signature.ports[1].columns, [PortColumn::Pass(0), PortColumn::Computed(0)]);
    instance.open_as(&orders(), &[], options, &signature).expect("the same contract again");

    // Orders 7, 8, 9 and 10: paid in part, not at all, but for a little, and unknown.
    let left = [strings(&["pen", "ink", "oil", "cup", "cap"]), floats(&[2.0, 4.0, -1.0, 9.0, 8.0])];
    let right = [floats(&[1.5, f64::NAN, 8.5, 3.0, 4.0])];
    let keys: [ArrayRef; 1] = [Arc::new(Int64Array::from(vec![7, 8, 9, 10]))];
    let batch = CogroupBatch {
        left: CogroupSide { rows: 5, columns: &left, ends: &[2, 4, 5, 5] },
        right: CogroupSide { rows: 5, columns: &right, ends: &[2, 2, 3, 5] },
        keys: &keys,
    };
    let answer = instance.process(&CONTEXT, &batch, &signature).expect("it answers");
    let [open, stray] = answer.emitted.as_slice() else { panic!("two ports, not {}", answer.emitted.len()) };
    assert_eq!((texts(open, 0), numbers(open, 1)), (vec!["pen", "cup"], vec![4.5, 9.0]));
    assert_eq!(open.origin.as_ref().expect("keys").to_vec(), [0, 1]);
    assert_eq!((numbers(stray, 0), stray.origin.as_ref().expect("keys").to_vec()), (vec![3.0, 4.0], vec![3, 3]));
    let rejected: Vec<_> = answer.rejected.iter().map(|row| (row.row, row.reason.as_str())).collect();
    assert_eq!(rejected, [(2, "order 8 has a negative price"), (6, "not an amount")]);
}

#[test]
fn a_side_table_is_looked_up_in_and_replaced() {
    let module = load("airlines");
    assert_eq!((module.kind(), module.takes_tables()), (Kind::Transform, true));
    let input = input("flights", "carrier: utf8, miles: s64", &[]);
    let tables = [
        SideTable { name: "planes".into(), schema: schema("tail: utf8") },
        // A list before the columns that are read: its items are a node of their own.
        SideTable { name: "airlines".into(), schema: schema("hubs: list<utf8>, name: utf8, carrier: utf8") },
    ];
    let airlines = |carriers: &[&str], names: &[&str]| {
        let columns = vec![no_hubs(carriers.len()), strings(names), strings(carriers)];
        RecordBatch::try_new(Arc::clone(&tables[1].schema), columns).expect("columns of the schema")
    };

    let mut instance = TransformInstance::new(&module, &limits()).expect("it starts");
    let contract = instance.open(&input, &tables, "{}").expect("it opens");
    let signature = contract.check(&input, &tables).expect("a lawful contract");
    assert_eq!(signature.tables, [1]);
    let flights = [strings(&["LH", "ZZ", "BA"])];
    let process = |instance: &mut TransformInstance| instance.process(&CONTEXT, 3, &flights, &signature);
    let error = process(&mut instance).expect_err("the table is missing");
    assert_eq!(error.to_string(), "said that it cannot go on: the table `airlines` did not come before the first rows");

    instance.load_table("airlines", 1, &airlines(&["BA", "LH"], &["British Airways", "Lufthansa"])).expect("taken");
    let answer = process(&mut instance).expect("it answers");
    assert_eq!(texts(&answer.emitted[0], 0), ["Lufthansa", "British Airways"]);
    assert_eq!(answer.rejected[0].reason, "no airline ZZ");

    instance.load_table("airlines", 2, &airlines(&["ZZ"], &["Zero"])).expect("replaced");
    let answer = process(&mut instance).expect("it answers");
    assert_eq!(texts(&answer.emitted[0], 0), ["Zero"]);

    let error = instance.load_table("airlines", 3, &airlines(&["BA", "BA"], &["a", "b"])).expect_err("refused");
    assert!(
        matches!(&error, CallError::Failed(why) if why == "the table `airlines`: carrier BA is there twice"),
        "{error:?}"
    );
    let error = process(&mut instance).expect_err("a table that was refused is not the one before");
    assert!(matches!(error, CallError::Failed(_)), "{error:?}");

    let [planes, _] = &tables;
    let error = TransformInstance::new(&module, &limits())
        .and_then(|mut instance| instance.open(&input, std::slice::from_ref(planes), "{}"))
        .expect_err("it is not offered its table");
    let why = "this module looks up in the table `airlines`, which the operator is not offered: there is `planes`";
    assert_eq!(error.to_string(), format!("refused: {why}"));
}

fn no_hubs(rows: usize) -> ArrayRef {
    let offsets = OffsetBuffer::new(vec![0; rows + 1].into());
    Arc::new(ListArray::new(Arc::new(Field::new("item", DataType::Utf8, false)), offsets, strings(&[]), None))
}
