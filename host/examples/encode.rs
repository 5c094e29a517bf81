//! Measures the sinks' encoders on one core: `cargo run --release -p pelton --example encode`.
//!
//! Prints, for each sink, million rows a second, nanoseconds a value, and gigabytes a second in memory and of text. Batches rotate; each
//! counts with its best time of many rounds, which a busy machine disturbs least. File sinks are measured without their writer:
//! no disk is touched.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray},
    datatypes::SchemaRef,
};
use pelton::sink::{
    self, Payload, Sink, SinkError,
    print::{PrintStyle, PrintTarget},
};
use pelton_core::job::{
    Compression, CsvDialect, FileSinkSpec, Format, IfExists, JsonOptions, PrintSpec, SinkKind, SinkSpec,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// As in the binary: the system's allocator gives its pages back, and takes them again, with every batch.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 8192;
const BATCHES: usize = 4;
const ROUNDS: usize = 60;

fn main() -> Result<(), SinkError> {
    let numbers = batches(numbers);
    let strings = batches(strings);
    let file = |format, compression| {
        let if_exists = IfExists::Error;
        let (path, roll_bytes, partition_by) = ("out".into(), 1 << 30, Vec::new());
        SinkKind::File(FileSinkSpec {
            path,
            format,
            compression,
            roll_bytes,
            roll_after: None,
            if_exists,
            partition_by,
        })
    };
    let csv = || Format::Csv(CsvDialect::default());
    let json = || Format::Json(JsonOptions::default());
    report("csv, int int f64 timestamp", file(csv(), Compression::None), &numbers)?;
    report("csv, 2 × utf8", file(csv(), Compression::None), &strings)?;
    report("csv + zstd, int int f64 timestamp", file(csv(), Compression::Zstd), &numbers)?;
    report("csv + gzip, int int f64 timestamp", file(csv(), Compression::Gzip), &numbers)?;
    report("json, int int f64 timestamp", file(json(), Compression::None), &numbers)?;
    report("json, 2 × utf8", file(json(), Compression::None), &strings)?;
    report("blackhole, int int f64 timestamp", SinkKind::Blackhole, &numbers)?;
    report("blackhole, nullable int", SinkKind::Blackhole, &batches(nullable))?;
    report("blackhole, 2 × utf8", SinkKind::Blackhole, &strings)?;
    report("print, int int f64 timestamp", SinkKind::Print(PrintSpec { rows: 10 }), &numbers)
}

fn report(what: &str, kind: SinkKind, batches: &[RecordBatch]) -> Result<(), SinkError> {
    let Some(first) = batches.first() else { return Ok(()) };
    let sink = open(kind, first.schema())?;
    let mut encoder = sink.encoder()?;
    let mut best = vec![Duration::MAX; batches.len()];
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        bytes = 0;
        for (batch, best) in batches.iter().zip(&mut best) {
            let start = Instant::now();
            let encoded = encoder.encode(batch)?;
            *best = start.elapsed().min(*best);
            bytes += size(&encoded.payload);
        }
    }
    let rows = batches.iter().map(RecordBatch::num_rows).sum::<usize>() as f64;
    let seconds = best.iter().sum::<Duration>().as_secs_f64();
    #[expect(clippy::print_stdout, reason = "an example's result")]
    {
        let values = rows * first.num_columns() as f64;
        let memory = batches.iter().map(RecordBatch::get_array_memory_size).sum::<usize>() as f64;
        println!(
            "{what:36} {:8.1} M rows/s {:8.2} ns/value {:7.2} GB/s in {:7.2} GB/s out",
            rows / seconds / 1e6,
            seconds * 1e9 / values,
            memory / seconds / 1e9,
            bytes as f64 / seconds / 1e9,
        );
    }
    Ok(())
}

/// Bytes of text, or of checksums.
fn size(payload: &Payload) -> usize {
    match payload {
        Payload::Bytes(bytes) | Payload::Compressed(bytes) => bytes.len(),
        Payload::Checksums(sums) => size_of_val(sums.as_slice()),
        Payload::Rows { bytes, .. } => bytes.len(),
        Payload::Folders(folders) => folders.iter().map(|(_, encoded)| size(&encoded.payload)).sum(),
        Payload::Batch(_) => 0,
    }
}

fn open(kind: SinkKind, schema: SchemaRef) -> Result<Box<dyn Sink>, SinkError> {
    let spec = SinkSpec { name: "out".into(), inputs: Vec::new(), columns: None, kind };
    let target = PrintTarget { style: PrintStyle::Json, output: Arc::new(Mutex::new(std::io::sink())) };
    sink::open(&spec, schema, Path::new("."), &target)
}

fn batches(make: fn(&mut StdRng) -> Vec<(&'static str, ArrayRef)>) -> Vec<RecordBatch> {
    let mut random = StdRng::seed_from_u64(7);
    let batch = |_| RecordBatch::try_from_iter(make(&mut random)).expect("columns of one length");
    (0..BATCHES).map(batch).collect()
}

fn numbers(random: &mut StdRng) -> Vec<(&'static str, ArrayRef)> {
    let start = 1_436_918_400_000;
    let mut column =
        |from, to| Arc::new(Int64Array::from_iter_values((0..ROWS).map(|_| random.random_range(from..to))));
    let (auction, bidder) = (column(1000, 100_000), column(1000, 10_000_000));
    let price =
        Float64Array::from_iter_values((0..ROWS).map(|_| f64::from(random.random_range(100..10_000_000)) * 0.908));
    let time = TimestampMillisecondArray::from_iter_values((0..ROWS as i64).map(|row| start + row * 7));
    vec![("auction", auction), ("bidder", bidder), ("price", Arc::new(price)), ("ts", Arc::new(time))]
}

fn nullable(random: &mut StdRng) -> Vec<(&'static str, ArrayRef)> {
    let values = (0..ROWS).map(|_| random.random_bool(0.9).then(|| random.random::<i64>()));
    vec![("n", Arc::new(Int64Array::from_iter(values)))]
}

fn strings(random: &mut StdRng) -> Vec<(&'static str, ArrayRef)> {
    let mut column = |len: std::ops::Range<usize>| {
        let text = |_| "lorem ipsum dolor sit amet consectetur ".chars().cycle().take(random.random_range(len.clone()));
        Arc::new(StringArray::from_iter_values((0..ROWS).map(text).map(String::from_iter)))
    };
    vec![("channel", column(4..16)), ("url", column(20..60))]
}
