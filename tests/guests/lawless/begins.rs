//! Breaks `batch-split`: each batch begins anew, whatever the accumulator held. Run by tests/laws.rs.

use pelton_guest::{
    fold::{self, *},
    prelude::*,
};

#[derive(Accumulator, Default)]
struct Counted {
    rows: i64,
}

struct Begins;

impl Fold for Begins {
    fn open(_: &[Input], _: &str) -> Result<(Contract, Self), String> {
        let result = Field { name: "result".to_owned(), format: "l".to_owned(), nullable: false, children: 0 };
        let shape =
            Shape { reads: vec!["n".to_owned()], state: Counted::columns(), makes: vec![result], ordered: false };
        Ok((shape.into_contract(), Self))
    }

    fn accumulate(&self, _: BatchContext, rows: Table, slots: Vec<u8>, accumulators: Table) -> Result<Table, String> {
        let slots = fold::slots(slots);
        let slots = slots.elements::<u32>(rows.rows as usize).ok_or("too few slots")?;
        let mut counts: Vec<Counted> = load(accumulators)?;
        counts.fill_with(Counted::default);
        for slot in slots {
            counts.get_mut(*slot as usize).ok_or("a slot out of range")?.rows += 1;
        }
        Counted::store(counts)
    }

    fn merge(&self, left: Table, right: Table) -> Result<Table, String> {
        let mut counts: Vec<Counted> = load(left)?;
        for (count, later) in counts.iter_mut().zip(load::<Counted>(right)?) {
            count.rows += later.rows;
        }
        Counted::store(counts)
    }

    fn finish(&self, _: BatchContext, _: Groups, accumulators: Table) -> Result<Output, String> {
        let counts: Vec<Counted> = load(accumulators)?;
        let column: Values<i64> = counts.iter().map(|counted| counted.rows).collect();
        Ok(row_for_row(counts.len(), vec![column.finish("result")?]))
    }
}

pelton_guest::export_fold!(Begins);
