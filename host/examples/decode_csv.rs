//! Measures how fast CSV files are decoded, on one thread, from the page cache.
//!
//! ```text
//! decode_csv PATH "auction=s64,bidder=s64,price=f64,channel=utf8,ts=timestamp[ms],extra=utf8" auction,bidder,price,ts [ROUNDS]
//! ```
//!
//! Prints the best and the median round.

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use arrow::datatypes::Schema;
use pelton::source::{Emit, Next, Source, file::FileSource};
use pelton_core::{
    job::{BatchSpec, Compression, CsvDialect, FileSourceSpec, Format, OnBadRow},
    types,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, schema, columns, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: decode_csv PATH SCHEMA COLUMNS [ROUNDS]");
    };
    let rounds: usize = rest.first().map_or(Ok(15), |text| text.parse())?;
    let fields = schema
        .split(',')
        .map(|field| {
            let (name, type_name) = field.split_once('=').context("columns are NAME=TYPE")?;
            Ok(types::parse_column(name, type_name)?)
        })
        .collect::<Result<Vec<_>>>()?;
    let spec = FileSourceSpec {
        paths: vec![path.clone()],
        format: Format::Csv(CsvDialect::default()),
        compression: Compression::Auto,
        schema: Some(Arc::new(Schema::new(fields))),
        max_row_bytes: 1 << 20,
    };
    let source = FileSource::open(&spec, OnBadRow::Reject, Path::new("."), &BatchSpec::default())?;
    let columns: Vec<String> = columns.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let bytes = source.total_bytes().unwrap_or_default();
    let mut seconds = Vec::new();
    let mut rows = 0;
    for _ in 0..rounds.max(1) {
        let start = Instant::now();
        rows = decode(source.as_ref(), &columns)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    for (name, time) in [("best", seconds.first()), ("median", seconds.get(seconds.len() / 2))] {
        let time = time.context("at least one round")?;
        let (rate, each) = (rows as f64 / time / 1e6, time * 1e9 / rows as f64);
        anstream::println!(
            "{name:<7} {rate:7.2} M rows/s {each:7.1} ns/row {:7.0} MB/s ({rows} rows)",
            bytes as f64 / time / 1e6
        );
    }
    Ok(())
}

/// Decodes everything; answers how many rows there were.
fn decode(source: &dyn Source, columns: &[String]) -> Result<usize> {
    let (mut planner, mut decoder) = (source.planner()?, source.decoder(columns)?);
    let mut rows = 0;
    while let Next::Range(range) = planner.next(None)? {
        decoder.decode(&range, &mut |decoded| {
            rows += std::hint::black_box(decoded).rows.num_rows();
            Emit::Continue
        })?;
    }
    Ok(rows)
}
