//! Every type of column, read and made, with nulls and extremes, and what is refused.

use pelton_guest::prelude::*;

#[derive(Row)]
struct All<'a> {
    a_bool: bool,
    an_i8: i8,
    an_i16: i16,
    an_i32: i32,
    an_i64: i64,
    a_u8: u8,
    a_u16: u16,
    a_u32: u32,
    a_u64: u64,
    an_f32: f32,
    an_f64: f64,
    a_str: &'a str,
    a_string: String,
    a_slice: &'a [u8],
    a_vec: Vec<u8>,
    a_date: Date,
    a_timestamp: Timestamp,
    a_decimal: Decimal<18, 4>,
}

#[derive(Row)]
struct Nulls<'a> {
    a_bool: Option<bool>,
    an_i8: Option<i8>,
    an_i64: Option<i64>,
    an_f64: Option<f64>,
    a_str: Option<&'a str>,
    a_string: Option<String>,
    a_slice: Option<&'a [u8]>,
    a_date: Option<Date>,
    a_timestamp: Option<Timestamp>,
    a_decimal: Option<Decimal<38, 0>>,
}

fn all() -> Rows {
    rows! {
        a_bool: [true, false, true],
        an_i8: [i8::MIN, 0, i8::MAX],
        an_i16: [i16::MIN, 0, i16::MAX],
        an_i32: [i32::MIN, 0, i32::MAX],
        an_i64: [i64::MIN, 0, i64::MAX],
        a_u8: [0, 1, u8::MAX],
        a_u16: [0, 1, u16::MAX],
        a_u32: [0, 1, u32::MAX],
        a_u64: [0, 1, u64::MAX],
        an_f32: [f32::MIN, f32::NAN, f32::INFINITY],
        an_f64: [f64::MIN, f64::NAN, -0.0],
        a_str: ["", "größer", "\u{1f980}"],
        a_string: ["x", "", "y\0z"],
        a_slice: [b"".as_slice(), &[0, 255], b"abc"],
        a_vec: [vec![], vec![1_u8], vec![2; 300]],
        a_date: [Date(i32::MIN), Date(0), Date(i32::MAX)],
        a_timestamp: [Timestamp(i64::MIN), Timestamp(0), Timestamp(i64::MAX)],
        a_decimal: [Decimal::<18, 4>(-1), Decimal(0), Decimal(999_999_999_999_999_999)],
    }
}

fn nulls() -> Rows {
    rows! {
        a_bool: [None, Some(true), Some(false)],
        an_i8: [None, Some(-1_i8), None],
        an_i64: [Some(1_i64), None, Some(i64::MIN)],
        an_f64: [None, Some(f64::NAN), Some(1.5)],
        a_str: [Some(""), None, Some("ü")],
        a_string: [None, None, Some("x")],
        a_slice: [Some([0_u8, 1].as_slice()), None, None],
        a_date: [None, Some(Date(1)), None],
        a_timestamp: [Some(Timestamp(-1)), None, None],
        a_decimal: [None, Some(Decimal::<38, 0>(i128::MAX)), None],
    }
}

#[test]
fn every_type_comes_in_and_goes_out_unchanged() {
    #[transform(pass = none)]
    fn identity(row: All<'_>) -> All<'_> {
        row
    }

    let out = identity.test(all());
    assert_eq!(out.main(), &all());
    assert_eq!(out.main().types(), all().types());
}

#[test]
fn every_type_survives_a_filter_and_a_flat_map() {
    #[transform(pass = none)]
    fn twice(row: All<'_>, ctx: &Context) -> Vec<All<'_>> {
        if ctx.row() == 1 { vec![] } else { vec![row] }
    }

    #[transform(pass = none)]
    fn some(row: All<'_>, ctx: &Context) -> Option<All<'_>> {
        (ctx.row() != 1).then_some(row)
    }

    #[transform]
    fn passed(row: All<'_>) -> bool {
        row.a_u8 != 1
    }

    let want = passed.test(all());
    assert_eq!(want.main().len(), 2);
    assert_eq!(twice.test(all()).main(), want.main());
    assert_eq!(some.test(all()).main(), want.main());
}

#[test]
fn nulls_come_in_and_go_out() {
    #[transform(pass = none)]
    fn identity(row: Nulls<'_>) -> Nulls<'_> {
        row
    }

    assert_eq!(identity.test(nulls()).main(), &nulls());
    // A column without nulls may have no bitmap at all.
    let full = rows! {
        a_bool: [true], an_i8: [1_i8], an_i64: [1_i64], an_f64: [1.0], a_str: ["a"], a_string: ["b"], a_slice: [b"c".as_slice()],
        a_date: [Date(1)], a_timestamp: [Timestamp(1)], a_decimal: [Decimal::<38, 0>(1)],
    };
    assert_eq!(identity.test(full.clone()).main(), &full);
}

#[test]
fn a_null_where_the_row_has_no_option_rejects_the_row_before_the_function_sees_it() {
    #[derive(Row)]
    struct Strict<'a> {
        name: &'a str,
        price: f64,
        on: bool,
    }

    #[transform]
    fn check(row: Strict<'_>) -> Result<bool, &'static str> {
        assert!(row.price > 0.0 && !row.name.is_empty(), "saw what lies under a null");
        if row.on { Ok(true) } else { Err("off") }
    }

    let out = check.test(rows! {
        name: [Some("a"), None, Some("c"), Some("d"), None],
        price: [Some(1.0), Some(2.0), None, Some(4.0), None],
        on: [Some(true), Some(true), Some(true), Some(false), Some(true)],
        id: [0, 1, 2, 3, 4],
    });
    assert_eq!(out.main().column::<i32>("id"), [0]);
    assert_eq!(out.origins(), [0]);
    assert_eq!(out.rejected(), [(1, "`name` is null"), (2, "`price` is null"), (3, "off"), (4, "`name` is null")]);
}

#[test]
fn flat_maps_after_rejected_nulls_name_the_rows_they_came_from() {
    #[derive(Row)]
    struct Count {
        n: i64,
    }

    #[transform]
    fn repeat(row: Count) -> impl Iterator<Item = Count> {
        (0..row.n).map(|n| Count { n })
    }

    let out = repeat.test(rows! { n: [None, Some(2), None, Some(1)], id: [10, 11, 12, 13] });
    assert_eq!(out.main(), &rows! { n: [0, 1, 0], id: [11, 11, 13] });
}

#[test]
fn narrower_numbers_widen() {
    #[derive(Row)]
    struct Wide {
        a: i64,
        b: f64,
        c: u32,
        d: Option<f64>,
    }

    #[transform(pass = none)]
    fn widen(row: Wide) -> Wide {
        row
    }

    let out = widen.test(rows! { a: [-7_i16, 8], b: [1.5_f32, -2.0], c: [200_u8, 3], d: [Some(9), None] });
    assert_eq!(out.main(), &rows! { a: [-7, 8], b: [1.5, -2.0], c: [200, 3], d: [Some(9.0), None] });
    assert_eq!(out.main().types(), ["a: s64", "b: f64", "c: u32", "d: f64?"]);
}

#[test]
fn timestamps_are_made_in_the_unit_asked_for() {
    #[derive(Row)]
    struct Times {
        at: Timestamp,
        #[row(unit = "ms", name = "in ms")]
        ms: Timestamp,
        #[row(unit = "s")]
        s: Option<Timestamp>,
    }

    #[derive(Row)]
    struct At {
        at: Timestamp,
    }

    #[transform(pass = none)]
    fn times(row: At) -> Times {
        Times { at: row.at, ms: row.at, s: (row.at.0 > 0).then_some(row.at) }
    }

    let out = times.test(rows! { at: [Timestamp(-1), Timestamp(1_999_999)] });
    assert_eq!(out.main().types(), ["at: timestamp[us]", "in ms: timestamp[ms]", "s: timestamp[s]?"]);
    assert_eq!(out.main().column::<Timestamp>("in ms"), [Timestamp(-1_000), Timestamp(1_999_000)], "rounded down");
    assert_eq!(out.main().column::<Option<Timestamp>>("s"), [None, Some(Timestamp(1_000_000))]);
}

#[test]
fn missing_and_wrong_columns_are_refused_with_both_sides() {
    #[derive(Row)]
    struct Bid {
        price: f64,
        at: Timestamp,
        cost: Decimal<9, 2>,
    }

    #[transform]
    fn keep(_bid: Bid) -> bool {
        true
    }

    let refusal = |rows: Rows| keep.setup().refusal(&rows);
    assert_eq!(
        refusal(rows! { prize: [1.0] }),
        "the input has no column `price`, which `Bid.price` reads as f64: did you mean `prize`?"
    );
    assert_eq!(refusal(rows! { price: ["1"] }), "column `price` is utf8, but `Bid.price` reads it as f64");
    assert_eq!(refusal(rows! { price: [1_i64] }), "column `price` is s64, but `Bid.price` reads it as f64");
    assert_eq!(
        refusal(rows! { price: [1.0], at: [Date(1)] }),
        "column `at` is date, but `Bid.at` reads it as timestamp"
    );
    assert_eq!(
        refusal(rows! { price: [1.0], at: [Timestamp(1)], cost: [Decimal::<9, 3>(1)] }),
        "column `cost` is decimal(9, 3), but `Bid.cost` reads it as decimal(9, 2)"
    );
    keep.test(rows! { price: [1.0], at: [Timestamp(1)], cost: [Decimal::<5, 2>(1)] });
}

#[test]
fn timestamps_of_any_unit_are_read() {
    #[derive(Row)]
    struct Coarse {
        #[row(unit = "s")]
        at: Timestamp,
    }

    #[derive(Row)]
    struct At {
        at: Timestamp,
    }

    #[derive(Row)]
    struct Micros {
        micros: i64,
    }

    #[transform(pass = none)]
    fn coarsen(row: At) -> Coarse {
        Coarse { at: row.at }
    }

    #[transform(pass = none)]
    fn read(row: At) -> Micros {
        Micros { micros: row.at.0 }
    }

    let seconds = coarsen.test(rows! { at: [Timestamp(7_500_000)] });
    assert_eq!(seconds.main().types(), ["at: timestamp[s]"]);
    assert_eq!(read.test(seconds.main().clone()).main(), &rows! { micros: [7_000_000] });
}
