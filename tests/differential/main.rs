//! The engine against a naive evaluator: random schemas and batches through every form of transform, and one input in many cuts.
//!
//! ```text
//! draw ─► values ─┬─► arrays ─► operator and module (engine) ─► arrays ─► rows ─┐
//!                 └─► rows ─► rules, row by row ────────────────────────► rows ─┴─► equal?
//! ```
//!
//! Every case is drawn from its seed alone. `PELTON_SEED=7` runs one case again, `PELTON_SEED=1000..9000` others than usual. The module
//! is tests/guests/any-schema, built by `make guests`.

mod arrays;
mod cuts;
mod draw;
mod engine;
mod job;
mod rules;
mod value;

use std::{
    env,
    num::NonZero,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
};

use arrow::datatypes::{Field, Schema, SchemaRef};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use rules::{Form, Outputs};
use value::Row;

#[test]
fn every_form_answers_as_a_naive_evaluator_does() {
    for_seeds("every_form_answers_as_a_naive_evaluator_does", 0..1_000, |random| {
        let fields = draw::fields(random);
        let schema: SchemaRef = Arc::new(Schema::new(fields.clone()));
        let mut rows: Vec<Row> = Vec::new();
        let mut batches = Vec::new();
        for _ in 0..random.random_range(1..4) {
            let count = draw::row_count(random);
            let columns: Vec<_> = fields.iter().map(|field| draw::column(field, count, random)).collect();
            batches.push(arrays::batch(&schema, &columns, count, random));
            rows.extend(transposed(&columns, count));
        }
        let rows_max = if rows.len() < 500 { *[1, 7, 64, 8192].choose(random).expect("four") } else { 8192 };
        for form in forms(&fields, random) {
            let made = engine::run(form, &schema, &batches, rows_max);
            compare(form, &fields, &form.evaluate(&fields, &rows), &made);
        }
    });
}

/// All forms; those that work on a column, on a random one of a scalar type.
fn forms(fields: &[Field], random: &mut StdRng) -> Vec<Form> {
    let scalar = |field: &Field| !field.data_type().is_nested();
    let scalars: Vec<usize> = (0..).zip(fields).filter(|(_, field)| scalar(field)).map(|(at, _)| at).collect();
    let mut forms = vec![Form::Echo, Form::Pass];
    if !scalars.is_empty() {
        let mut column = || *scalars.choose(random).expect("not empty");
        forms.extend([
            Form::Filter { column: column() },
            Form::Map { column: column() },
            Form::FlatMap { column: column(), by: None },
            Form::Split { column: column() },
        ]);
    }
    forms
}

fn transposed(columns: &[Vec<value::Value>], rows: usize) -> impl Iterator<Item = Row> {
    let mut columns: Vec<_> = columns.iter().map(|column| column.iter().cloned()).collect();
    (0..rows).map(move |_| columns.iter_mut().filter_map(Iterator::next).collect())
}

/// Names the first row that differs.
fn compare(form: Form, fields: &[Field], expected: &Outputs, made: &Outputs) {
    assert_eq!(expected.ports.len(), made.ports.len(), "ports of {form:?}");
    let parts = expected.ports.iter().zip(&made.ports).chain([(&expected.rejected, &made.rejected)]);
    for (part, (expected, made)) in parts.enumerate() {
        let differs = expected.iter().zip(made).position(|(expected, made)| expected != made);
        if let Some(row) = differs {
            panic!(
                "{form:?} over {fields:#?}: row {row} of output {part} is\n{:?}\nand not\n{:?}",
                made.get(row),
                expected.get(row)
            );
        }
        assert_eq!(expected.len(), made.len(), "rows of output {part} of {form:?} over {fields:#?}");
    }
}

/// Runs a case for each seed, on all cores; a failure says how to run it again.
fn for_seeds(test: &str, seeds: Range<u64>, case: impl Fn(&mut StdRng) + Sync) {
    let seeds = chosen_seeds().unwrap_or(seeds);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let case = &case;
    thread::scope(|scope| {
        for first in 0..threads {
            let seeds = seeds.clone().skip(first).step_by(threads);
            scope.spawn(move || seeds.for_each(|seed| for_seed(test, seed, case)));
        }
    });
}

fn for_seed(test: &str, seed: u64, case: impl Fn(&mut StdRng)) {
    let mut random = StdRng::seed_from_u64(seed);
    if panic::catch_unwind(AssertUnwindSafe(|| case(&mut random))).is_err() {
        panic!(
            "failed with seed {seed}, as told above; once more: PELTON_SEED={seed} cargo test --release -p pelton-tests --test differential {test}"
        );
    }
}

/// `$PELTON_SEED`: one seed, or a range of them.
fn chosen_seeds() -> Option<Range<u64>> {
    let text = env::var("PELTON_SEED").ok()?;
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("PELTON_SEED={text} is not a seed"));
    Some(match text.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&text)..number(&text) + 1,
    })
}
