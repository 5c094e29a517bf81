//! `#[aggregate]`: every form of it, run through the offline harness, which folds in parts and compares.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row)]
struct Mean {
    mean: Option<f64>,
}

mod average {
    use super::*;

    #[derive(Accumulator, Default, Debug, PartialEq)]
    pub struct Average {
        pub sum: f64,
        pub count: i64,
    }

    #[aggregate]
    impl Average {
        pub fn add(&mut self, bid: Bid) {
            self.sum += bid.price;
            self.count += 1;
        }

        pub fn merge(&mut self, later: Self) {
            self.sum += later.sum;
            self.count += later.count;
        }

        fn mean(&self) -> Option<f64> {
            (self.count > 0).then(|| self.sum / self.count as f64)
        }

        pub fn finish(self) -> Mean {
            Mean { mean: self.mean() }
        }

        pub fn retract(&mut self, bid: Bid) {
            self.sum -= bid.price;
            self.count -= 1;
        }
    }
}

use average::Average;

#[test]
fn rows_are_folded_by_group_in_the_order_of_first_rows() {
    let rows = rows! { auction: [7, 8, 7, 7], item: ["a", "b", "a", "c"], price: [1.0, 5.0, 3.0, 8.0] };
    let out = Average::key(["auction"]).test(rows.clone());
    assert_eq!(out.main(), &rows! { auction: [7, 8], mean: [4.0, 5.0] });
    assert_eq!(out.main().types(), ["auction: s32", "mean: f64?"]);
    let out = Average::key(["item", "auction"]).test(rows);
    assert_eq!(out.main(), &rows! { item: ["a", "b", "c"], auction: [7, 8, 7], mean: [2.0, 5.0, 8.0] });
}

#[test]
fn without_a_key_there_is_one_group_even_of_no_rows() {
    assert_eq!(Average::test(rows! { price: [1.0, 2.0] }).main(), &rows! { mean: [1.5] });
    assert_eq!(Average::test(rows! { price: Vec::<f64>::new() }).main(), &rows! { mean: [None::<f64>] });
}

#[test]
fn nulls_are_left_out_where_the_row_has_no_option() {
    let out = Average::test(rows! { price: [Some(1.0), None, Some(3.0)] });
    assert_eq!(out.main(), &rows! { mean: [2.0] });
    assert!(out.rejected().is_empty());
}

#[test]
fn the_functions_can_still_be_called() {
    let mut average = Average::default();
    average.add(Bid { price: 4.0 });
    average.add(Bid { price: 2.0 });
    average.retract(Bid { price: 2.0 });
    average.merge(Average { sum: 6.0, count: 1 });
    assert_eq!(average.finish().mean, Some(5.0));
}

#[test]
fn rows_that_are_taken_back_leave_nothing_behind() {
    Average::test_taking_back(rows! { price: [4.0, 2.0, 8.0, 0.5, 64.0] });
    let uneven = Average::setup().try_test_taking_back(&rows! { price: [0.1, 0.2, 0.3, 0.7] });
    assert!(uneven.is_err_and(|why| why.contains("taking back")), "sums of floats have no exact inverse");
    Average::key(["auction"]).test_taking_back(rows! { auction: [1, 2, 1, 3, 2], price: [4.0, 2.0, 8.0, 0.5, 64.0] });
}

mod maximum {
    use super::*;

    #[derive(Row)]
    pub struct Bid {
        pub price: i64,
    }

    #[derive(Row)]
    pub struct Highest {
        pub highest: i64,
    }

    /// It forgets what it takes back by halves: the highest price is not the one before.
    #[derive(Accumulator, Default)]
    pub struct Maximum {
        highest: i64,
    }

    #[aggregate]
    impl Maximum {
        fn add(&mut self, bid: Bid) {
            self.highest = self.highest.max(bid.price);
        }

        fn retract(&mut self, bid: Bid) {
            if self.highest == bid.price {
                self.highest = 0;
            }
        }

        fn merge(&mut self, later: Self) {
            self.highest = self.highest.max(later.highest);
        }

        fn finish(self) -> Highest {
            Highest { highest: self.highest }
        }
    }
}

#[test]
fn an_inverse_that_is_none_is_found() {
    let rows = rows! { price: [5_i64, 7, 3, 9] };
    let error = maximum::Maximum::setup().try_test_taking_back(&rows).expect_err("a maximum has no inverse");
    assert!(
        error.starts_with("taking back the first rows differs")
            || error.starts_with("taking back the last rows differs"),
        "{error}"
    );
}

#[test]
fn the_contract_names_reads_accumulator_and_results() {
    let contract = Average::key(["auction"]).contract(&rows! { auction: [1], price: [1_i32] });
    assert_eq!(contract.reads, [["price"]]);
    let [state] = contract.state.as_slice() else { panic!("one table of state") };
    let columns: Vec<_> = state.values.iter().map(|f| (f.name.as_str(), f.format.as_str(), f.nullable)).collect();
    assert_eq!(columns, [("sum", "g", true), ("count", "l", true)]);
    assert!(state.subkey.is_empty());
    assert_eq!(contract.properties, [("accepts".to_owned(), "append,retract".to_owned())], "it has `retract`");
}

#[test]
fn columns_that_do_not_fit_are_refused_by_name() {
    assert_eq!(
        Average::setup().refusal(&rows! { prize: [1.0] }),
        "the input has no column `price`, which `Bid.price` reads as f64: did you mean `prize`?"
    );
    assert_eq!(
        Average::setup().refusal(&rows! { price: ["x"] }),
        "column `price` is utf8, but `Bid.price` reads it as f64"
    );
}

mod every_argument {
    use super::*;

    #[derive(Options)]
    struct Options {
        min: i64,
    }

    #[derive(Row)]
    struct Named<'a> {
        name: &'a str,
        size: Option<i64>,
    }

    #[derive(Accumulator, Default)]
    struct Longest {
        name: Option<String>,
        unsized_rows: u32,
        smallest: Option<Decimal<9, 2>>,
        rows: Vec<u8>,
    }

    #[derive(Row)]
    struct Out {
        name: String,
        unsized_rows: u32,
        span: i64,
        pane: String,
        rows: Vec<u8>,
    }

    impl Longest {
        fn take(&mut self, name: &str) {
            let is_longer = |old: &String| (name.len(), name) > (old.len(), old.as_str());
            if self.name.as_ref().is_none_or(is_longer) {
                self.name = Some(name.to_owned());
            }
        }
    }

    #[aggregate(ordered)]
    impl Longest {
        fn add(&mut self, row: Named<'_>, options: &Options, ctx: &Context) -> Result<(), String> {
            if row.name == "poison" {
                return Err(format!("row {} is poison", ctx.row()));
            }
            self.unsized_rows += u32::from(row.size.is_none());
            self.rows.push(ctx.row() as u8);
            if row.size.unwrap_or(0) >= options.min {
                self.take(row.name);
            }
            Ok(())
        }

        fn merge(&mut self, later: Self, _options: &Options) {
            self.unsized_rows += later.unsized_rows;
            self.rows.extend(later.rows);
            self.smallest = self.smallest.or(later.smallest);
            if let Some(name) = later.name {
                self.take(&name);
            }
        }

        fn finish(self, window: &Window) -> Option<Out> {
            let span = window.end.0 - window.start.0;
            let Self { name, unsized_rows, rows, .. } = self;
            Some(Out { name: name?, unsized_rows, span, pane: format!("{:?}", window.pane), rows })
        }
    }

    #[test]
    fn options_context_window_text_and_dropped_results() {
        let window = Window { start: Timestamp(10), end: Timestamp(30), pane: Pane::Late };
        let out = Longest::options(Options { min: 5 }).key(["k"]).window(window).test(rows! {
            k: [1, 1, 2, 1, 3],
            name: ["aa", "bbb", "long but small", "ccc", "dd"],
            size: [Some(9), Some(5), Some(1), None, Some(7)],
        });
        let want = rows! {
            k: [1, 3],
            name: ["bbb", "dd"],
            unsized_rows: [1_u32, 0],
            span: [20_i64, 20],
            pane: ["Late", "Late"],
            rows: [vec![0_u8, 1, 3], vec![4]],
        };
        assert_eq!(out.main(), &want);
        assert_eq!(out.origins(), [0, 2], "group 2 had no result");
    }

    #[test]
    fn an_error_of_add_stops_the_job() {
        let test = Longest::options(options! { min: 0 });
        let error = test.try_test(rows! { name: ["a", "poison"], size: [1_i64, 1] }).expect_err("poison");
        assert_eq!(error, "row 1 is poison");
    }

    #[test]
    fn options_are_checked() {
        let refusal = Longest::setup().refusal(&rows! { name: ["a"], size: [1_i64] });
        assert_eq!(
            refusal,
            format!("option `min` is missing: it must be an integer from {} to {}", i64::MIN, i64::MAX)
        );
    }
}

mod several_results {
    use super::*;

    #[derive(Accumulator, Default)]
    struct Two {
        best: Option<f64>,
        second: Option<f64>,
    }

    #[derive(Row)]
    struct Place {
        rank: u32,
        price: f64,
    }

    #[aggregate]
    impl Two {
        fn add(&mut self, bid: Bid) {
            self.take(bid.price);
        }

        fn take(&mut self, price: f64) {
            let mut prices: Vec<f64> = self.best.into_iter().chain(self.second).chain([price]).collect();
            prices.sort_by(|a, b| b.total_cmp(a));
            [self.best, self.second] = [prices.first().copied(), prices.get(1).copied()];
        }

        fn merge(&mut self, later: Self) {
            later.best.into_iter().chain(later.second).for_each(|price| self.take(price));
        }

        fn finish(self) -> impl Iterator<Item = Place> {
            let places = self.best.into_iter().chain(self.second);
            (1..).zip(places).map(|(rank, price)| Place { rank, price })
        }
    }

    #[test]
    fn a_group_can_have_several_results() {
        let out = Two::key(["k"]).test(rows! { k: ["a", "b", "a", "a"], price: [1.0, 9.0, 3.0, 2.0] });
        assert_eq!(out.main(), &rows! { k: ["a", "a", "b"], rank: [1_u32, 2, 1], price: [3.0, 2.0, 9.0] });
        assert_eq!(out.origins(), [0, 0, 1]);
    }
}

mod broken {
    use super::*;

    #[derive(Accumulator, Default)]
    struct Last {
        price: Option<f64>,
    }

    #[aggregate]
    impl Last {
        fn add(&mut self, bid: Bid) {
            self.price = Some(bid.price);
        }

        fn merge(&mut self, later: Self) {
            self.price = later.price.or(self.price);
        }

        fn finish(self) -> Mean {
            Mean { mean: self.price }
        }
    }

    #[test]
    fn an_aggregate_that_needs_order_and_does_not_say_so_is_found() {
        let error = Last::setup().try_test(rows! { price: [1.0, 2.0, 3.0] }).expect_err("it depends on the order");
        assert!(error.contains("is it `ordered`?"), "{error}");
    }

    #[derive(Accumulator, Default)]
    struct Forgetful {
        count: i64,
    }

    #[aggregate]
    impl Forgetful {
        fn add(&mut self, _bid: Bid) {
            self.count += 1;
        }

        fn merge(&mut self, later: Self) {
            self.count = later.count;
        }

        fn finish(self) -> Mean {
            Mean { mean: Some(self.count as f64) }
        }
    }

    #[test]
    #[should_panic(expected = "folding all rows at once differs from")]
    fn a_merge_that_forgets_is_found() {
        Forgetful::test(rows! { price: [1.0, 2.0, 3.0] });
    }

    #[derive(Accumulator)]
    struct Biased {
        price: Option<f64>,
    }

    impl Default for Biased {
        fn default() -> Self {
            Self { price: Some(1.0) }
        }
    }

    #[aggregate]
    impl Biased {
        fn add(&mut self, bid: Bid) {
            self.price = Some(bid.price);
        }

        fn merge(&mut self, later: Self) {
            self.price = later.price;
        }

        fn finish(self) -> Mean {
            Mean { mean: self.price }
        }
    }

    #[test]
    fn a_default_that_nulls_cannot_stand_for_is_refused() {
        let refusal = Biased::setup().refusal(&rows! { price: [1.0] });
        assert!(refusal.starts_with("`price` of the accumulator is Some by default"), "{refusal}");
    }
}

/// More rows than a block, and a default that is not zero.
mod extremes {
    use super::*;

    #[derive(Accumulator)]
    struct Least {
        price: f64,
        seen: bool,
    }

    impl Default for Least {
        fn default() -> Self {
            Self { price: f64::INFINITY, seen: false }
        }
    }

    #[aggregate]
    impl Least {
        fn add(&mut self, bid: Bid) {
            self.price = self.price.min(bid.price);
            self.seen = true;
        }

        fn merge(&mut self, later: Self) {
            self.price = self.price.min(later.price);
            self.seen |= later.seen;
        }

        fn finish(self) -> Mean {
            Mean { mean: self.seen.then_some(self.price) }
        }
    }

    #[test]
    fn nulls_in_an_accumulator_are_its_default() {
        let rows = 2_000;
        let prices: Vec<Option<f64>> =
            (0..rows).map(|row| (row % 3 != 0).then(|| f64::from(row * 7 % 1_999))).collect();
        let keys: Vec<i32> = (0..rows).map(|row| row % 2).collect();
        let least = |key: i32| {
            let of_key = prices.iter().zip(&keys).filter(|(_, k)| **k == key).filter_map(|(price, _)| *price);
            of_key.fold(f64::INFINITY, f64::min)
        };
        let want = rows! { key: [0, 1], mean: [least(0), least(1)] };
        assert_eq!(Least::key(["key"]).test(rows! { key: keys.clone(), price: prices.clone() }).main(), &want);
    }
}
