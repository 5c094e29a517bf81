use arrow::{
    array::{ArrayRef, AsArray, Int64Array, StringArray},
    datatypes::{Field, Int64Type, Schema, UInt64Type},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::{seeds, state::budget::Budget};

/// A row: a name, a key that is descending, and which one it is.
type Row = (Option<String>, Option<i64>, i64);

fn arriving() -> SchemaRef {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let fields = vec![field("name", DataType::Utf8), field("key", DataType::Int64), field("id", DataType::Int64)];
    Arc::new(Schema::new(fields))
}

fn held() -> SchemaRef {
    let mut fields = arriving().fields().to_vec();
    fields.push(Arc::new(Field::new("~row", DataType::UInt64, false)));
    Arc::new(Schema::new(fields))
}

fn plan(is_merge: bool, partitions: u16) -> Arc<SortPlan> {
    let passed = (0..3).map(KeptColumn::Passed);
    let (phase, schema, output) = if is_merge {
        let port = PortPlan { schema: arriving(), columns: passed.collect() };
        (Phase::Merge { number_at: 3 }, held(), port)
    } else {
        let columns = passed.chain([KeptColumn::Computed(0)]).collect();
        (Phase::Hold { held: held() }, arriving(), PortPlan { schema: held(), columns })
    };
    let by = vec![SortedBy { at: 0, descending: false }, SortedBy { at: 1, descending: true }];
    let name = "sorted".to_owned();
    Arc::new(SortPlan { name, phase, by, schema, partitions, output: Some(output), state_bytes: 1 << 30, rows_max: 7 })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter(rows.iter().map(|(name, ..)| name.as_deref()))),
        Arc::new(Int64Array::from_iter(rows.iter().map(|(_, key, _)| *key))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(.., id)| *id))),
    ];
    RecordBatch::try_new(arriving(), columns).unwrap()
}

fn ids(batches: &[(usize, RecordBatch)]) -> Vec<i64> {
    batches.iter().flat_map(|(_, batch)| batch.column(2).as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// What each partition of both halves makes of these epochs; it is saved and loaded before epoch `cut`.
fn sorted(epochs: &[Vec<Vec<Row>>], partitions: u16, cut: usize) -> Vec<Vec<i64>> {
    let (hold, merge) = (plan(false, partitions), plan(true, partitions));
    let (holder, merger) = (Sorter::new(Arc::clone(&hold)), Sorter::new(Arc::clone(&merge)));
    let budget = Budget::new(1 << 30);
    let new = || (0..partitions).map(|number| Partition::new(number, &budget)).collect::<Vec<_>>();
    let (mut holding, mut merging) = (new(), new());
    let mut out = vec![Vec::new(); usize::from(partitions)];
    for (at, batches) in epochs.iter().enumerate() {
        if at == cut {
            for (number, partition) in (0..).zip(&mut holding) {
                let bytes = partition.save(&hold);
                *partition = Partition::load(&hold, number, &budget, &bytes).unwrap();
                assert!(partition.save(&hold) == bytes, "other bytes");
                assert!(Partition::load(&merge, number, &budget, &bytes).is_err());
                assert!(Partition::load(&hold, number, &budget, &bytes[..bytes.len() - 1]).is_err());
            }
        }
        let is_last = at + 1 == epochs.len();
        let closing = Closing { watermark: if is_last { i64::MAX } else { 0 }, is_last };
        let pieces: Vec<_> = batches.iter().flat_map(|rows| holder.map(&batch(rows)).unwrap().pieces).collect();
        let mut runs = Vec::new();
        for partition in &mut holding {
            for (_, run) in holder.reduce(partition, &pieces, closing).unwrap().emitted {
                runs.extend(merger.map(&run).unwrap().pieces);
            }
        }
        for (partition, out) in merging.iter_mut().zip(&mut out) {
            let reduced = merger.reduce(partition, &runs, closing).unwrap();
            assert!(reduced.emitted.iter().all(|(_, batch)| batch.num_rows() <= 7));
            out.extend(ids(&reduced.emitted));
        }
    }
    out
}

fn random(random: &mut StdRng) -> Vec<Vec<Vec<Row>>> {
    let (names, keys) = (random.random_range(1..6), random.random_range(1..200));
    let mut id = 0;
    let mut row = |random: &mut StdRng| {
        id += 1;
        let name = random.random_ratio(7, 8).then(|| "x".repeat(random.random_range(0..names)));
        (name, random.random_ratio(7, 8).then(|| random.random_range(-keys..keys)), id)
    };
    let mut rows = |random: &mut StdRng| (0..random.random_range(0..40)).map(|_| row(random)).collect();
    let mut epoch = |random: &mut StdRng| (0..random.random_range(0..4)).map(|_| rows(random)).collect();
    (0..random.random_range(1..6)).map(|_| epoch(random)).collect()
}

#[test]
fn partitions_one_after_the_other_are_all_rows_in_order() {
    seeds::each("-p pelton --lib operator::sort::tests::partitions_one_after", 0..300, |seed| {
        let source = &mut StdRng::seed_from_u64(seed);
        let epochs = random(source);
        let partitions = source.random_range(1..9);
        let mut expected: Vec<&Row> = epochs.iter().flatten().flatten().collect();
        // A null is less than all else, and the second column goes the other way. Stable, as the sort must be.
        expected.sort_by(|(name, key, _), (other_name, other_key, _)| name.cmp(other_name).then(other_key.cmp(key)));
        let expected: Vec<i64> = expected.into_iter().map(|(.., id)| *id).collect();
        let cut = source.random_range(0..epochs.len());
        assert_eq!(sorted(&epochs, partitions, cut).concat(), expected, "seed {seed}, {partitions} partitions");
    });
}

#[test]
fn ranges_are_even_whatever_comes_first_and_a_heavy_key_has_one_of_its_own() {
    let row = |at: i64, key: i64| (Some(format!("{key:06}")), None, at);
    let epochs = |key: &dyn Fn(i64) -> i64| -> Vec<Vec<Vec<Row>>> {
        (0..10)
            .map(|epoch| vec![(0..2_000).map(|at| epoch * 2_000 + at).map(|at| row(at, key(at))).collect()])
            .collect()
    };
    let sizes = |key: &dyn Fn(i64) -> i64| -> Vec<usize> { sorted(&epochs(key), 4, 5).iter().map(Vec::len).collect() };
    for key in [|at: i64| at, |at: i64| 20_000 - at, |at: i64| at * 7_919 % 20_011] {
        let sizes = sizes(&key);
        assert!(sizes.iter().all(|rows| (4_800..5_200).contains(rows)), "{sizes:?}");
    }
    let skewed = sizes(&|at| if at % 10 > 0 { 10_000 } else { at });
    assert_eq!((skewed.len(), skewed.iter().sum::<usize>()), (4, 20_000));
    assert!(skewed.iter().any(|rows| (18_000..18_100).contains(rows)), "nine in ten have one key: {skewed:?}");
    assert!(skewed.iter().filter(|rows| (1..1_500).contains(*rows)).count() >= 2, "the others are shared: {skewed:?}");
}

#[test]
fn what_is_held_is_bounded_and_the_numbers_of_rows_are_theirs() {
    let plan = Arc::new(SortPlan { state_bytes: 1_000, ..Arc::into_inner(plan(false, 1)).unwrap() });
    let budget = Budget::new(plan.state_bytes);
    let sorter = Sorter::new(Arc::clone(&plan));
    let mut partition = Partition::new(0, &budget);
    let rows: Vec<Row> = (0..1_000).map(|id| (None, Some(id), id)).collect();
    let pieces = sorter.map(&batch(&rows)).unwrap().pieces;
    let error = sorter.reduce(&mut partition, &pieces, Closing { watermark: 0, is_last: false }).unwrap_err();
    assert!(error.to_string().contains("state-bytes"), "{error}");
    let end = Closing { watermark: i64::MAX, is_last: true };
    let reduced = sorter.reduce(&mut partition, &[], end).unwrap();
    let numbers = |batch: &RecordBatch| batch.column(3).as_primitive::<UInt64Type>().values().to_vec();
    let numbers: Vec<u64> = reduced.emitted.iter().flat_map(|(_, batch)| numbers(batch)).collect();
    assert_eq!(numbers, (0..1_000).rev().collect::<Vec<_>>());
}
