//! Unions: R(t) = Σ wᵢ·fᵢ(t), epoch by epoch. Each source goes through its own `std:select`, which is its weight, and all of them
//! into one sum.
//!
//! With `max-bytes = 1` an epoch takes one range of each source: the next file that is not empty, or the next `batch.rows` rows
//! of a generator. All numbers are halves and quarters, so that sums of floats are exact in any order.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use rand::{Rng, rngs::StdRng};

use super::{THREADS, each, place::Place};

const WEIGHTS: [f64; 6] = [0.5, -3.0, 2.0, 1.25, -0.25, 1.0];

/// fᵢ, epoch by epoch, and the source that gives it.
struct Input {
    weight: f64,
    epochs: Vec<Vec<f64>>,
    source: String,
}

fn files(random: &mut StdRng, place: &Place, name: &str) -> Result<(Vec<Vec<f64>>, String)> {
    let mut epochs = Vec::new();
    for file in 0..random.random_range(1..7) {
        let rows = if random.random_ratio(1, 6) { 0 } else { random.random_range(1..40) };
        let values: Vec<f64> = (0..rows).map(|_| f64::from(random.random_range(-400..400)) / 2.0).collect();
        let text = values.iter().fold(String::new(), |text, value| format!("{text}{value:?}\n"));
        place.write(&format!("{name}/{file}.csv"), &text)?;
        epochs.push(values);
    }
    epochs.retain(|values| !values.is_empty());
    let source = format!("type = \"file\"\npath = \"{name}\"\nformat = \"csv\"\nschema = {{ f = \"f64\" }}\n");
    Ok((epochs, source))
}

fn generator(random: &mut StdRng, batch: usize) -> (Vec<Vec<f64>>, String) {
    let (rows, start, step) =
        (random.random_range(1..60_usize), random.random_range(-9..9_i64), random.random_range(1..5_i64));
    let values: Vec<f64> = (0..rows as i64).map(|row| (start + row * step) as f64).collect();
    let source = format!(
        "type = \"generator\"\nrows = {rows}\ncolumns = {{ i = {{ sequence = {{ start = {start}, step = {step} }} }} }}\n"
    );
    (values.chunks(batch).map(<[f64]>::to_vec).collect(), source)
}

fn inputs(random: &mut StdRng, place: &Place, batch: usize) -> Result<Vec<Input>> {
    let count = random.random_range(2..5);
    let input = |at: usize| {
        let weight = WEIGHTS[random.random_range(0..WEIGHTS.len())];
        let ((epochs, source), f) = match random.random() {
            true => (files(random, place, &format!("s{at}"))?, "f"),
            false => (generator(random, batch), "cast(i as f64)"),
        };
        let select = format!("module = \"std:select\"\noptions = {{ columns = {{ r = \"{f} * {weight:?}\" }} }}\n");
        let source = format!("[source.s{at}]\n{source}\n[operator.w{at}]\ninput = \"s{at}\"\n{select}\n");
        Ok(Input { weight, epochs, source })
    };
    (0..count).map(input).collect()
}

#[test]
fn a_union_of_weighted_sources_adds_up_in_each_epoch() -> Result<()> {
    each("a_union_of_weighted_sources", 12, |random| {
        let (place, batch) = (Place::new()?, random.random_range(1..12_usize));
        let inputs = inputs(random, &place, batch)?;
        let names: Vec<String> = (0..inputs.len()).map(|at| format!("\"w{at}\"")).collect();
        let mut job = format!("name = \"union\"\nbatch = {{ max-bytes = 1, rows = {batch} }}\n\n");
        inputs.iter().for_each(|input| job.push_str(&input.source));
        write!(
            job,
            "[operator.total]\ninput = [{}]\naggregate = {{ r = \"std:sum(r)\", n = \"std:count\" }}\n\n\
             [sink.out]\ninput = \"total\"\ntype = \"print\"\n",
            names.join(", ")
        )?;
        place.write("job.toml", &job)?;

        // (R(t), rows of t), by the numbers that were written down.
        let epochs = inputs.iter().map(|input| input.epochs.len()).max().unwrap_or(0);
        let naive = (0..epochs).map(|t| {
            let of = |input: &Input| {
                let values = input.epochs.get(t).map(Vec::as_slice).unwrap_or_default();
                (input.weight * values.iter().sum::<f64>(), values.len() as u64)
            };
            inputs.iter().map(of).fold((0.0, 0), |(r, n), (more, rows)| (r + more, n + rows))
        });
        let naive: Vec<(f64, u64)> = naive.collect();

        for threads in THREADS {
            let ran = place.run(threads)?;
            let (mut before, mut got) = ((0.0, 0), Vec::new());
            for (epoch, rows) in ran.printed("out") {
                ensure!(rows.len() == 1, "epoch {epoch} has {} totals:\n{job}", rows.len());
                let now = (rows[0]["r"].as_f64().unwrap_or(f64::NAN), rows[0]["n"].as_u64().unwrap_or(0));
                ensure!(epoch == got.len() as u64 + 1, "epoch {epoch} comes after {}:\n{job}", got.len());
                got.push((now.0 - before.0, now.1 - before.1));
                before = now;
            }
            ensure!(got == naive, "{threads} threads: expected {naive:?}, got {got:?}:\n{job}");
            ensure!(ran.total("rows_rejected")? == 0 && ran.total("rows_late")? == 0, "{ran:?}");
        }
        Ok(())
    })
}
