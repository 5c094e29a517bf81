//! Measures how fast files of rows are decoded, on one thread (and one more for compressed files), from the page cache.
//!
//! ```text
//! decode_rows csv|json|text PATH "auction=s64,bidder=s64,price=f64,channel=utf8" auction,price [ROUNDS]
//! ```
//!
//! An empty schema is inferred. Prints the best and the median round.

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use arrow::datatypes::Schema;
use pelton::source::{Emit, Next, Source, file::FileSource};
use pelton_core::{
    job::{BatchSpec, Compression, CsvDialect, FileSourceSpec, Format, JsonOptions, OnBadRow},
    types,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, path, schema, columns, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: decode_rows FORMAT PATH SCHEMA COLUMNS [ROUNDS]");
    };
    let rounds: usize = rest.first().map_or(Ok(15), |text| text.parse())?;
    let spec = FileSourceSpec {
        paths: vec![path.clone()],
        format: match format.as_str() {
            "csv" => Format::Csv(CsvDialect::default()),
            "json" => Format::Json(JsonOptions::default()),
            "text" => Format::Text,
            other => anyhow::bail!("`{other}` is not csv, json or text"),
        },
        compression: Compression::Auto,
        schema: read_schema(schema)?,
        max_row_bytes: 1 << 20,
        watch: None,
        tail: false,
    };
    let source = FileSource::open(&spec, OnBadRow::Reject, Path::new("."), &BatchSpec::default())?;
    source.describe().iter().for_each(|(name, value)| anstream::println!("{name}: {value}"));
    let columns: Vec<String> = columns.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let mut seconds = Vec::new();
    let mut counts = (0, 0);
    for _ in 0..rounds.max(1) {
        // A planner's start, and a stream's reader, belong to the round.
        let start = Instant::now();
        counts = decode(source.as_ref(), &columns)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let (rows, rejected) = counts;
    let bytes = source.total_bytes().unwrap_or_default() as f64;
    for (name, time) in [("best", seconds.first()), ("median", seconds.get(seconds.len() / 2))] {
        let time = time.context("at least one round")?;
        let (rate, each) = (rows as f64 / time / 1e6, time * 1e9 / rows as f64);
        let speed = bytes / time / 1e6;
        anstream::println!(
            "{name:<7} {rate:7.2} M rows/s {each:7.1} ns/row {speed:7.0} MB/s ({rows} rows, {rejected} bad)"
        );
    }
    Ok(())
}

/// Columns as `NAME=TYPE,…`; none if there are none.
fn read_schema(text: &str) -> Result<Option<Arc<Schema>>> {
    if text.is_empty() {
        return Ok(None);
    }
    let column = |field: &str| {
        let (name, type_name) = field.split_once('=').context("columns are NAME=TYPE")?;
        Ok(types::parse_column(name, type_name)?)
    };
    let fields = text.split(',').map(column).collect::<Result<Vec<_>>>()?;
    Ok(Some(Arc::new(Schema::new(fields))))
}

/// Decodes everything; answers how many rows were good and bad.
fn decode(source: &dyn Source, columns: &[String]) -> Result<(usize, usize)> {
    let (mut planner, mut decoder) = (source.planner()?, source.decoder(columns)?);
    let mut counts = (0, 0);
    while let Next::Range(range) = planner.next(None)? {
        decoder.decode(&range, &mut |decoded| {
            let decoded = std::hint::black_box(decoded);
            counts = (counts.0 + decoded.rows.num_rows(), counts.1 + decoded.rejected.len());
            Emit::Continue
        })?;
    }
    Ok(counts)
}
