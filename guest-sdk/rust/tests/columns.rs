//! Column-level transforms by the offline harness.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid<'a> {
    price: f64,
    channel: &'a str,
    on: bool,
    discount: Option<f64>,
    blob: &'a [u8],
}

#[derive(Row)]
struct Priced<'a> {
    euro: f64,
    label: &'a str,
    discount: Option<f64>,
}

fn bids() -> Rows {
    rows! {
        price: [50.0, 150.0, 200.0],
        channel: ["web", "größer", ""],
        on: [true, false, true],
        discount: [None, Some(0.5), Some(1.0)],
        blob: [b"a".as_slice(), b"", b"xyz"],
    }
}

#[test]
fn whole_columns_come_in_and_go_out() {
    #[transform(columns, pass = none)]
    fn price<'a>(bids: BidColumns<'a>) -> Emit<PricedValues<'a>> {
        let euro =
            bids.price.iter().zip(bids.on.iter()).map(|(price, on)| if on { price * 0.5 } else { 0.0 }).collect();
        assert_eq!(
            (bids.len(), bids.is_empty(), bids.channel.len(), bids.blob.get(2)),
            (3, false, 3, Some(b"xyz".as_slice()))
        );
        Emit::every_row(PricedValues {
            euro,
            label: bids.channel.iter().collect(),
            discount: bids.discount.iter().collect(),
        })
    }

    assert_eq!(
        price.test(bids()).main(),
        &rows! { euro: [25.0, 0.0, 100.0], label: ["web", "größer", ""], discount: [None, Some(0.5), Some(1.0)] }
    );
}

#[test]
fn origins_choose_and_repeat_rows_and_rejections_name_them() {
    #[transform(columns, pass = ["price"])]
    fn choose(bids: BidColumns<'_>) -> Emit<()> {
        let mut emit = Emit::rows(vec![0, 0, 2], ());
        if bids.price.get(1).is_some_and(|price| *price > 100.0) {
            emit.reject(1, "dear");
        }
        emit
    }

    let out = choose.test(bids());
    assert_eq!(out.main(), &rows! { price: [50.0, 50.0, 200.0] });
    assert_eq!(out.rejected(), [(1, "dear")]);
}

#[test]
fn rows_with_nulls_are_left_out_of_columns_that_take_none() {
    #[derive(Row)]
    struct Strict {
        price: f64,
    }
    #[derive(Row)]
    struct Double {
        double: f64,
    }

    #[transform(columns)]
    fn double(rows: StrictColumns<'_>, ctx: &Context) -> Emit<DoubleValues> {
        assert_eq!(ctx.at(1).row(), 2);
        Emit::every_row(DoubleValues { double: rows.price.iter().map(|price| price * 2.0).collect() })
    }

    let out = double.test(rows! { price: [Some(1.0), None, Some(3.0)], id: [7, 8, 9] });
    assert_eq!(out.main(), &rows! { price: [1.0, 3.0], id: [7, 9], double: [2.0, 6.0] });
    assert_eq!(out.rejected(), [(1, "`price` is null")]);
}

#[test]
fn wrong_lengths_and_origins_fail_by_name() {
    #[derive(Options)]
    struct Options {
        fault: String,
    }

    #[transform(columns, pass = none)]
    fn faulty<'a>(bids: BidColumns<'a>, options: &Options) -> Result<Emit<PricedValues<'a>>, &'static str> {
        let values = PricedValues {
            euro: vec![1.0, 2.0].into(),
            label: bids.channel.iter().take(2).collect(),
            discount: [None, None].into_iter().collect(),
        };
        match options.fault.as_str() {
            "length" => Ok(Emit::every_row(values)),
            "origin" => Ok(Emit::rows(vec![1, 3], values)),
            "order" => Ok(Emit::rows(vec![1, 0], values)),
            _ => Err("no rate today"),
        }
    }

    for (fault, want) in [
        ("length", "column `euro` was made with 2 rows, but the output has 3"),
        ("origin", "origin 3 was returned, but the batch has 3 rows"),
        ("order", "the origins that were returned decrease"),
        ("error", "no rate today"),
    ] {
        let why = faulty.options(Options { fault: fault.to_owned() }).try_test(bids()).expect_err(fault);
        assert!(why.contains(want), "{why:?} should contain {want:?}");
    }
}

#[test]
fn values_are_the_same_however_they_are_made() {
    let numbers: Vec<i64> = (0..5_000).collect();
    let mut pushed = Values::with_capacity(0);
    numbers.iter().for_each(|number| pushed.push(*number));
    let mut extended = Values::<i64>::default();
    extended.push(0);
    extended.extend(numbers.iter().copied().skip(1));
    let filtered: Values<i64> = numbers.iter().copied().filter(|_| true).collect();
    let want = numbers.iter().copied().collect::<Values<i64>>().finish("n").expect("a column");
    for values in [pushed, extended, filtered, numbers.as_slice().into()] {
        let node = values.finish("n").expect("a column");
        assert_eq!((node.rows, &node.buffers), (5_000, &want.buffers));
    }
}

#[test]
fn rows_that_are_kept_are_those_that_filter_keeps() {
    let mut state = 7_u32;
    for len in (0..70).chain([511, 512, 513, 1_023, 1_029]) {
        for limit in [0, 1, 128, 255, 256] {
            let values: Vec<u32> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state >> 24
            })
            .take(len)
            .collect();
            let want: Vec<u32> = (0..).zip(&values).filter(|(_, value)| **value < limit).map(|(row, _)| row).collect();
            assert_eq!(kept(&values, |value| *value < limit), want, "of {len} below {limit}");
        }
    }
}
