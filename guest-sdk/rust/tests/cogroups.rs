//! Cogroups in the offline harness: keys of either side, ports, rejections, options, and the answers themselves.

use pelton_guest::{bindings, macros, prelude::*};

#[derive(Row)]
struct Account<'a> {
    account: &'a str,
}

#[derive(Row)]
struct Bought<'a> {
    item: &'a str,
    price: f64,
}

#[derive(Row)]
struct Paid {
    euro: f64,
    at: Timestamp,
}

#[derive(Row)]
struct Pair<'a> {
    item: &'a str,
    euro: f64,
    #[row(unit = "ms")]
    at: Timestamp,
}

#[derive(Row)]
struct Alone<'a> {
    note: &'a str,
    rows: u32,
}

#[derive(Ports)]
enum Out<'a> {
    Pair(Pair<'a>),
    #[port("alone", pass = none)]
    Alone(Alone<'a>),
}

#[derive(Options, Debug)]
struct Options {
    min: f64,
}

/// What was bought with each payment that covers it; accounts that only one side has go to `alone`.
#[cogroup(event_time = "at", rename(account = "of"))]
fn pairs(
    account: Account<'_>,
    bought: Group<Bought<'_>>,
    paid: Group<Paid>,
    options: &Options,
    out: &mut Joined<Out<'_>>,
    ctx: &Context,
) -> Result<(), String> {
    if account.account == "crash" {
        return Err(format!("row {}", ctx.row()));
    }
    if bought.is_empty() || paid.is_empty() {
        let rows = (bought.len() + paid.len()) as u32;
        bought.for_each(|item| out.reject(&item, "never paid"));
        out.emit(Out::Alone(Alone { note: account.account, rows }));
        return Ok(());
    }
    let paid: Vec<_> = paid.collect();
    for item in bought {
        for payment in paid.iter().filter(|payment| payment.euro >= item.price && payment.euro >= options.min) {
            out.emit(Out::Pair(Pair { item: item.item, euro: payment.euro, at: payment.at }));
        }
    }
    paid.iter().filter(|payment| payment.euro < options.min).for_each(|payment| {
        out.reject(payment, format!("row {} is too little", ctx.row()));
        out.reject(payment, "again");
    });
    Ok(())
}

fn bought(accounts: &[&'static str], items: &[&'static str], prices: &[f64]) -> Rows {
    rows! { account: accounts.to_vec(), item: items.to_vec(), price: prices.to_vec() }
}

fn paid(accounts: &[&'static str], euros: &[f64]) -> Rows {
    let at = (1..=accounts.len() as i64).map(|ms| Timestamp(ms * 1_000));
    rows! { account: accounts.to_vec(), euro: euros.to_vec(), at: at }
}

fn test() -> CogroupTest<pairs> {
    pairs.key(["account"]).options(Options { min: 1.0 })
}

#[test]
fn rows_of_a_key_meet_and_keys_of_one_side_come_alone() {
    let left = bought(&["a", "b", "a", "c"], &["pen", "ink", "oil", "cup"], &[2.0, 4.0, 9.0, 1.0]);
    let right = paid(&["b", "a", "d", "a"], &[5.0, 3.0, 7.0, 10.0]);
    let out = test().test(left, right);
    let at = [2, 4, 4, 1].map(|ms| Timestamp(ms * 1_000));
    let expected =
        rows! { of: ["a", "a", "a", "b"], item: ["pen", "pen", "oil", "ink"], euro: [3.0, 10.0, 10.0, 5.0], at: at };
    assert_eq!(out.main(), &expected);
    assert_eq!(out.main().types(), ["of: utf8", "item: utf8", "euro: f64", "at: timestamp[ms]"]);
    assert_eq!(out.origins(), [0, 0, 0, 1], "keys, in the order in which they first came");
    assert_eq!(out.port("alone"), &rows! { note: ["c", "d"], rows: [1_u32, 1] });
    assert_eq!(out.rejected(), [(3, "never paid")]);
}

#[test]
fn rows_are_rejected_by_their_numbers_over_both_sides() {
    let left = bought(&["a", "b"], &["pen", "ink"], &[2.0, 4.0]);
    let right = paid(&["b", "a", "a"], &[0.5, 3.0, 0.25]);
    let out = test().test(left, right);
    // Rows of the right are numbered from 2 on. What `ctx` speaks of is the item, which was taken last.
    assert_eq!(out.rejected(), [(2, "row 1 is too little"), (4, "row 0 is too little")]);
}

#[test]
fn rows_and_keys_with_nulls_are_rejected_and_the_rest_keep_their_numbers() {
    let left = rows! {
        account: [None, Some("a"), Some("a"), Some("b")],
        item: [Some("pen"), None, Some("ink"), None],
        price: [1.0, 1.0, 1.0, 1.0],
    };
    let right = rows! {
        account: [Some("a"), None, Some("a")],
        euro: [Some(0.5), Some(2.0), None],
        at: [Timestamp(1_000), Timestamp(2_000), Timestamp(3_000)],
    };
    let out = test().test(left, right);
    assert!(out.main().is_empty() && out.port("alone").is_empty(), "{out:?}");
    let rejected = out.rejected();
    let reasons = [
        (0, "`account` is null"),
        (1, "`item` is null"),
        (3, "`item` is null"),
        (4, "row 2 is too little"),
        (5, "`account` is null"),
        (6, "`euro` is null"),
    ];
    assert_eq!(rejected, reasons);
}

#[test]
fn an_error_stops_the_job() {
    let why = test().try_test(bought(&["a", "crash"], &["x", "y"], &[1.0, 2.0]), paid(&["crash"], &[1.0]));
    assert_eq!(why.expect_err("it fails"), "row 1");
    let why = test().try_test(bought(&["a"], &["x"], &[1.0]), paid(&["crash"], &[1.0]));
    assert_eq!(why.expect_err("it fails"), "row 1", "rows of the right are numbered behind those of the left");
}

#[test]
fn the_contract_reads_both_sides_and_passes_the_key() {
    let contract = test().contract(&bought(&["a"], &["x"], &[1.0]), &paid(&["a"], &[1.0]));
    assert_eq!(contract.reads, [["item", "price"], ["euro", "at"]]);
    let [main, alone] = contract.ports.as_slice() else { panic!("two ports") };
    let passed: Vec<_> = main.fields.iter().filter(|f| matches!(f, bindings::OutputField::Pass(_))).collect();
    assert!(matches!(passed.as_slice(), [bindings::OutputField::Pass((from, to))] if from == "account" && to == "of"));
    assert_eq!((main.event_time.as_deref(), alone.event_time.as_deref()), (Some("at"), None));
    assert!(alone.fields.iter().all(|field| matches!(field, bindings::OutputField::Computed(_))));
    assert!(contract.state.is_empty() && contract.tables.is_empty());
}

#[test]
fn a_key_may_have_another_name_on_the_right() {
    let right = rows! { who: ["b"], euro: [9.0], at: [Timestamp(0)] };
    let out = test().right_key(["who"]).test(bought(&["a", "b"], &["pen", "ink"], &[2.0, 4.0]), right);
    assert_eq!(out.main().column::<String>("item"), ["ink"]);
}

#[test]
fn what_does_not_fit_the_job_is_refused() {
    let (left, right) = (bought(&["a"], &["x"], &[1.0]), paid(&["a"], &[1.0]));
    let refusal = |key: [&str; 1]| pairs.key(key).options(Options { min: 1.0 }).refusal(&left, &right);
    assert!(refusal(["item"]).starts_with("`Account.account` reads `account` of the key, but it is not in"));
    let none = pairs.key([]).options(Options { min: 1.0 }).refusal(&left, &right);
    assert_eq!(none, "this module matches its inputs by key, but the operator has no `key`");
    assert_eq!(
        test().refusal(&right, &right),
        "input `left` has no column `item`, which `Bought.item` reads as utf8: there is `account`, `euro` and `at`"
    );
    assert_eq!(
        test().refusal(&left, &left),
        "input `right` has no column `euro`, which `Paid.euro` reads as f64: there is `account`, `item` and `price`"
    );
    let one = [input(&[("account", "u")])];
    let why = macros::OpenedCogroup::<pairs>::open(&one, r#"{"min": 1}"#).expect_err("one input");
    assert_eq!(why, "this module has two inputs, but the operator has 1");
}

/// Only key columns pass: a column that is none is refused by its name.
#[cogroup(pass = ["account", "price"])]
fn carries(_account: Account<'_>, _bought: Group<Bought<'_>>, _paid: Group<Paid>, _out: &mut Joined<Paid>) {}

#[test]
fn only_columns_of_the_key_can_pass() {
    let why = carries.key(["account"]).refusal(&bought(&["a"], &["x"], &[1.0]), &paid(&["a"], &[1.0]));
    assert_eq!(why, "the key has no column `price`, which `pass` of output `out` names: there is `account`");
}

fn input(fields: &[(&str, &str)]) -> bindings::Input {
    let field = |(name, format): &(&str, &str)| bindings::Field {
        name: (*name).to_owned(),
        format: (*format).to_owned(),
        nullable: false,
        children: 0,
    };
    bindings::Input {
        name: "rows".to_owned(),
        fields: fields.iter().map(field).collect(),
        key: vec!["account".to_owned()],
        event_time: None,
        mode: "append".to_owned(),
        properties: Vec::new(),
    }
}

/// One call of `pairs` for keys `a` and `b`: one row of each side for `a`, none for `b`.
fn call(left_ends: [u32; 2], right_ends: [u32; 2]) -> Result<bindings::Output, String> {
    let inputs = [
        input(&[("account", "u"), ("item", "u"), ("price", "g")]),
        input(&[("account", "u"), ("euro", "g"), ("at", "tsu:")]),
    ];
    let (_, opened) = macros::OpenedCogroup::<pairs>::open(&inputs, r#"{"min": 1}"#).expect("it opens");
    let eight = |bytes: [u8; 8]| bindings::Node { rows: 1, buffers: vec![vec![], bytes.to_vec()] };
    let text = |ends: &[i32], text: &str| {
        let offsets = std::iter::once(&0).chain(ends).flat_map(|end| end.to_le_bytes()).collect();
        bindings::Node { rows: ends.len() as u32, buffers: vec![vec![], offsets, text.as_bytes().to_vec()] }
    };
    opened.process(macros::CogroupCall {
        context: bindings::BatchContext { epoch: 1, first_row: 0, now: 0, watermark: 0, seed: 0 },
        left: bindings::Table { rows: 1, nodes: vec![text(&[3], "pen"), eight(2_f64.to_le_bytes())] },
        left_ends: left_ends.map(u32::to_le_bytes).concat(),
        right: bindings::Table { rows: 1, nodes: vec![eight(2_f64.to_le_bytes()), eight(7_i64.to_le_bytes())] },
        right_ends: right_ends.map(u32::to_le_bytes).concat(),
        keys: bindings::Table { rows: 2, nodes: vec![text(&[1, 2], "ab")] },
    })
}

#[test]
fn a_row_names_its_key_unless_there_is_one_row_for_each_key() {
    let output = call([1, 1], [1, 1]).expect("it answers");
    let [pair] = output.emitted.as_slice() else { panic!("one port, not {}", output.emitted.len()) };
    assert_eq!((pair.port, pair.origin.clone()), (0, Some(vec![0; 4])));
    let output = call([0, 1], [1, 1]).expect("it answers");
    let [alone] = output.emitted.as_slice() else { panic!("one port, not {}", output.emitted.len()) };
    assert_eq!((alone.port, alone.origin.clone(), alone.computed.rows), (1, None, 2), "key for key");
    assert_eq!(output.rejected.iter().map(|rejection| rejection.row).collect::<Vec<_>>(), [0]);
}

#[test]
fn what_no_host_sends_is_an_error() {
    for ends in [[1, 0], [0, 0], [1, 2]] {
        let why = call(ends, [1, 1]).expect_err("ends that do not fit");
        assert_eq!(why, "the rows of the keys do not end at the 1 rows that there are");
    }
}
