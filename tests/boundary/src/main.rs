//! `boundary GUESTS OUT`: measures how batches should cross between host and guest, and holds the chosen way to its
//! goals. Run it with `make bench-boundary`, which builds the guests; `docs/adr/0001-the-boundary.md` tells the result.
//!
//! Every case answers all its batches as the native loop does, bit for bit, before anything is timed.

mod batch;
mod bindings;
mod buffers;
mod columns;
mod engine;
mod goals;
mod measure;
mod native;
mod plot;
mod report;
mod rows;
mod suite;
mod text;

use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use wasmtime::Result;
use wasmtime::error::Context;

use crate::batch::{Batch, Shape};
use crate::goals::Measured;
use crate::measure::Case;
use crate::suite::{Guests, Key};

/// The host's allocator: glibc's gives pages back and faults them in again with every batch.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (guests, out) = arguments.next().zip(arguments.next()).context("usage: boundary GUESTS OUT")?;
    std::fs::create_dir_all(&out).with_context(|| format!("failed to create {}", out.display()))?;
    let mut console = std::io::stdout().lock();

    let guests = Guests::load(&guests)?;
    let mut rotations = Rotations::default();
    let (mut keys, mut cases) = (Vec::new(), Vec::new());
    for key in suite::keys().into_iter().filter(|key| guests.has(*key)) {
        match guests.verified(key, rotations.get(key)) {
            Ok(case) => {
                keys.push(key);
                cases.push(case);
            }
            Err(error) => writeln!(console, "{key}: not timed, since it gave no right answer: {error:#}")?,
        }
    }
    measure::run(&mut cases)?;

    let measured: Vec<(Key, Case)> = keys.into_iter().zip(cases).collect();
    let measured = Measured(&measured);
    let rows = goals::rows(&measured, &guests)?;
    report::print(&mut console, &rows)?;
    report::write(&out.join("boundary.json"), &rows)?;
    let plot = out.join("boundary.svg");
    std::fs::write(&plot, plot::svg(&measured)).with_context(|| format!("failed to write {}", plot.display()))?;
    Ok(())
}

/// Batches, made once for each shape and size.
#[derive(Default)]
struct Rotations(Vec<(Shape, usize, Rc<[Batch]>)>);

impl Rotations {
    fn get(&mut self, key: Key) -> Rc<[Batch]> {
        let known = self.0.iter().find(|(shape, rows, _)| (*shape, *rows) == (key.shape, key.rows));
        if let Some((.., batches)) = known {
            return batches.clone();
        }
        let batches: Rc<[Batch]> = Batch::rotation(key.shape, key.rows).into();
        self.0.push((key.shape, key.rows, batches.clone()));
        batches
    }
}
