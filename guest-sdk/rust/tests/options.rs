//! Options: every type, defaults, and the messages for the job's owner.

use std::collections::BTreeMap;

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Shown {
    shown: String,
}

#[derive(Options, Debug, Clone)]
struct Nested {
    depth: u8,
}

#[derive(Options, Debug, Clone)]
struct Settings {
    rate: f64,
    #[default(1.5)]
    factor: f32,
    #[default(10)]
    rows: u64,
    #[default("EUR")]
    currency: String,
    #[default(vec!["a".to_owned()])]
    names: Vec<String>,
    note: Option<String>,
    #[option(name = "dry-run")]
    #[default(false)]
    dry_run: bool,
    #[default(BTreeMap::new())]
    weights: BTreeMap<String, i32>,
    #[default(Nested { depth: 1 })]
    nested: Nested,
}

#[transform(pass = none)]
fn show(_bid: Bid, options: &Settings) -> Shown {
    Shown { shown: format!("{options:?}") }
}

fn one() -> Rows {
    rows! { price: [1.0] }
}

#[test]
fn options_are_read_with_their_defaults() {
    let shown = |test: Test<show>| test.test(one()).main().column::<String>("shown").concat();
    assert_eq!(
        shown(show.options(options! { rate: 1 })),
        "Settings { rate: 1.0, factor: 1.5, rows: 10, currency: \"EUR\", names: [\"a\"], note: None, dry_run: false, weights: {}, \
         nested: Nested { depth: 1 } }"
    );
    let given = Settings {
        rate: 0.25,
        factor: 2.0,
        rows: u64::MAX,
        currency: "\"\u{1f980}\n".to_owned(),
        names: vec![],
        note: Some("n".to_owned()),
        dry_run: true,
        weights: [("a".to_owned(), -1)].into(),
        nested: Nested { depth: 255 },
    };
    assert_eq!(shown(show.options(given.clone())), format!("{given:?}"));
}

#[test]
fn wrong_options_are_refused_by_name() {
    for (options, want) in [
        (options! {}, "option `rate` is missing: it must be a number"),
        (options! { rate: "fast" }, "option `rate` must be a number, not \"fast\""),
        (options! { rate: 1, rows: (-1) }, "option `rows` must be an integer from 0 to 18446744073709551615, not -1"),
        (options! { rate: 1, rows: 1.5 }, "option `rows` must be an integer from 0 to 18446744073709551615, not 1.5"),
        (
            options! { rate: 1, names: ["a", 2] },
            "option `names` must be a list in which each is a string, not [\"a\",2]",
        ),
        (options! { rate: 1, curency: "x" }, "there is no option `curency`: did you mean `currency`?"),
        (options! { "dry_run": true, "rate": 1 }, "there is no option `dry_run`: did you mean `dry-run`?"),
        (
            options! { rate: 1, nested: { "depth": 256 } },
            "in option `nested`: option `depth` must be an integer from 0 to 255, not 256",
        ),
        (
            options! { rate: 1, nested: { "deep": 1 } },
            "in option `nested`: there is no option `deep`: there is `depth`",
        ),
    ] {
        assert_eq!(show.options(options).refusal(&one()), want);
    }
}

#[test]
fn a_transform_without_options_takes_none() {
    #[transform]
    fn keep(bid: Bid) -> bool {
        bid.price > 0.0
    }

    let why = keep.options(options! { rate: 1 }).refusal(&one());
    assert_eq!(why, "there is no option `rate`: this module has no options");
    assert_eq!(keep.options(options! {}).test(one()).main().len(), 1);
}
