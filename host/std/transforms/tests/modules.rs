//! Each module through the offline harness: what it makes, what it rejects, and what it refuses.

use pelton_guest::{options, prelude::*, testing};
use pelton_std_transforms::Std;

fn std(options: testing::Json) -> ProcessTest<Std> {
    ProcessTest::<Std>::new().options(options)
}

fn bids() -> Rows {
    rows! {
        auction: [1_i64, 2, 3, 4],
        price: [Some(50.0), Some(150.0), None, Some(f64::NAN)],
        channel: [Some("x"), Some("y"), Some("y"), None],
        ts: [0, 1_000, 2_000, 3_000].map(Timestamp),
    }
}

fn filter(condition: &str) -> ProcessTest<Std> {
    std(options! { function: "filter", where: condition })
}

/// The auctions that are left.
fn left(condition: &str) -> Vec<i64> {
    filter(condition).test(bids()).main().column("auction")
}

/// A select of one column `x`.
fn select(expression: &str) -> ProcessTest<Std> {
    std(options! { function: "select", columns: { "x": expression } })
}

#[test]
fn filter_keeps_rows_for_which_the_condition_is_true_and_drops_false_and_null() {
    assert_eq!(left("price > 100"), [2, 4], "NaN is greater than every number");
    assert_eq!(left("not price > 100"), [1], "null stays null");
    assert_eq!(left("price > 100 or channel = 'y'"), [2, 3, 4]);
    assert_eq!(left("price > 100 and channel = 'y'"), [2]);
    assert_eq!(left("price is null or channel is null"), [3, 4]);
    assert_eq!(left("auction in (1, 3, 99) and channel not in ('z')"), [1, 3]);
    assert_eq!(left("ts >= '1970-01-01T00:00:00.002'"), [3, 4]);
    assert_eq!(left("null"), Vec::<i64>::new());
    let out = filter("true").test(bids());
    assert_eq!(out.main(), &bids());
    assert!(filter("false").test(bids()).main().is_empty());
    assert!(filter("price > 0").test(bids().with("more", [1, 2, 3, 4])).main().names().contains(&"more"));
}

#[test]
fn filter_rejects_rows_that_it_cannot_compute() {
    let out = filter("10 / (auction - 2) > 0").test(bids());
    assert_eq!(out.main().column::<i64>("auction"), [3, 4]);
    assert_eq!(out.rejected(), [(1, "`10 / (auction - 2)` divides by zero")]);
    assert_eq!(left("auction != 2 and 10 / (auction - 2) > 0"), [3, 4], "not asked where it does not count");
    assert_eq!(left("auction = 2 or 10 / (auction - 2) > 0"), [2, 3, 4]);
}

#[test]
fn filter_refuses_with_the_place() {
    for (condition, refusal) in [
        ("pric > 1", "in `where`, at character 1, `pric`: the input has no column `pric`: did you mean `price`?"),
        (
            "price",
            "in `where`, at character 1, `price`: a filter wants true or false, but this is f64: compare it with something",
        ),
        ("price > 1 and", "in `where`, at its end: a value is missing: a column, a number, text in `'`, or a function"),
        (
            "price > 'a'",
            "in `where`, at character 1, `price > 'a'`: `price` is f64, and `'a'` is utf8: > is for values of one type, so cast one of them",
        ),
        (
            "price >\n 1 1",
            "in `where`, at line 2, character 4, `1`: an operator is missing before this, such as `and`, `=` or `+`",
        ),
        (
            "lower(price) = 'x'",
            "in `where`, at character 7, `price`: `lower` wants text, but this is f64: write `cast(price as utf8)`",
        ),
        (
            "lowr('x') = 'x'",
            "in `where`, at character 1, `lowr('x')`: there is no function `lowr`: did you mean `lower`?",
        ),
        (
            "ts > 'yesterday'",
            "in `where`, at character 1, `ts > 'yesterday'`: `'yesterday'` is no timestamp[us]: write it as '2026-02-28T10:00:00'",
        ),
        (
            "channel + 'x' = 'y'",
            "in `where`, at character 1, `channel + 'x'`: `+` is for numbers, but `channel` is utf8: join text with `||`, or cast it",
        ),
        (
            "auction / 0 > 1",
            "in `where`, at character 1, `1 / 0`: this would reject every row: `1 / 0` divides by zero",
        ),
        (
            "(1 + 2) % 0 > 1",
            "in `where`, at character 1, `(1 + 2) % 0`: this would reject every row: `(1 + 2) % 0` divides by zero",
        ),
        (
            "case when 1 / 0 > 1 then true when auction > 1 then false end",
            "in `where`, at character 11, `1 / 0`: this would reject every row: `1 / 0` divides by zero",
        ),
        (
            "a.b = 1",
            "in `where`, at character 1, `a`: fields of a struct are read with std:flatten before this operator, which makes columns of them",
        ),
        (
            "1 < price < 2",
            "in `where`, at character 11, `<`: comparisons do not follow each other: join them with `and`, or put one in brackets",
        ),
        ("(price > 1", "in `where`, at its end: `)` is missing here: a `(` is not closed"),
    ] {
        let condition = condition.replace("auction / 0", "1 / 0");
        assert_eq!(filter(&condition).refusal(&bids()), refusal, "{condition}");
    }
    assert_eq!(std(options! { function: "filter" }).refusal(&bids()), "option `where` is missing: it must be a string");
}

#[test]
fn what_fails_in_an_arm_that_no_row_takes_costs_no_row() {
    for condition in [
        "case when auction > 0 then true else 2 % 0 = 1 end",
        "case when auction < 0 then 1 % 0 = 1 when auction < 1 then (1 + 2) % 0 > 1 else true end",
        "if(auction > 0, true, 1 % 0 > 1)",
        "coalesce(auction, 1 % 0) > 0",
        "auction > 0 or 1 % 0 > 1",
        "not (auction < 0 and 1 % (1 - 1) > 1)",
    ] {
        assert_eq!(left(condition), [1, 2, 3, 4], "{condition}");
    }
    // A row that takes it is rejected.
    let tested = filter("case when auction = 2 then 2 % 0 = 1 else true end").test(bids());
    assert_eq!(tested.rejected(), [(1, "`2 % 0` divides by zero")]);
}

#[test]
fn hostile_expressions_are_refused_or_computed_in_bounded_space() {
    let deep = format!("{}1{} = 1", "(".repeat(10_000), ")".repeat(10_000));
    assert!(filter(&deep).refusal(&bids()).contains("nested more than 64 levels"));
    let long = format!("auction{} = 1", " + 1".repeat(1_000));
    assert!(filter(&long).refusal(&bids()).contains("more than 128 operations"));
    let doubling = format!("{}auction{}", "nullif(".repeat(60), ", 1)".repeat(60));
    assert!(filter(&format!("{doubling} = 1")).refusal(&bids()).contains("10000 in all"));
    assert!(filter(&"x".repeat(100_000)).refusal(&bids()).contains("at most 65536 bytes"));
    let many: Vec<String> = (0..2_000).map(|n| format!("auction = {n}")).collect();
    assert_eq!(left(&many.join(" or ")), [1, 2, 3, 4]);
    let high = format!("auction{} > 0", " + 1".repeat(120));
    assert_eq!(left(&high).len(), 4);
    for hostile in [
        "'",
        "\u{0}",
        "case",
        "in (",
        "a in ()",
        "cast(1 as",
        "- - - -",
        "not",
        "((((",
        "1..2",
        "\u{1F980}",
        "like",
        "cast(1 as s64",
        "1 between 2",
    ] {
        assert!(!filter(hostile).refusal(&bids()).is_empty(), "{hostile}");
    }
}

#[test]
fn random_tokens_are_computed_or_refused_but_never_a_panic() {
    const TOKENS: [&str; 44] = [
        "auction",
        "price",
        "channel",
        "ts",
        "(",
        ")",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "=",
        "<",
        ">=",
        "||",
        "and",
        "or",
        "not",
        "is",
        "null",
        "in",
        "like",
        "between",
        "case",
        "when",
        "then",
        "else",
        "end",
        "cast",
        "as",
        "s64",
        "decimal",
        "1",
        "0.5",
        "1e3",
        "'a%'",
        "true",
        "coalesce",
        "if",
        "substring",
        "nullif",
        "date",
        "\u{1F980}",
    ];
    let seed = std::env::var("PELTON_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    let mut state = seed;
    let mut next = |end: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut computed = 0;
    for _ in 0..20_000 {
        let count = 1 + next(9);
        let soup: Vec<&str> = (0..count).filter_map(|_| TOKENS.get(next(44) as usize).copied()).collect();
        let soup = soup.join(" ");
        let made = std::panic::catch_unwind(|| select(&soup).try_test(bids()).is_ok());
        computed += u64::from(made.unwrap_or_else(|_| panic!("`{soup}` panics: PELTON_SEED={seed}")));
    }
    assert!(computed > 200, "only {computed} of them are expressions: PELTON_SEED={seed}");
}

#[test]
fn select_makes_columns_in_their_order_and_passes_plain_ones() {
    let out = std(
        options! { function: "select", columns: { "euro": "price * 0.9", "id": "auction", "site": "upper(channel)" } },
    )
    .test(bids());
    assert_eq!(out.main().types(), ["euro: f64?", "id: s64", "site: utf8?"]);
    assert_eq!(
        out.main().column::<Option<String>>("site"),
        [Some("X"), Some("Y"), Some("Y"), None].map(|site| site.map(str::to_owned))
    );
    assert_eq!(out.main().column::<i64>("id"), [1, 2, 3, 4]);
    let kept = std(
        options! { function: "select", columns: { "n": "auction + 1", "price": "coalesce(price, 0)" }, keep: true },
    )
    .test(bids());
    assert_eq!(kept.main().types(), ["auction: s64", "price: f64", "channel: utf8?", "ts: timestamp[us]", "n: s64"]);
    assert_eq!(kept.main().column::<i64>("n"), [2, 3, 4, 5]);
    assert!(kept.main().column::<f64>("price")[3].is_nan());
    let contract = std(options! { function: "select", columns: { "id": "auction" } }).contract(&bids());
    assert_eq!(contract.reads, [Vec::<String>::new()], "nothing crosses");
}

#[test]
fn select_rejects_what_is_out_of_range_and_refuses_what_cannot_be() {
    let out = select("n * 2").test(rows! { n: [1_i64, i64::MAX, 3, i64::MIN] });
    assert_eq!(out.main(), &rows! { x: [2_i64, 6] });
    assert_eq!(out.rejected(), [(1, "`n * 2` is out of the range of s64"), (3, "`n * 2` is out of the range of s64")]);
    assert_eq!(out.origins(), [0, 2]);
    let refusal = std(options! { function: "select", columns: {} }).refusal(&bids());
    assert_eq!(
        refusal,
        "option `columns` is empty: it must be a table of names and expressions, such as { a = \"…\" }"
    );
    let refusal = std(options! { function: "select", columns: { "x": 1 } }).refusal(&bids());
    assert_eq!(refusal, "`x` in option `columns` must be text, not 1");
    let refusal = std(options! { function: "select", columns: { "x": "auction +" } }).refusal(&bids());
    assert!(refusal.starts_with("in `columns.x`, at its end: a value is missing"), "{refusal}");
    let refusal = std(options! { function: "select", columns: { "x": "auction" }, kep: true }).refusal(&bids());
    assert_eq!(refusal, "there is no option `kep`: did you mean `keep`?");
}

#[test]
fn types_meet_as_the_page_says() {
    let rows = rows! {
        small: [1_i16], whole: [2_i64], unsigned: [u64::MAX], single: [0.5_f32], double: [1.5],
        money: [Decimal::<9, 2>(150)], day: [Date(1)], at: [Timestamp(1)], flag: [true],
    };
    for (expression, ty) in [
        ("small + small", "s64"),
        ("small", "s16"),
        ("whole / 2", "f64"),
        ("single * 2", "f64"),
        ("unsigned + 1", "decimal(21, 0)"),
        ("money + 1", "decimal(10, 2)"),
        ("money * 0.9", "decimal(10, 3)"),
        ("money * double", "f64"),
        ("money % 1", "decimal(9, 2)"),
        ("-money", "decimal(10, 2)"),
        ("-small", "s64"),
        ("coalesce(money, 0)", "decimal(9, 2)"),
        ("if(flag, small, whole)", "s64"),
        ("if(flag, day, '2026-01-01')", "date"),
        ("case when flag then at end", "timestamp[us]?"),
        ("cast(whole as u8)", "u8"),
        ("cast(at as timestamp[ms, Europe/Paris])", "timestamp[ms, Europe/Paris]"),
        ("try_cast(double as f32)", "f32?"),
        ("year(at)", "s64"),
        ("null", "utf8?"),
        ("abs(small)", "s64"),
        ("whole > 1 and flag", "bool"),
    ] {
        let out = select(expression).test(rows.clone());
        assert_eq!(out.main().types(), [format!("x: {ty}")], "{expression}");
        assert_eq!(out.rejected(), [], "{expression}");
    }
    let out = select("unsigned + 1").test(rows.clone());
    assert_eq!(out.main().column::<Decimal<21, 0>>("x"), [Decimal(i128::from(u64::MAX) + 1)]);
    assert_eq!(select("money * 0.9").test(rows.clone()).main().column::<Decimal<10, 3>>("x"), [Decimal(1_350)]);
    assert!(select("day + 1").refusal(&rows).contains("`cast(… as s64)` counts its units since 1970"));
    assert!(select("cast(flag as date)").refusal(&rows).contains("bool cannot be cast to date"));
}

#[test]
fn casts_fit_or_reject_or_are_null() {
    let rows = || rows! { text: [Some("12"), Some(" -3 "), Some("1.5"), Some("abc"), None] };
    let out = std(options! { function: "cast", columns: { "text": "s16" } }).test(rows());
    assert_eq!(out.main(), &rows! { text: [Some(12_i16), Some(-3), None] });
    assert_eq!(out.main().types(), ["text: s16?"]);
    assert_eq!(
        out.rejected(),
        [(2, "`text`: '1.5' does not fit into s16"), (3, "`text`: 'abc' does not fit into s16")]
    );
    let out = std(options! { "function": "cast", "columns": { "text": "f64" }, "on-error": "null" }).test(rows());
    assert_eq!(out.main(), &rows! { text: [Some(12.0), Some(-3.0), Some(1.5), None, None] });
    assert_eq!(out.rejected(), []);
    let refusal = std(options! { function: "cast", columns: { "txt": "s64" } }).refusal(&rows());
    assert_eq!(refusal, "the input has no column `txt`: did you mean `text`?");
    let refusal = std(options! { function: "cast", columns: { "text": "int" } }).refusal(&rows());
    assert!(refusal.starts_with("in `columns.text`: `int` is not a type that can be made here"), "{refusal}");
    let refusal =
        std(options! { "function": "cast", "columns": { "text": "s64" }, "on-error": "drop" }).refusal(&rows());
    assert_eq!(refusal, "option `on-error` must be \"reject\" or \"null\", not \"drop\"");
}

#[test]
fn numbers_are_cast_at_the_ends_of_their_ranges() {
    let cast = |rows: Rows, ty: &str| {
        std(options! { "function": "cast", "columns": { "x": ty }, "on-error": "null" }).test(rows).main().clone()
    };
    assert_eq!(
        cast(rows! { x: [127_i64, 128, -128, -129] }, "s8"),
        rows! { x: [Some(127_i8), None, Some(-128), None] }
    );
    assert_eq!(cast(rows! { x: [-1_i64, 0] }, "u64"), rows! { x: [None, Some(0_u64)] });
    let floats = rows! { x: [9.3e18, -9.3e18, 2.5, f64::NAN, 1e300] };
    assert_eq!(cast(floats.clone(), "s64"), rows! { x: [None, None, Some(3_i64), None, None] });
    assert_eq!(
        cast(floats.clone(), "u64"),
        rows! { x: [Some(9_300_000_000_000_000_000_u64), None, Some(3), None, None] }
    );
    assert_eq!(cast(floats, "f32").column::<Option<f32>>("x")[4], None);
    assert_eq!(cast(rows! { x: [u64::MAX, 1] }, "s64"), rows! { x: [None, Some(1_i64)] });
    let money = cast(rows! { x: [Decimal::<9, 2>(12_345), Decimal(-5)] }, "decimal(4, 1)");
    assert_eq!(money.column::<Option<Decimal<4, 1>>>("x"), [Some(Decimal(1_235)), Some(Decimal(-1))]);
    assert_eq!(cast(rows! { x: [Decimal::<9, 2>(12_350)] }, "f64"), rows! { x: [Some(123.5)] });
    assert_eq!(
        cast(rows! { x: [true, false] }, "decimal(3, 1)").column::<Decimal<3, 1>>("x"),
        [Decimal(10), Decimal(0)]
    );
}

#[test]
fn rename_and_drop_pass_columns_under_names() {
    let out = std(options! { function: "rename", columns: { "auction": "price", "price": "auction" } }).test(bids());
    assert_eq!(out.main().names(), ["price", "auction", "channel", "ts"]);
    assert_eq!(out.main().column::<i64>("price"), [1, 2, 3, 4]);
    let refusal = std(options! { function: "rename", columns: { "auction": "price" } }).refusal(&bids());
    assert!(refusal.starts_with("two columns would have the name `price`"), "{refusal}");
    let out = std(options! { function: "drop", columns: ["price", "ts"] }).test(bids());
    assert_eq!(out.main().names(), ["auction", "channel"]);
    let refusal = std(options! { function: "drop", columns: ["prise"] }).refusal(&bids());
    assert_eq!(refusal, "the input has no column `prise`: did you mean `price`?");
}

#[test]
fn sample_draws_by_seed_and_row_number() {
    let rows = || rows! { n: (0..10_000).collect::<Vec<i64>>() };
    let sample = |fraction: f64| std(options! { function: "sample", fraction: fraction });
    let kept = sample(0.1).seed(7).test(rows()).main().column::<i64>("n");
    assert!((900..1_100).contains(&kept.len()), "{}", kept.len());
    assert_eq!(sample(0.1).seed(7).test(rows()).main().column::<i64>("n"), kept);
    assert_ne!(sample(0.1).seed(8).test(rows()).main().column::<i64>("n"), kept);
    // The second half alone, by its numbers, draws what it drew in the whole.
    let half = rows! { n: (5_000..10_000).collect::<Vec<i64>>() };
    let drawn = sample(0.1).seed(7).first_row(5_000).test(half).main().column::<i64>("n");
    assert_eq!(drawn, kept.into_iter().filter(|n| *n >= 5_000).collect::<Vec<_>>());
    assert_eq!(sample(1.0).test(rows()).main().len(), 10_000);
    assert!(sample(0.0).test(rows()).main().is_empty());
    assert_eq!(sample(10.0).refusal(&rows()), "option `fraction` must be from 0 to 1, not 10: 0.1 is a row in ten");
}

#[test]
fn json_becomes_columns_or_a_reason() {
    let json = [
        r#"{"user": 1, "page": "/a\nb", "ts": "2026-02-28T10:00:00Z", "more": {"x": [1]}}"#,
        r#" {"ts": 1000, "page": null, "user": 2.0} "#,
        r#"{"user": 1.5, "ts": 0}"#,
        r#"{"page": "x", "ts": 0}"#,
        r#"{"user": "3", "ts": 0}"#,
        r#"{"user": 3, "ts": 0"#,
        r#"[1]"#,
        r#"{"user": 4, "user": 5, "ts": 0}"#,
        r#"{"\u0075ser": 9223372036854775807, "ts": -1} x"#,
    ];
    let rows = || rows! { line: json, n: (0..9).collect::<Vec<i64>>() };
    let parse = |on_error: &str, keep: bool| {
        std(options! {
            "function": "parse-json", "column": "line", "schema": { "user": "s64", "page": "utf8?", "ts": "timestamp[ms]" },
            "on-error": on_error, "keep": keep
        })
    };
    let out = parse("reject", false).test(rows());
    assert_eq!(out.main().types(), ["n: s64", "user: s64", "page: utf8?", "ts: timestamp[ms]"]);
    assert_eq!(out.main().column::<i64>("n"), [0, 1, 7]);
    assert_eq!(out.main().column::<i64>("user"), [1, 2, 5]);
    assert_eq!(out.main().column::<Option<String>>("page"), [Some("/a\nb".to_owned()), None, None]);
    assert_eq!(out.main().column::<Timestamp>("ts"), [1_772_272_800_000_000, 1_000_000, 0].map(Timestamp));
    assert_eq!(
        out.rejected(),
        [
            (2, "`user` is 1.5, which is no s64"),
            (3, "`user` is missing"),
            (4, "`user` is \"3\", which is no s64"),
            (5, "`line` is no JSON: EOF while parsing an object at line 1 column 19"),
            (6, "`line` is no JSON object but [1]"),
            (8, "`line` is no JSON: trailing characters at line 1 column 46"),
        ]
    );
    let out = parse("null", true).test(rows());
    assert_eq!(out.main().len(), 9);
    assert_eq!(out.main().types()[..3], ["line: utf8", "n: s64", "user: s64?"]);
    assert_eq!(out.main().column::<Option<i64>>("user")[2], None);
}

#[test]
fn json_numbers_are_exact() {
    let parse = |ty: &str, value: &str| {
        let out = std(options! { function: "parse-json", column: "j", schema: { "x": ty } })
            .test(rows! { j: [format!("{{\"x\": {value}}}")] });
        (out.main().clone(), out.rejected().first().map(|(_, why)| (*why).to_owned()))
    };
    assert_eq!(parse("s64", "9223372036854775807").0, rows! { x: [i64::MAX] });
    assert_eq!(parse("u64", "18446744073709551615").0, rows! { x: [u64::MAX] });
    assert_eq!(
        parse("decimal(20, 2)", "123456789012345678.9").0.column::<Decimal<20, 2>>("x"),
        [Decimal(12_345_678_901_234_567_890)]
    );
    assert_eq!(parse("decimal(4, 2)", "\"1.5\"").0.column::<Decimal<4, 2>>("x"), [Decimal(150)]);
    for (ty, value) in [
        ("s64", "9223372036854775808"),
        ("s8", "128"),
        ("decimal(4, 2)", "1.005"),
        ("decimal(4, 2)", "100"),
        ("f64", "1e999"),
        ("bool", "1"),
        ("date", "\"2026-02-30\""),
    ] {
        assert!(parse(ty, value).1.is_some(), "{ty} {value}");
    }
    let deep = format!("{{\"y\": {}1{}, \"x\": 1}}", "[".repeat(1_000), "]".repeat(1_000));
    let out = std(options! { function: "parse-json", column: "j", schema: { "x": "s64" } }).test(rows! { j: [deep] });
    assert_eq!(out.main(), &rows! { x: [1_i64] }, "what is left out costs no stack");
    let refusal =
        std(options! { function: "parse-json", column: "n", schema: { "x": "s64" } }).refusal(&rows! { n: [1] });
    assert_eq!(refusal, "column `n` is s32, but std:parse-json reads utf8");
}

#[test]
fn an_unknown_function_is_refused() {
    let refusal = std(options! { function: "filtr" }).refusal(&bids());
    assert_eq!(refusal, "there is no std:filtr: did you mean `filter`?");
}
