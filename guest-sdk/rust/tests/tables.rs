//! Side tables in the offline harness: what is offered, what is looked up, and what a table may not be.

use std::collections::HashMap;

use pelton_guest::{bindings, dynamic::Process as _, macros, prelude::*};

#[derive(Row)]
struct Airline<'a> {
    carrier: &'a str,
    name: Option<&'a str>,
}

struct Airlines(HashMap<String, Option<String>>);

impl Lookup for Airlines {
    type Row<'a> = Airline<'a>;

    fn load(rows: TableRows<'_, Self>) -> Result<Self, String> {
        assert_eq!(rows.len(), rows.size_hint().0);
        Ok(Self(rows.map(|row| (row.carrier.to_owned(), row.name.map(str::to_owned))).collect()))
    }
}

#[derive(Row)]
struct Rate {
    rate: f64,
}

/// The last of the rates.
struct Last(f64);

impl Lookup for Last {
    type Row<'a> = Rate;

    fn load(rows: TableRows<'_, Self>) -> Result<Self, String> {
        rows.last().map(|row| Self(row.rate)).ok_or_else(|| "there is no rate".to_owned())
    }
}

#[derive(Row)]
struct Flight<'a> {
    carrier: &'a str,
    price: f64,
}

#[derive(Row)]
struct Named<'a> {
    airline: Option<&'a str>,
    euro: f64,
}

#[derive(Options)]
struct Options {
    #[default(1.0)]
    factor: f64,
}

/// Names and prices in euro; flights of airlines that nobody knows are left out.
#[transform(table = "airlines", table = "fx-rates", drop = ["price"])]
fn named<'a>(
    flight: Flight<'a>,
    airlines: &'a Airlines,
    options: &Options,
    fx_rates: &Last,
    ctx: &Context,
) -> Option<Named<'a>> {
    let airline = airlines.0.get(flight.carrier)?.as_deref();
    log::debug!("row {}", ctx.row());
    Some(Named { airline, euro: flight.price * fx_rates.0 * options.factor })
}

fn airlines() -> Rows {
    rows! { name: [Some("British Airways"), None], country: ["GB", "DE"], carrier: ["BA", "LH"] }
}

fn flights() -> Rows {
    rows! { carrier: ["LH", "ZZ", "BA"], price: [1.0, 2.0, 3.0] }
}

#[test]
fn a_transform_looks_up_in_its_tables() {
    let test = named.table("airlines", airlines()).table("fx-rates", rows! { rate: [9.0, 0.5] });
    let contract = test.clone().contract(&flights());
    assert_eq!(
        (contract.tables.as_slice(), contract.reads.len()),
        (["airlines", "fx-rates"].map(String::from).as_slice(), 1)
    );
    let out = test.options(Options { factor: 2.0 }).test(flights());
    let expected = rows! { carrier: ["LH", "BA"], airline: [None, Some("British Airways")], euro: [1.0, 3.0] };
    assert_eq!(out.main(), &expected);
}

#[test]
fn tables_that_are_missing_or_of_another_shape_are_refused() {
    let rates = || rows! { rate: [1.0] };
    let refusal = |test: Test<named>| test.refusal(&flights());
    assert_eq!(
        refusal(named.table("airline", airlines()).table("fx-rates", rates())),
        "this module looks up in the table `airlines`, which the operator is not offered: did you mean `airline`?"
    );
    assert_eq!(
        refusal(named.table("airlines", airlines())),
        "this module looks up in the table `fx-rates`, which the operator is not offered: there is `airlines`"
    );
    assert_eq!(
        refusal(named.table("airlines", airlines()).table("fx-rates", rows! { rates: [1.0] })),
        "the table `fx-rates` has no column `rate`, which `Rate.rate` reads as f64: did you mean `rates`?"
    );
    assert_eq!(
        refusal(named.table("airlines", airlines()).table("fx-rates", rows! { rate: ["1.0"] })),
        "column `rate` is utf8, but `Rate.rate` reads it as f64"
    );
}

#[test]
fn rows_that_cannot_be_loaded_stop_the_job() {
    let fails = |carriers: [Option<&'static str>; 2], rates: Vec<f64>| {
        let table = rows! { carrier: carriers, name: [Some("a"), None] };
        let test = named.table("airlines", table).table("fx-rates", rows! { rate: rates });
        test.try_test(flights()).expect_err("it fails")
    };
    assert_eq!(fails([Some("BA"), None], vec![1.0]), "the table `airlines`: `carrier` of row 1 is null");
    assert_eq!(fails([Some("BA"), Some("LH")], vec![]), "the table `fx-rates`: there is no rate");
}

/// What the host sees of a transform without side tables: no inputs but its own, and nothing to load.
#[transform]
fn plain(rate: Rate) -> bool {
    rate.rate > 0.0
}

#[test]
fn side_tables_are_no_edges() {
    assert_eq!(plain.table("airlines", airlines()).test(rows! { rate: [1.0, 0.0] }).main().len(), 1);
    let input = |mode: &str| bindings::Input {
        name: "rates".to_owned(),
        fields: vec![bindings::Field { name: "rate".to_owned(), format: "g".to_owned(), nullable: false, children: 0 }],
        key: Vec::new(),
        event_time: None,
        mode: mode.to_owned(),
        properties: Vec::new(),
    };
    let open = |inputs: &[bindings::Input]| macros::OpenedTransform::<plain>::open(inputs, "{}");
    let (_, mut opened) = open(&[input("append"), input("table")]).expect("one edge");
    let empty = bindings::Table { rows: 0, nodes: Vec::new() };
    let why = opened.load("rates", empty).expect_err("it takes none");
    assert_eq!(why, "the table `rates` came, but this module did not ask for it");
    let why = open(&[input("append"), input("append")]).expect_err("two edges");
    assert_eq!(why, "this module has one input, but the operator has 2");
}
