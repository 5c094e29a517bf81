//! Keyed operators in the offline harness: state, timers, ends of life, ports, rejections, and the answers themselves.

use pelton_guest::{bindings, macros, prelude::*};

#[derive(Row)]
struct User<'a> {
    user: &'a str,
}

#[derive(Row)]
struct Paid<'a> {
    item: &'a str,
    amount: f64,
}

#[derive(State)]
struct Account {
    total: f64,
    last: String,
    note: Option<i64>,
}

#[derive(Row)]
struct Total {
    total: f64,
}

#[derive(Row)]
struct Same<'a> {
    item: &'a str,
    by: &'a str,
}

#[derive(Ports)]
enum Seen<'a> {
    Total(Total),
    #[port("same", pass = ["at"])]
    Same(Same<'a>),
}

#[derive(Options)]
struct Options {
    max: f64,
}

const REPORT: u32 = 7;

/// Sums what a user pays, and reports it by a timer; an item bought twice in a row goes to `same`.
#[keyed]
fn accounts(
    user: User<'_>,
    account: &mut Option<Account>,
    payments: Group<Paid<'_>>,
    options: &Options,
    timers: &mut Timers,
    out: &mut Out<Seen<'_>>,
    ctx: &Context,
) -> Result<(), String> {
    for paid in payments {
        if paid.amount > options.max {
            out.reject(&paid, format!("{} is more than {}", paid.amount, options.max));
            continue;
        }
        if paid.item == "crash" {
            return Err(format!("row {} of {}", ctx.row(), user.user));
        }
        if account.as_ref().is_some_and(|account| account.last == paid.item) {
            out.emit_from(&paid, Seen::Same(Same { item: paid.item, by: user.user }));
        }
        let total = account.as_ref().map_or(0.0, |account| account.total) + paid.amount;
        *account = (paid.item != "close").then(|| Account { total, last: paid.item.to_owned(), note: None });
        timers.set(REPORT, Timestamp(100));
    }
    while let Some(timer) = timers.next_due() {
        assert_eq!(timer.id, REPORT);
        if let Some(account) = account {
            out.emit(Seen::Total(Total { total: account.total }));
        }
    }
    if let Some(account) = account.as_ref().filter(|_| timers.expiring()) {
        out.emit(Seen::Total(Total { total: -account.total }));
    }
    Ok(())
}

fn test() -> pelton_guest::testing::KeyedRun<accounts> {
    accounts.key(["user"]).event_time("at").options(Options { max: 50.0 }).start()
}

fn payments(users: &[&'static str], items: &[&'static str], amounts: &[f64]) -> Rows {
    rows! { at: (1..=users.len() as i64).map(Timestamp), user: users.to_vec(), item: items.to_vec(), amount: amounts.to_vec() }
}

#[test]
fn state_is_kept_between_epochs_and_none_deletes_it() {
    let mut test = test();
    test.rows(payments(&["a", "b", "a"], &["x", "y", "z"], &[1.0, 2.0, 3.0]));
    let state = |users: &[&'static str], totals: &[f64], last: &[&'static str]| {
        rows! { user: users.to_vec(), total: totals.to_vec(), last: last.to_vec(), note: vec![None::<i64>; users.len()] }
    };
    assert_eq!(test.state(), state(&["a", "b"], &[4.0, 2.0], &["z", "y"]));
    test.rows(payments(&["c", "a"], &["x", "close"], &[8.0, 0.0]));
    assert_eq!(test.state(), state(&["b", "c"], &[2.0, 8.0], &["y", "x"]));
    test.rows(payments(&["a"], &["new"], &[5.0]));
    assert_eq!(test.state(), state(&["a", "b", "c"], &[5.0, 2.0, 8.0], &["new", "y", "x"]));
}

#[test]
fn timers_fire_once_when_the_watermark_reaches_them() {
    let mut test = test();
    test.rows(payments(&["a", "b"], &["x", "y"], &[1.0, 2.0]));
    assert_eq!(test.timers().len(), 2);
    assert!(test.watermark(Timestamp(99)).main().is_empty());
    assert_eq!(test.watermark(Timestamp(100)).main(), &rows! { user: ["a", "b"], total: [1.0, 2.0] });
    assert!(test.watermark(Timestamp(200)).main().is_empty());
    let out = test.rows(payments(&["b"], &["z"], &[2.0]));
    assert!(out.main().is_empty(), "a timer set for the past waits for the next epoch");
    assert_eq!(test.rows(payments(&["a"], &["z"], &[2.0])).main(), &rows! { user: ["b"], total: [4.0] });
}

#[test]
fn keys_whose_time_has_ended_are_called_once_more_and_lose_all() {
    let mut test = test();
    test.rows(payments(&["a", "b"], &["x", "close"], &[1.0, 2.0]));
    assert_eq!(test.expire().main(), &rows! { user: ["a"], total: [-1.0] });
    assert!(test.state().is_empty());
    assert_eq!(test.timers().len(), 1, "b had no state to end, and its timer stays");
    assert!(test.expire().main().is_empty());
}

#[test]
fn rows_from_rows_have_their_columns_and_rejected_ones_a_reason() {
    let mut test = test();
    let users = ["b", "a", "b", "a", "b"];
    let out = test.rows(payments(&users, &["x", "y", "x", "y", "x"], &[1.0, 2.0, 99.0, 4.0, 5.0]));
    let at = [Timestamp(5), Timestamp(4)];
    assert_eq!(out.port("same"), &rows! { at: at, item: ["x", "y"], by: ["b", "a"] });
    assert_eq!(out.rejected(), [(2, "99 is more than 50")]);
}

#[test]
fn an_error_stops_the_job() {
    let run = || test().rows(payments(&["a", "a"], &["x", "crash"], &[1.0, 1.0]));
    let panic = std::panic::catch_unwind(run).expect_err("it fails");
    assert_eq!(panic.downcast_ref::<String>().expect("text"), "the keyed operator failed: row 1 of a");
}

#[test]
fn rows_and_keys_with_nulls_are_rejected_and_their_keys_not_called() {
    let mut test = test();
    let out = test.rows(rows! {
        at: [Timestamp(1), Timestamp(2), Timestamp(3)],
        user: [Some("a"), None, Some("a")],
        item: [Some("x"), Some("y"), None],
        amount: [1.0, 2.0, 3.0],
    });
    assert_eq!(out.rejected(), [(1, "`user` is null"), (2, "`item` is null")]);
    assert_eq!(test.state().column::<f64>("total"), [1.0]);
}

#[test]
fn the_contract_has_the_key_and_the_state() {
    let rows = payments(&["a"], &["x"], &[1.0]);
    let contract = accounts.key(["user"]).options(Options { max: 1.0 }).contract(&rows);
    assert_eq!(contract.reads, [["item", "amount"]]);
    let [table] = contract.state.as_slice() else { panic!("one table") };
    let columns: Vec<_> = table.values.iter().map(|f| (f.name.as_str(), f.format.as_str(), f.nullable)).collect();
    assert_eq!(columns, [("total", "g", true), ("last", "u", true), ("note", "l", true)]);
    let main = contract.ports.first().expect("main");
    assert!(matches!(&main.fields[0], bindings::OutputField::Pass((from, to)) if from == "user" && to == "user"));
    assert_eq!(main.fields.len(), 2);
}

#[test]
fn what_does_not_fit_the_job_is_refused() {
    let rows = payments(&["a"], &["x"], &[1.0]);
    let refusal = |key: [&str; 1]| accounts.key(key).options(Options { max: 1.0 }).refusal(&rows);
    assert!(
        refusal(["item"]).starts_with("`User.user` reads `user` of the key, but it is not in the operator's `key`")
    );
    let none = accounts.key([]).options(Options { max: 1.0 }).refusal(&rows);
    assert_eq!(none, "this module keeps state for each key, but the operator has no `key`");
    let number = rows! { user: [1], item: ["x"], amount: [1.0] };
    let wrong = accounts.key(["user"]).options(Options { max: 1.0 }).refusal(&number);
    assert_eq!(wrong, "column `user` is s32, but `User.user` reads it as utf8");
}

/// One call of `accounts` for three keys that all have state, with a payment of the second and a timer for the third.
fn answer(item: &str, amount: f64) -> bindings::keyed::KeyedOutput {
    let fields = [("at", "tsu:"), ("user", "u"), ("item", "u"), ("amount", "g")];
    let field = |(name, format): (&str, &str)| bindings::Field {
        name: name.to_owned(),
        format: format.to_owned(),
        nullable: false,
        children: 0,
    };
    let input = bindings::Input {
        name: "payments".to_owned(),
        fields: fields.map(field).to_vec(),
        key: vec!["user".to_owned()],
        event_time: None,
        mode: "append".to_owned(),
        properties: Vec::new(),
    };
    let text = |texts: &[&str]| {
        let ends = texts.iter().scan(0_i32, |end, text| {
            *end += text.len() as i32;
            Some(*end)
        });
        let offsets = std::iter::once(0).chain(ends).flat_map(i32::to_le_bytes).collect();
        bindings::Node { rows: texts.len() as u32, buffers: vec![vec![], offsets, texts.concat().into_bytes()] }
    };
    let floats = |values: &[f64]| bindings::Node {
        rows: values.len() as u32,
        buffers: vec![vec![], values.iter().flat_map(|value| value.to_le_bytes()).collect()],
    };
    let nulls = bindings::Node { rows: 3, buffers: vec![vec![0], vec![0; 24]] };
    let (_, opened) = macros::OpenedKeyed::<accounts>::open(&[input], r#"{"max": 50.0}"#).expect("it opens");
    let context = bindings::BatchContext { epoch: 1, first_row: 0, now: 0, watermark: 100, seed: 0 };
    let call = macros::Call {
        context,
        rows: bindings::Table { rows: 1, nodes: vec![text(&[item]), floats(&[amount])] },
        ends: [0_u32, 1, 1].map(u32::to_le_bytes).concat(),
        keys: bindings::Table { rows: 3, nodes: vec![text(&["a", "b", "c"])] },
        state: vec![bindings::Table { rows: 3, nodes: vec![floats(&[1.0, 2.0, 3.0]), text(&["x", "x", "x"]), nulls] }],
        due: bindings::keyed::Timers {
            key: 2_u32.to_le_bytes().to_vec(),
            ids: REPORT.to_le_bytes().to_vec(),
            at: 100_i64.to_le_bytes().to_vec(),
            clock: vec![0],
        },
        expiring: vec![0; 3],
    };
    opened.process(call).expect("it answers")
}

#[test]
fn only_keys_whose_state_changed_are_named_in_the_changes() {
    let closed = answer("close", 1.0);
    let [change] = closed.changes.as_slice() else { panic!("one table, not {}", closed.changes.len()) };
    assert_eq!((change.table, change.kind.as_slice(), change.rows.rows), (0, [1].as_slice(), 1), "b is deleted");
    assert_eq!(change.key, 1_u32.to_le_bytes());
    let [emitted] = closed.emitted.as_slice() else { panic!("one port, not {}", closed.emitted.len()) };
    assert_eq!((emitted.port, &emitted.key[..]), (0, 2_u32.to_le_bytes().as_slice()), "c's timer was due");
    assert!(emitted.origin.is_none() && emitted.time.is_none());
    let paid = answer("x", 2.5);
    assert_eq!(paid.changes.iter().map(|change| change.kind.clone()).collect::<Vec<_>>(), [[0]], "b is put");
    let origins: Vec<_> = paid.emitted.iter().map(|emitted| (emitted.port, emitted.origin.clone())).collect();
    assert_eq!(origins, [(0, None), (1, Some(vec![0; 4]))], "the item was bought twice");
    let unchanged = answer("x", 99.0);
    assert!(unchanged.changes.is_empty() && unchanged.timers.cleared.is_empty());
    assert_eq!(unchanged.rejected.len(), 1);
}
