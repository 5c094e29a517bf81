//! Every form that a row-level transform can have, by the offline harness: what it returns, what it is told.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Bid {
    price: f64,
}

#[derive(Row, Debug, PartialEq)]
struct Priced {
    euro: f64,
}

#[derive(Row)]
struct Line<'a> {
    line: &'a str,
}

#[derive(Row)]
struct Word<'a> {
    word: &'a str,
}

/// Enough rows for several blocks, and a block that is not full.
const MANY: usize = 2_500;

fn prices() -> Vec<f64> {
    (0..MANY).map(|row| ((row * 7_919) % 1_000) as f64).collect()
}

#[test]
fn a_row_returned_is_a_map() {
    #[transform]
    fn to_euro(bid: Bid) -> Priced {
        Priced { euro: bid.price * 0.5 }
    }

    let out = to_euro.test(rows! { id: 0..MANY as i64, price: prices() });
    assert_eq!(out.main().names(), ["id", "price", "euro"]);
    assert_eq!(out.main().column::<f64>("euro"), prices().iter().map(|price| price * 0.5).collect::<Vec<_>>());
    assert_eq!(out.main().column::<i64>("id"), (0..MANY as i64).collect::<Vec<_>>());
    assert_eq!(to_euro(Bid { price: 3.0 }), Priced { euro: 1.5 }, "and it is still a function");
}

#[test]
fn a_bool_is_a_filter_at_every_selectivity() {
    #[derive(Options)]
    struct Limit {
        limit: f64,
    }

    #[transform]
    fn below(bid: Bid, options: &Limit) -> bool {
        bid.price < options.limit
    }

    for limit in [-1.0, 1.0, 500.0, 999.0, 1_000.0] {
        let out = below.options(Limit { limit }).test(rows! { price: prices(), row: 0..MANY as i32 });
        let want: Vec<i32> = (0..).zip(prices()).filter(|(_, price)| *price < limit).map(|(row, _)| row).collect();
        assert_eq!(out.main().column::<i32>("row"), want, "limit {limit}");
        assert_eq!(out.origins().len(), want.len());
    }
}

#[test]
fn a_batch_that_loses_rows_only_in_its_last_block_keeps_the_others() {
    #[transform]
    fn positive(bid: Bid) -> Option<Priced> {
        (bid.price > 0.0).then_some(Priced { euro: bid.price })
    }

    let mut prices = vec![1.0; MANY];
    prices[MANY - 2] = 0.0;
    let out = positive.test(rows! { price: prices });
    assert_eq!(out.main().len(), MANY - 1);
    let want: Vec<u32> = (0..MANY as u32).filter(|row| *row != MANY as u32 - 2).collect();
    assert_eq!(out.origins(), want);
}

#[test]
fn an_option_drops_rows_of_text_too() {
    #[transform(pass = none)]
    fn long<'a>(line: Line<'a>) -> Option<Word<'a>> {
        (line.line.len() > 2).then_some(Word { word: line.line })
    }

    let out = long.test(rows! { line: ["a", "größer", "", "bcd"] });
    assert_eq!(out.main(), &rows! { word: ["größer", "bcd"] });
    assert_eq!(out.origins(), [1, 3]);
}

#[test]
fn a_vector_or_an_iterator_is_a_flat_map() {
    #[transform(pass = none)]
    fn vector(line: Line<'_>) -> Vec<Word<'_>> {
        line.line.split(' ').map(|word| Word { word }).collect()
    }

    #[transform(pass = none)]
    fn iterator<'a>(line: Line<'a>) -> impl Iterator<Item = Word<'a>> {
        line.line.split(' ').map(|word| Word { word })
    }

    let lines = ["to be", "or", "not to be"];
    let want = rows! { word: ["to", "be", "or", "not", "to", "be"] };
    for out in [vector.test(rows! { line: lines }), iterator.test(rows! { line: lines })] {
        assert_eq!(out.main(), &want);
        assert_eq!(out.origins(), [0, 0, 1, 2, 2, 2]);
    }
    let many: Vec<String> = (0..MANY).map(|row| format!("{row} {row}")).collect();
    let out = iterator.test(rows! { line: many });
    assert_eq!(out.main().len(), 2 * MANY);
    assert_eq!(out.main().column::<String>("word")[2 * MANY - 1], format!("{}", MANY - 1));
}

#[test]
fn an_error_rejects_the_row_in_every_form() {
    #[derive(Row)]
    struct Number {
        number: i64,
    }

    #[transform]
    fn parse(line: Line<'_>) -> Result<Number, std::num::ParseIntError> {
        Ok(Number { number: line.line.parse()? })
    }

    #[transform]
    fn parse_positive(line: Line<'_>) -> Result<Option<Number>, std::num::ParseIntError> {
        let number = line.line.parse()?;
        Ok((number > 0).then_some(Number { number }))
    }

    #[transform(pass = none)]
    fn parse_all(line: Line<'_>) -> Result<impl Iterator<Item = Number>, String> {
        let numbers = line.line.split(',').map(|number| number.parse().map_err(|_| format!("`{number}` is no number")));
        let numbers: Vec<i64> = numbers.collect::<Result<_, String>>()?;
        Ok(numbers.into_iter().map(|number| Number { number }))
    }

    #[transform(pass = none)]
    fn parse_each(line: Line<'_>) -> Vec<Result<Number, &'static str>> {
        line.line.split(',').map(|n| n.parse().map(|number| Number { number }).map_err(|_| "bad number")).collect()
    }

    #[transform]
    fn validate(line: Line<'_>) -> Result<(), &'static str> {
        if line.line.is_empty() { Err("empty") } else { Ok(()) }
    }

    let out = parse.test(rows! { line: ["1", "x", "-3"] });
    assert_eq!(out.main(), &rows! { line: ["1", "-3"], number: [1, -3] });
    assert_eq!(out.rejected(), [(1, "invalid digit found in string")]);

    let out = parse_positive.test(rows! { line: ["1", "x", "-3"] });
    assert_eq!((out.main(), out.rejected().len()), (&rows! { line: ["1"], number: [1] }, 1));

    let out = parse_all.test(rows! { line: ["1,2", "3,x", "4"] });
    assert_eq!(out.main(), &rows! { number: [1, 2, 4] });
    assert_eq!(out.rejected(), [(1, "`x` is no number")]);

    let out = parse_each.test(rows! { line: ["1,x,2,y", "3"] });
    assert_eq!(out.main(), &rows! { number: [1, 2, 3] });
    assert_eq!(out.rejected(), [(0, "bad number")], "a row is rejected once");

    let out = validate.test(rows! { line: ["a", ""] });
    assert_eq!((out.main(), out.rejected()), (&rows! { line: ["a"] }, vec![(1, "empty")]));
}

#[test]
fn an_enum_sends_rows_to_several_ports() {
    #[derive(Row)]
    struct Parsed {
        number: i64,
    }
    #[derive(Row)]
    struct Bad<'a> {
        why: &'a str,
    }
    #[derive(Ports)]
    enum Out<'a> {
        Parsed(Parsed),
        #[port("errors", pass = ["line"], rename(line = "text"))]
        Bad(Bad<'a>),
        BlankLine,
    }

    #[transform(drop = ["line"])]
    fn split<'a>(line: Line<'a>) -> Out<'a> {
        match line.line.parse() {
            Ok(number) => Out::Parsed(Parsed { number }),
            Err(_) if line.line.is_empty() => Out::BlankLine,
            Err(_) => Out::Bad(Bad { why: line.line }),
        }
    }

    let input = || rows! { line: ["7", "x", "", "8"], id: [1, 2, 3, 4] };
    let out = split.test(input());
    assert_eq!(out.main(), &rows! { id: [1, 4], number: [7, 8] });
    assert_eq!(out.port("parsed"), out.main());
    assert_eq!(out.port("errors"), &rows! { text: ["x"], why: ["x"] });
    assert_eq!(out.port("blank-line"), &rows! { id: [3] });
    let contract = split.setup().contract(&input());
    let names: Vec<_> = contract.ports.iter().map(|port| port.name.as_str()).collect();
    assert_eq!(names, ["parsed", "errors", "blank-line"]);
    assert_eq!(contract.reads, [["line"]]);

    #[transform(pass = none)]
    fn split_words(line: Line<'_>) -> impl Iterator<Item = Out<'_>> {
        line.line.split(' ').map(|word| match word.parse() {
            Ok(number) => Out::Parsed(Parsed { number }),
            Err(_) => Out::Bad(Bad { why: word }),
        })
    }
    let out = split_words.test(rows! { line: ["1 a 2", "b"] });
    assert_eq!(out.main(), &rows! { number: [1, 2] });
    assert_eq!(out.port("errors"), &rows! { text: ["1 a 2", "b"], why: ["a", "b"] });
    assert!(out.port("blank-line").is_empty());
}

#[test]
fn passed_columns_keep_their_place_and_computed_ones_replace_them() {
    #[derive(Row)]
    struct Made {
        zeta: i64,
        price: String,
        alpha: bool,
    }

    #[transform(rename("first name" = "name", id = "alpha"))]
    fn make(bid: Bid) -> Made {
        Made { zeta: 1, price: format!("{} €", bid.price), alpha: true }
    }

    let out = make.test(rows! { id: [5], price: [2.0], "first name": ["Ada"] });
    // `id` would be passed as `alpha`, which is computed and takes its place.
    assert_eq!(out.main(), &rows! { alpha: [true], price: ["2 €"], name: ["Ada"], zeta: [1] });

    #[transform(pass = ["id"])]
    fn keep_id(_bid: Bid) -> bool {
        true
    }
    assert_eq!(keep_id.test(rows! { price: [1.0], id: [5], x: [1] }).main(), &rows! { id: [5] });

    #[transform(rename(id = "price"))]
    fn clash(_bid: Bid) -> bool {
        true
    }
    let why = clash.setup().refusal(&rows! { id: [1], price: [1.0] });
    assert_eq!(
        why,
        "output `out` would have two columns `price`: `rename` gives a column this name, and another has it already"
    );

    #[transform(drop = ["pirce"])]
    fn typo(_bid: Bid) -> bool {
        true
    }
    let why = typo.setup().refusal(&rows! { price: [1.0] });
    assert_eq!(why, "the input has no column `pirce`, which `drop` of output `out` names: did you mean `price`?");
}

#[test]
fn a_computed_event_time_is_declared() {
    #[derive(Row)]
    struct Stamped {
        at: Timestamp,
    }

    #[transform(event_time = "at")]
    fn stamp(bid: Bid, ctx: &Context) -> Stamped {
        Stamped { at: Timestamp(ctx.now().0 + bid.price as i64) }
    }

    let input = || rows! { price: [5.0] };
    assert_eq!(stamp.setup().contract(&input()).ports[0].event_time.as_deref(), Some("at"));
    assert_eq!(stamp.setup().now(Timestamp(100)).test(input()).main().column::<Timestamp>("at"), [Timestamp(105)]);

    #[transform(event_time = "att")]
    fn typo(_bid: Bid) -> Stamped {
        Stamped { at: Timestamp(0) }
    }
    let why = typo.setup().refusal(&input());
    assert_eq!(why, "output `out` has no column `att` to be its event time: did you mean `at`?");
}

#[test]
fn empty_batches_and_rows_without_columns_work() {
    #[derive(Row)]
    struct Nothing;

    #[transform]
    fn keep(_row: Nothing) -> bool {
        true
    }

    #[transform]
    fn words(line: Line<'_>) -> Vec<Word<'_>> {
        vec![Word { word: line.line }]
    }

    let out = words.test(rows! { line: Vec::<String>::new() });
    assert_eq!((out.main().len(), out.main().names()), (0, vec!["line", "word"]));
    assert_eq!(keep.test(rows! { a: [1, 2] }).main(), &rows! { a: [1, 2] });
    assert_eq!(keep.test(Rows::of_no_columns(3)).main().len(), 3);
}

#[test]
fn the_context_tells_times_row_numbers_and_repeatable_chances() {
    #[derive(Row)]
    struct Seen {
        row: u64,
        epoch: u64,
        watermark: Option<Timestamp>,
        chance: f64,
        other: f64,
    }

    #[transform(pass = none)]
    fn see(bid: Bid, ctx: &Context) -> Option<Seen> {
        let (chance, other) = (ctx.random(), ctx.random());
        (bid.price > 0.0).then(|| Seen {
            row: ctx.row(),
            epoch: ctx.epoch(),
            watermark: ctx.watermark(),
            chance,
            other,
        })
    }

    let whole =
        see.setup().seed(5).first_row(100).epoch(9).test(rows! { price: [Some(1.0), None, Some(0.0), Some(1.0)] });
    assert_eq!(whole.main().column::<u64>("row"), [100, 103], "a null row keeps its number");
    assert_eq!(whole.main().column::<u64>("epoch"), [9, 9]);
    assert_eq!(whole.main().column::<Option<Timestamp>>("watermark"), [None, None]);
    assert_eq!(whole.rejected(), [(1, "`price` is null")]);
    let part = see.setup().seed(5).first_row(103).watermark(Timestamp(7)).test(rows! { price: [1.0] });
    for name in ["chance", "other"] {
        assert_eq!(part.main().column::<f64>(name)[0], whole.main().column::<f64>(name)[1], "the same in any batch");
    }
    assert_ne!(part.main().column::<f64>("chance"), part.main().column::<f64>("other"));
    assert_eq!(part.main().column::<Option<Timestamp>>("watermark"), [Some(Timestamp(7))]);
}

#[test]
fn logs_counters_and_gauges_are_collected() {
    #[transform]
    fn chatty(bid: Bid) -> bool {
        log::info!("price {:.1}", bid.price);
        log::error!("plain");
        counter("seen").add(2);
        gauge("last", bid.price);
        true
    }

    let out = chatty.test(rows! { price: [1.0, 2.0] });
    assert_eq!(out.logs().len(), 4);
    assert_eq!(out.logs()[2], (log::Level::Info, "price 2.0".to_owned()));
    assert_eq!(out.logs()[3], (log::Level::Error, "plain".to_owned()));
    assert_eq!((out.counter("seen"), out.counter("other")), (4, 0));
    assert_eq!((out.gauge("last"), out.gauge("other")), (Some(2.0), None));
    assert!(chatty.test(rows! { price: Vec::<f64>::new() }).logs().is_empty(), "each test starts anew");
}
