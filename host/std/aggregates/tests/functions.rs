//! Each function through the offline harness, which also folds in parts, in several orders, and compares.

use pelton_guest::{options, prelude::*, testing};
use pelton_std_aggregates::Std;

fn std(options: testing::Json) -> FoldTest<Std> {
    FoldTest::<Std>::new().options(options)
}

fn keys() -> [&'static str; 6] {
    ["a", "b", "a", "a", "b", "c"]
}

/// Rows by `k`: a has 3 values of which one is null, b has 2, c has none.
fn rows() -> Rows {
    rows! {
        k: keys(),
        int: [Some(3_i32), Some(-1), None, Some(5), Some(-1), None],
        unsigned: [Some(3_u64), Some(u64::MAX), None, Some(5), Some(1), None],
        float: [Some(1.5), Some(f64::NAN), None, Some(-0.5), Some(2.0), None],
        money: [Some(150), Some(-1), None, Some(250), Some(1), None].map(|unscaled| unscaled.map(Decimal::<9, 2>)),
        text: [Some("pear"), Some("fig"), None, Some("apple"), Some("figs"), None],
        flag: [Some(true), Some(false), None, Some(false), Some(false), None],
        day: [Some(3), Some(1), None, Some(2), Some(9), None].map(|day| day.map(Date)),
        at: [Some(30), Some(10), None, Some(20), Some(90), None].map(|at| at.map(Timestamp)),
    }
}

/// The function's result for groups a, b and c.
fn of(options: testing::Json) -> Rows {
    std(options).key(["k"]).test(rows()).main().clone()
}

#[test]
fn count_counts_rows_or_values() {
    let count = |rows: [i64; 3]| rows! { k: ["a", "b", "c"], count: rows };
    assert_eq!(of(options! { function: "count" }), count([3, 2, 1]));
    for column in ["int", "float", "money", "text", "flag", "day", "at"] {
        assert_eq!(of(options! { function: "count", column: column }), count([2, 2, 0]), "{column}");
    }
    let none = std(options! { function: "count" }).test(rows! { x: Vec::<i64>::new() });
    assert_eq!(none.main(), &rows! { count: [0] });
}

/// The functions that say they take rows back do so exactly: from what they were folded into together with others.
#[test]
fn what_can_be_taken_back_leaves_what_was_there_before() {
    for (function, columns) in [
        ("count", &["int", "unsigned", "float", "money", "text", "flag", "day", "at"][..]),
        // The sum of `unsigned` does not fit.
        ("sum", &["int", "money"]),
        ("avg", &["int", "unsigned", "money"]),
    ] {
        for column in columns {
            let one = || std(options! { function: function, column: column });
            one().test_taking_back(rows());
            one().key(["k"]).test_taking_back(rows());
        }
    }
    std(options! { function: "count" }).key(["k"]).test_taking_back(rows());
    let whole = rows! { x: [i64::MAX, i64::MIN, 0, -1, i64::MAX, 7] };
    std(options! { function: "avg", column: "x" }).test_taking_back(whole);
    let fits = rows! { x: [i64::MAX, -3, 0, -1, -4, 7] };
    std(options! { function: "sum", column: "x" }).test_taking_back(fits);
    std(options! { function: "sum", column: "x" }).test_taking_back(rows! { x: [u64::MAX - 9, 0, 4, 5] });
}

#[test]
fn what_has_no_exact_inverse_does_not_offer_one() {
    for (function, column) in
        [("sum", "float"), ("avg", "float"), ("min", "int"), ("max", "int"), ("variance", "int"), ("last", "int")]
    {
        let why =
            std(options! { function: function, column: column }).try_test_taking_back(&rows()).expect_err(function);
        assert_eq!(why, "it does not take rows back: its contract does not accept the mode `retract`", "{function}");
    }
}

#[test]
fn sum_keeps_integers_and_decimals_exact() {
    let out = of(options! { function: "sum", column: "int" });
    assert_eq!(out, rows! { k: ["a", "b", "c"], sum: [Some(8_i64), Some(-2), None] });
    let out = of(options! { function: "sum", column: "money" });
    assert_eq!(out.types(), ["k: utf8", "sum: decimal(38, 2)?"]);
    assert_eq!(out.column::<Option<Decimal<38, 2>>>("sum"), [Some(Decimal(400)), Some(Decimal(0)), None]);
    let out = std(options! { function: "sum", column: "x" }).test(rows! { x: [0.5_f32, 0.25] });
    assert_eq!(out.main(), &rows! { sum: [0.75] });
}

#[test]
fn sums_overflow_by_their_result_and_not_by_their_parts() {
    let sum = |rows: Rows| std(options! { function: "sum", column: "x" }).try_test(rows);
    let out = sum(rows! { x: [i64::MAX, i64::MAX, -i64::MAX] }).expect("the sum fits");
    assert_eq!(out.main(), &rows! { sum: [i64::MAX] });
    let error = sum(rows! { x: [i64::MAX, 1] }).expect_err("it does not fit");
    assert_eq!(
        error,
        "the sum of `x` is 9223372036854775808, which does not fit into s64: cast the column to decimal or f64"
    );
    let out = sum(rows! { x: [u64::MAX] }).expect("u64 stays u64");
    assert_eq!(out.main().types(), ["sum: u64?"]);
    assert_eq!(out.main(), &rows! { sum: [u64::MAX] });
    let out = sum(rows! { x: [u32::MAX, u32::MAX] }).expect("narrower ones become s64");
    assert_eq!(out.main().types(), ["sum: s64?"]);
    let most = 10_i128.pow(38) - 1;
    assert_eq!(
        sum(rows! { x: [Decimal::<38, 0>(most), Decimal(1)] }).expect_err("it does not fit"),
        "the sum of `x` is 100000000000000000000000000000000000000, which does not fit into 38 digits: cast the column to f64"
    );
    for (values, whole) in [
        (vec![most, 1, -5], most - 4),
        (vec![-most, -most, most, most, 3], 3),
        (vec![most, most, most, -most, -most], most),
    ] {
        let x: Vec<Decimal<38, 0>> = values.iter().map(|value| Decimal(*value)).collect();
        let out = sum(rows! { x: x.clone() }).expect("the sum fits, whatever its parts are");
        assert_eq!(out.main().column::<Option<Decimal<38, 0>>>("sum"), [Some(Decimal(whole))]);
        std(options! { function: "avg", column: "x" }).test_taking_back(rows! { x: x });
    }
    let quarters = [most / 4, -(most / 4), most / 4, most / 4, 7].map(Decimal::<38, 0>);
    std(options! { function: "sum", column: "x" }).test_taking_back(rows! { x: quarters });
    let mean = |values: Vec<Decimal<38, 0>>| std(options! { function: "avg", column: "x" }).test(rows! { x: values });
    let out = mean(vec![Decimal(most), Decimal(most), Decimal(most - 3)]);
    assert_eq!(out.main().column::<Option<Decimal<38, 0>>>("avg"), [Some(Decimal(most - 1))]);
    // Nulls are no values, also of columns with so many digits.
    let out = std(options! { function: "sum", column: "x" }).test(rows! { x: [None::<Decimal<30, 2>>, None] });
    assert_eq!(out.main().column::<Option<Decimal<38, 2>>>("sum"), [None]);
}

#[test]
fn min_and_max_keep_the_type_of_every_column() {
    for (column, kind) in [
        ("int", "s32"),
        ("unsigned", "u64"),
        ("float", "f64"),
        ("money", "decimal(9, 2)"),
        ("text", "utf8"),
        ("flag", "bool"),
        ("day", "date"),
        ("at", "timestamp[us]"),
    ] {
        let out = of(options! { function: "min", column: column });
        assert_eq!(out.types(), ["k: utf8".to_owned(), format!("min: {kind}?")]);
    }
    let min = |column: &str| of(options! { function: "min", column: column });
    let max = |column: &str| of(options! { function: "max", column: column });
    let k = ["a", "b", "c"];
    assert_eq!(min("int"), rows! { k: k, min: [Some(3), Some(-1), None] });
    assert_eq!(max("unsigned"), rows! { k: k, max: [Some(5), Some(u64::MAX), None] });
    assert_eq!(max("float"), rows! { k: k, max: [Some(1.5), Some(f64::NAN), None] });
    assert_eq!(min("float"), rows! { k: k, min: [Some(-0.5), Some(2.0), None] });
    assert_eq!(max("text"), rows! { k: k, max: [Some("pear"), Some("figs"), None] });
    assert_eq!(min("text"), rows! { k: k, min: [Some("apple"), Some("fig"), None] });
    assert_eq!(max("flag"), rows! { k: k, max: [Some(true), Some(false), None] });
    assert_eq!(max("day"), rows! { k: k, max: [Some(Date(3)), Some(Date(9)), None] });
    assert_eq!(min("at"), rows! { k: k, min: [Some(Timestamp(20)), Some(Timestamp(10)), None] });
    assert_eq!(min("money").column::<Option<Decimal<9, 2>>>("min"), [Some(Decimal(150)), Some(Decimal(-1)), None]);
}

#[test]
fn first_and_last_go_by_the_order_of_rows_and_skip_nulls() {
    let k = ["a", "b", "c"];
    let out = of(options! { function: "first", column: "text" });
    assert_eq!(out, rows! { k: k, first: [Some("pear"), Some("fig"), None] });
    let out = of(options! { function: "last", column: "int" });
    assert_eq!(out, rows! { k: k, last: [Some(5), Some(-1), None] });
    let contract = std(options! { function: "last", column: "int" }).contract(&rows());
    assert_eq!(contract.properties, [("ordered".to_owned(), "true".to_owned())]);
}

#[test]
fn avg_is_exact_for_decimals_and_null_for_no_value() {
    let k = ["a", "b", "c"];
    assert_eq!(of(options! { function: "avg", column: "int" }), rows! { k: k, avg: [Some(4.0), Some(-1.0), None] });
    let avg = |values: &[i128]| {
        let out = std(options! { function: "avg", column: "x" })
            .test(rows! { x: values.iter().map(|value| Decimal::<9, 2>(*value)) });
        assert_eq!(out.main().types(), ["avg: decimal(13, 6)?"]);
        out.main().column::<Decimal<13, 6>>("avg")[0].0
    };
    assert_eq!(avg(&[100, 100, 101]), 1_003_333);
    assert_eq!(avg(&[100, 101, 101]), 1_006_667);
    assert_eq!(avg(&[-100, -101, -101]), -1_006_667);
    let out = std(options! { function: "avg", column: "x" }).test(rows! { x: [i64::MAX, i64::MAX, i64::MAX] });
    assert_eq!(out.main(), &rows! { avg: [i64::MAX as f64] });
}

#[test]
fn variance_survives_values_far_from_zero() {
    let x = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
    let of = |options| std(options).test(rows! { x: x }).main().clone();
    assert_eq!(of(options! { function: "variance", column: "x" }), rows! { variance: [30.0] });
    assert_eq!(of(options! { function: "variance", column: "x", population: true }), rows! { variance: [22.5] });
    let deviation = of(options! { function: "stddev", column: "x" }).column::<f64>("stddev");
    assert!((deviation[0] - 30_f64.sqrt()).abs() < 1e-9);
    let one = |options| std(options).test(rows! { x: [7] }).main().clone();
    assert_eq!(one(options! { function: "stddev", column: "x" }), rows! { stddev: [None::<f64>] });
    assert_eq!(one(options! { function: "stddev", column: "x", population: true }), rows! { stddev: [0.0] });
    let cents = std(options! { function: "variance", column: "x" }).test(rows! { x: [100, 300].map(Decimal::<9, 2>) });
    assert_eq!(cents.main(), &rows! { variance: [2.0] });
}

#[test]
fn distinct_values_are_counted_in_every_type() {
    for (column, want) in [
        ("int", [2, 1, 0]),
        ("unsigned", [2, 2, 0]),
        ("float", [2, 2, 0]),
        ("money", [2, 2, 0]),
        ("text", [2, 2, 0]),
        ("flag", [2, 1, 0]),
        ("day", [2, 2, 0]),
    ] {
        let want = rows! { k: ["a", "b", "c"], count_distinct: want };
        assert_eq!(of(options! { function: "count-distinct", column: column }), want, "{column}");
        assert_eq!(of(options! { function: "count-distinct", column: column, precision: 12 }), want, "{column}");
    }
    let float = rows! { x: [0.0, -0.0, f64::NAN, -f64::NAN] };
    let out = std(options! { function: "count-distinct", column: "x" }).test(float);
    assert_eq!(out.main(), &rows! { count_distinct: [2] });
}

#[test]
fn estimates_of_many_values_are_close() {
    let text: Vec<String> = (0..30_000).map(|row| format!("user-{}", row % 20_000)).collect();
    let out = std(options! { function: "count-distinct", column: "x", precision: 14 }).test(rows! { x: text });
    let got = out.main().column::<i64>("count_distinct")[0];
    assert!((19_400..20_600).contains(&got), "{got}");
}

#[test]
fn quantiles_are_columns_named_as_percentiles() {
    let ms: Vec<i32> = (0..=100).rev().collect();
    let out = std(options! { function: "quantile", column: "ms", q: [0.5, 0.999], compression: 500 })
        .tolerance(0.02)
        .test(rows! { ms: ms });
    assert_eq!(out.main().types(), ["p50: f64?", "p99_9: f64?"]);
    assert_eq!(out.main(), &rows! { p50: [50.0], p99_9: [99.9] });
    let none = std(options! { function: "quantile", column: "x", q: [0.5] }).test(rows! { x: [None, Some(f64::NAN)] });
    assert_eq!(none.main(), &rows! { p50: [None::<f64>] });
}

#[test]
fn top_n_makes_rows_with_rank_and_other_columns() {
    let out = of(options! { function: "top-n", column: "int", n: 2, with: ["text", "flag"] });
    assert_eq!(
        out,
        rows! {
            k: ["a", "a", "b", "b"],
            rank: [1_i64, 2, 1, 2],
            int: [5, 3, -1, -1],
            text: ["apple", "pear", "figs", "fig"],
            flag: [false, true, false, false],
        }
    );
    for column in ["unsigned", "float", "money", "text", "flag", "day", "at"] {
        let best = of(options! { function: "top-n", column: column, n: 1 });
        let max = of(options! { function: "max", column: column });
        let types =
            |rows: &Rows| rows.types().last().map(|name| name.rsplit_once(": ").map(|(_, kind)| kind.to_owned()));
        assert_eq!(types(&best), types(&max), "{column}");
        assert_eq!(best.len(), 2, "c has no values");
    }
    let floats = std(options! { function: "top-n", column: "x", n: 9 })
        .test(rows! { x: [-1.5, f64::NAN, 0.0, f64::NEG_INFINITY, 7.25, -2.5] });
    let want = [f64::NAN, 7.25, 0.0, -1.5, -2.5, f64::NEG_INFINITY];
    assert_eq!(floats.main(), &rows! { rank: 1..=6_i64, x: want });
    let with_nulls = std(options! { function: "top-n", column: "x", n: 2, with: ["y"] })
        .test(rows! { x: [1, 2], y: [Some("one"), None] });
    assert_eq!(with_nulls.main(), &rows! { rank: [1_i64, 2], x: [2, 1], y: [None, Some("one")] });
}

#[test]
fn top_n_orders_equal_values_by_the_other_columns_and_not_by_their_lengths() {
    let out = std(options! { function: "top-n", column: "x", n: 3, with: ["y", "z"] }).test(rows! {
        x: [1, 1, 1, 1],
        y: [Some("b-35"), None, Some("b-4"), Some("b-4")],
        z: [9, 9, 1, 2],
    });
    let want = rows! { rank: [1_i64, 2, 3], x: [1, 1, 1], y: [Some("b-4"), Some("b-4"), Some("b-35")], z: [2, 1, 9] };
    assert_eq!(out.main(), &want);
}

#[test]
fn collect_makes_lists_in_the_order_of_rows() {
    let of = |column: &str| std(options! { function: "collect", column: column }).key(["k"]).test(rows());
    assert_eq!(of("int").main().lists::<i32>("collect"), [vec![3, 5], vec![-1, -1], vec![]]);
    assert_eq!(of("text").main().lists::<String>("collect"), [vec!["pear", "apple"], vec!["fig", "figs"], vec![]]);
    assert_eq!(of("flag").main().lists::<bool>("collect"), [vec![true, false], vec![false, false], vec![]]);
    assert_eq!(of("day").main().lists::<Date>("collect"), [vec![Date(3), Date(2)], vec![Date(1), Date(9)], vec![]]);
    let money = of("money").main().lists::<Decimal<9, 2>>("collect");
    assert_eq!(money, [vec![Decimal(150), Decimal(250)], vec![Decimal(-1), Decimal(1)], vec![]]);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    for (options, want) in [
        (options! { function: "summ" }, "there is no std:summ: did you mean `sum`?"),
        (options! { x: 1 }, "option `function` is missing: it must be the name of a std: function"),
        (options! { function: "sum" }, "option `column` is missing: it must be a string"),
        (
            options! { function: "sum", column: "unsinged" },
            "the input has no column `unsinged`: did you mean `unsigned`?",
        ),
        (options! { function: "sum", column: "text" }, "column `text` is utf8, but std:sum is for numbers"),
        (options! { function: "avg", column: "at" }, "column `at` is timestamp[us], but std:avg is for numbers"),
        (
            options! { function: "quantile", column: "day", q: [0.5] },
            "column `day` is date, but std:quantile is for numbers",
        ),
        (
            options! { function: "quantile", column: "int", q: [50] },
            "a quantile is from 0 to 1, not 50: 0.99 is the 99th percentile",
        ),
        (
            options! { function: "quantile", column: "int", q: [] },
            "no quantile is asked for: write `std:quantile(column, 0.99)`",
        ),
        (options! { function: "top-n", column: "int", n: 0 }, "`n` is 0, but must be from 1 to 1000"),
        (
            options! { function: "top-n", column: "int", n: 1, with: ["int"] },
            "the result would have two columns `int`: leave it out of `with`",
        ),
        (
            options! { function: "count-distinct", column: "int", precision: 3 },
            "`precision` is 3, but must be from 4 (26 % off) to 18 (0.2 % off); 14 is 0.8 % off",
        ),
        (options! { function: "count", colum: "int" }, "there is no option `colum`: did you mean `column`?"),
    ] {
        assert_eq!(std(options).refusal(&rows()), want);
    }
}
