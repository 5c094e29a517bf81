//! The generator through its source: golden values, cuts, pacing.

use arrow::{
    array::{Array, AsArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray},
    compute::concat_batches,
    datatypes::Int64Type,
};
use pelton_core::job::ColumnRule;

use super::*;
use crate::source::testing::{names, ranges, read_rows};

fn spec(content: GeneratorContent, rows: u64) -> GeneratorSpec {
    GeneratorSpec { seed: 42, rate: None, rows: Some(rows), content }
}

fn rules() -> GeneratorContent {
    let columns = [
        ("sequence", ColumnRule::Sequence { start: 5, step: -3 }),
        ("int", ColumnRule::UniformInt { min: -10, max: 10 }),
        ("any", ColumnRule::UniformInt { min: i64::MIN, max: i64::MAX }),
        ("float", ColumnRule::UniformFloat { min: -1.0, max: 1.0 }),
        ("zipf", ColumnRule::Zipf { n: 1000, s: 1.0 }),
        ("choice", ColumnRule::Choice { values: ["red", "green", "blue"].map(String::from).into() }),
        ("text", ColumnRule::Text { min_len: 3, max_len: 12 }),
        ("time", ColumnRule::Time { start: 1_000_000, step: 10, jitter: 1000 }),
        (
            "nullable",
            ColumnRule::Nullable { rule: Box::new(ColumnRule::UniformInt { min: 0, max: 99 }), probability: 0.5 },
        ),
    ];
    GeneratorContent::Columns(columns.map(|(name, rule)| (name.to_owned(), rule)).into())
}

fn open(content: GeneratorContent, rows: u64, batch_rows: usize) -> GeneratorSource {
    let batch = BatchSpec { rows: batch_rows, ..BatchSpec::default() };
    GeneratorSource::open(&spec(content, rows), &batch).expect("a generator")
}

fn whole(source: &GeneratorSource) -> RecordBatch {
    let names = names(source);
    read_rows(source, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Rows `start..end`, decoded as one range.
fn rows(source: &GeneratorSource, columns: &[String], start: u64, end: u64) -> RecordBatch {
    let range = Range {
        partition: 0,
        sequence: 0,
        name: "generator".into(),
        bytes: 0,
        label: RangeLabel::Rows(start, end),
        data: RangeData::Generated { start, end },
    };
    let mut rows = None;
    let mut keep = |decoded: Decoded| {
        rows = Some(decoded.rows);
        Emit::Continue
    };
    source.decoder(columns).expect("a decoder").decode(&range, &mut keep).expect("decoded");
    rows.expect("a batch")
}

/// Computed by another program from the definition.
#[test]
fn values_never_change() {
    let source = open(rules(), u64::MAX, 8192);
    let places = [0, 1, 2, 1_000_000, 1 << 40].map(|row| rows(&source, &names(&source), row, row + 1));
    let all = concat_batches(&source.schema(), &places).expect("one schema");
    let ints = |values: [i64; 5]| Int64Array::from(values.to_vec());
    assert_eq!(all["sequence"].as_ref(), &ints([5, 2, -1, -2_999_995, -3_298_534_883_323]));
    assert_eq!(all["int"].as_ref(), &ints([-9, -6, -8, -7, -1]));
    let any = [
        2_661_737_873_820_188_462,
        -8_714_692_310_026_083_622,
        1_136_527_949_987_260_952,
        2_482_661_469_575_335_548,
        4_565_990_554_204_871_635,
    ];
    assert_eq!(all["any"].as_ref(), &ints(any));
    let floats = vec![
        0.013_172_041_906_065_69,
        -0.909_385_929_778_114_2,
        0.048_630_972_642_916_6,
        0.829_498_604_703_993,
        -0.820_514_218_083_477_7,
    ];
    assert_eq!(all["float"].as_ref(), &Float64Array::from(floats));
    assert_eq!(all["zipf"].as_ref(), &ints([66, 4, 136, 60, 205]));
    assert_eq!(all["choice"].as_ref(), &StringArray::from(vec!["blue", "blue", "green", "blue", "blue"]));
    assert_eq!(all["text"].as_ref(), &StringArray::from(vec!["nyvb", "fgozp", "vrsc", "mwjnvsdsnyam", "bgqqsomonx"]));
    let times = vec![999_818, 999_151, 999_781, 10_999_979, 10_995_117_277_103];
    assert_eq!(all["time"].as_ref(), &TimestampMicrosecondArray::from(times));
    assert_eq!(all["nullable"].as_ref(), &Int64Array::from(vec![Some(52), Some(49), None, None, None]));
}

#[test]
fn cuts_do_not_change_rows() {
    let contents = [NexmarkEvents::Bid, NexmarkEvents::Auction, NexmarkEvents::Person].map(GeneratorContent::Nexmark);
    for content in contents.into_iter().chain([rules()]) {
        let expected = whole(&open(content.clone(), 1000, 1000));
        assert_eq!(expected.num_rows(), 1000);
        for batch_rows in [1, 7, 64, 999] {
            assert_eq!(whole(&open(content.clone(), 1000, batch_rows)), expected, "{batch_rows}");
        }
    }
}

#[test]
fn columns_do_not_depend_on_each_other() {
    for content in
        [GeneratorContent::Nexmark(NexmarkEvents::Bid), GeneratorContent::Nexmark(NexmarkEvents::Auction), rules()]
    {
        let source = open(content, 100, 40);
        let all = whole(&source);
        for name in names(&source) {
            let alone = read_rows(&source, &["_offset", &name]);
            assert_eq!(alone.column(1), &all[name.as_str()], "{name}");
            assert_eq!(alone.column(0).len(), 100);
        }
    }
}

#[test]
fn seeds_make_different_rows() {
    for content in [GeneratorContent::Nexmark(NexmarkEvents::Bid), rules()] {
        let with = |seed| {
            let spec = GeneratorSpec { seed, ..spec(content.clone(), 50) };
            whole(&GeneratorSource::open(&spec, &BatchSpec::default()).expect("a generator"))
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }
}

#[test]
fn nexmark_ids_refer_to_each_other_under_every_seed() {
    for seed in [0, 1, u64::MAX] {
        let ids = |kind, column: &str, rows| {
            let spec = GeneratorSpec { seed, ..spec(GeneratorContent::Nexmark(kind), rows) };
            let source = GeneratorSource::open(&spec, &BatchSpec::default()).expect("a generator");
            read_rows(&source, &[column]).column(0).as_primitive::<Int64Type>().values().to_vec()
        };
        // The ids of the first 50,000 events of all kinds.
        assert_eq!(ids(NexmarkEvents::Person, "id", 1000), (1000..2000).collect::<Vec<_>>());
        assert_eq!(ids(NexmarkEvents::Auction, "id", 3000), (1000..4000).collect::<Vec<_>>());
        let known = |id: &i64| (0..4100).contains(id);
        assert!(ids(NexmarkEvents::Bid, "auction", 46_000).iter().all(known), "{seed}");
        assert!(ids(NexmarkEvents::Bid, "bidder", 46_000).iter().all(known), "{seed}");
        assert!(ids(NexmarkEvents::Auction, "seller", 3000).iter().all(known), "{seed}");
    }
}

#[test]
fn nexmark_is_the_stream_of_its_crate() {
    let spec = GeneratorSpec { seed: 0, ..spec(GeneratorContent::Nexmark(NexmarkEvents::Person), 1) };
    let source = GeneratorSource::open(&spec, &BatchSpec::default()).expect("a generator");
    let rows = whole(&source);
    let text = |name: &str| rows[name].as_string::<i32>().value(0).to_owned();
    assert_eq!(text("name"), "vicky noris");
    assert_eq!(text("credit_card"), "7878 5821 1864 2539");
    assert!(text("extra").starts_with("lwaiyhjhrkaruidlsjil"));
}

#[test]
fn rows_come_when_they_are_due() {
    let spec = GeneratorSpec { rate: Some(2000.0), ..spec(rules(), 400) };
    let source = GeneratorSource::open(&spec, &BatchSpec::default()).expect("a generator");
    let mut planner = source.planner().expect("a planner");
    let started = Instant::now();
    let deadline = started + Duration::from_millis(10);
    assert!(matches!(planner.next(Some(deadline)).expect("it waits"), Next::Pending));
    assert!(Instant::now() >= deadline);
    let mut released = 0;
    while let Next::Range(range) = planner.next(None).expect("a range") {
        let RangeData::Generated { start, end } = range.data else { panic!("{range:?}") };
        assert_eq!((start, end), (released, released + 100));
        released = end;
        // Row n is due n / 2000 s after the start, and never comes before.
        assert!(started.elapsed() >= Duration::from_micros(500) * (end - 1) as u32, "{released}");
    }
    assert_eq!(released, 400);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_late_planner_catches_up_at_once() {
    let spec = GeneratorSpec { rate: Some(10_000.0), ..spec(rules(), 2000) };
    let source = GeneratorSource::open(&spec, &BatchSpec::default()).expect("a generator");
    let mut planner = source.planner().expect("a planner");
    assert!(matches!(planner.next(Some(Instant::now())).expect("it waits"), Next::Pending));
    thread::sleep(Duration::from_millis(205));
    let overdue = Instant::now();
    for _ in 0..4 {
        assert!(matches!(planner.next(Some(overdue)).expect("due"), Next::Range(_)));
    }
    assert!(matches!(planner.next(None).expect("the end"), Next::End));
}

#[test]
fn unbounded_generators_go_on() {
    let spec = GeneratorSpec { rows: None, ..spec(rules(), 0) };
    let source = GeneratorSource::open(&spec, &BatchSpec::default()).expect("a generator");
    assert_eq!(source.total_bytes(), None);
    let mut planner = source.planner().expect("a planner");
    for sequence in 0..1000 {
        let Next::Range(range) = planner.next(None).expect("a range") else { panic!("it ended") };
        assert_eq!(range.sequence, sequence);
    }
    assert!(ranges(&open(rules(), 0, 10)).expect("ranges").is_empty());
}

#[test]
fn impossible_rules_are_refused_by_name() {
    let wrong = [
        ColumnRule::UniformInt { min: 1, max: 0 },
        ColumnRule::UniformFloat { min: 0.0, max: f64::INFINITY },
        ColumnRule::UniformFloat { min: f64::MIN, max: f64::MAX },
        ColumnRule::Zipf { n: 0, s: 1.0 },
        ColumnRule::Zipf { n: 10, s: f64::NAN },
        ColumnRule::Choice { values: Vec::new() },
        ColumnRule::Text { min_len: 2, max_len: 1 },
        ColumnRule::Text { min_len: 0, max_len: u32::MAX },
        ColumnRule::Time { start: 0, step: 1, jitter: -1 },
        ColumnRule::Nullable { rule: Box::new(ColumnRule::Sequence { start: 0, step: 1 }), probability: 1.5 },
    ];
    for rule in wrong {
        let content = GeneratorContent::Columns(vec![("x".into(), rule.clone())]);
        let error = GeneratorSource::open(&spec(content, 1), &BatchSpec::default()).err();
        let error = error.unwrap_or_else(|| panic!("{rule:?}")).to_string();
        assert!(error.starts_with("the generator's column `x` cannot be used: "), "{error}");
    }
    let twice = vec![("x".to_owned(), ColumnRule::Sequence { start: 0, step: 1 }); 2];
    assert!(GeneratorSource::open(&spec(GeneratorContent::Columns(twice), 1), &BatchSpec::default()).is_err());
}

#[test]
fn nulls_have_the_probability_of_their_rule() {
    let chance = |rule, probability| ColumnRule::Nullable { rule: Box::new(rule), probability };
    let inner = chance(ColumnRule::Sequence { start: 0, step: 1 }, 0.5);
    let columns =
        [("twice", chance(inner.clone(), 0.5)), ("always", chance(inner.clone(), 1.0)), ("once", chance(inner, 0.0))];
    let content = GeneratorContent::Columns(columns.map(|(name, rule)| (name.to_owned(), rule)).into());
    let rows = whole(&open(content, 100_000, 8192));
    let nulls = |name: &str| rows[name].null_count();
    assert!((74_000..76_000).contains(&nulls("twice")), "{}", nulls("twice"));
    assert!((49_000..51_000).contains(&nulls("once")), "{}", nulls("once"));
    assert_eq!(nulls("always"), 100_000);
}
