//! How fast sources decode, on one thread: `cargo test --release -p pelton --lib source::speed -- --ignored --nocapture
//! --test-threads 1`.
//!
//! Time is the thread's own CPU time, so that neighbours do not count; memory is what the process takes more at its peak.

use std::{fs, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{Field, Schema},
    ipc::{
        CompressionType,
        writer::{FileWriter, IpcWriteOptions},
    },
};
use parquet::{arrow::ArrowWriter, basic::Compression as Codec, file::properties::WriterProperties};
use pelton_core::job::{
    BatchSpec, ColumnRule, Compression, FileSourceSpec, Format, GeneratorContent, GeneratorSpec, NexmarkEvents,
    OnBadRow,
};

use super::{
    Decoded, Emit, Source,
    file::{ipc, listing::ListedFile, parquet as parquet_file},
    generator::GeneratorSource,
    testing::ranges,
};

/// Nanoseconds that this thread has been on a processor.
fn cpu_ns() -> u64 {
    let line = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    line.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// A line of the process's memory, in MiB.
fn memory_mib(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let value = status.lines().find_map(|text| text.strip_prefix(line)).expect("a line of that name");
    value.trim_start_matches(':').trim().split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).expect("a number")
        >> 10
}

fn measure(what: &str, source: &dyn Source, columns: &[&str]) {
    let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    let (mut rows, mut bytes) = (0, 0);
    let mut count = |decoded: Decoded| {
        rows += decoded.rows.num_rows();
        bytes += decoded
            .rows
            .columns()
            .iter()
            .map(|column| column.to_data().get_slice_memory_size().unwrap_or(0))
            .sum::<usize>();
        Emit::Continue
    };
    let ranges = ranges(source).expect("ranges");
    let mut decoder = source.decoder(&columns).expect("a decoder");
    // Forgets the peak so far.
    fs::write("/proc/self/clear_refs", "5").expect("Linux");
    let before = memory_mib("VmRSS");
    let started = cpu_ns();
    ranges.iter().for_each(|range| decoder.decode(range, &mut count).expect("decoded"));
    let ns = cpu_ns() - started;
    println!(
        "{what:44} {:7.1} M rows/s {:7.0} MB/s, {} ranges, {} MiB more",
        rows as f64 * 1e3 / ns as f64,
        bytes as f64 * 1e3 / ns as f64,
        ranges.len(),
        memory_mib("VmHWM").saturating_sub(before)
    );
}

fn generator(content: GeneratorContent, rows: u64) -> GeneratorSource {
    let spec = GeneratorSpec { seed: 1, rate: None, rows: Some(rows), content };
    GeneratorSource::open(&spec, &BatchSpec::default()).expect("a generator")
}

fn rules() -> GeneratorContent {
    let columns = [
        ("auction", ColumnRule::Zipf { n: 10_000, s: 1.0 }),
        ("bidder", ColumnRule::UniformInt { min: 0, max: 100_000 }),
        ("price", ColumnRule::UniformFloat { min: 0.0, max: 1000.0 }),
        ("at", ColumnRule::Time { start: 0, step: 100, jitter: 2_000_000 }),
        ("sequence", ColumnRule::Sequence { start: 0, step: 1 }),
        ("channel", ColumnRule::Choice { values: (0..100).map(|n| format!("channel-{n}")).collect() }),
        ("extra", ColumnRule::Text { min_len: 40, max_len: 40 }),
    ];
    GeneratorContent::Columns(columns.map(|(name, rule)| (name.to_owned(), rule)).into())
}

#[test]
#[ignore = "it measures"]
fn generated_rows() {
    let source = generator(rules(), 4_000_000);
    measure("rules: s64 zipf, s64, f64, timestamp", &source, &["auction", "bidder", "price", "at"]);
    measure("rules: s64 sequence, s64, f64, timestamp", &source, &["sequence", "bidder", "price", "at"]);
    measure("rules: utf8 choice", &source, &["channel"]);
    measure("rules: utf8 of 40 letters", &source, &["extra"]);
    let source = generator(GeneratorContent::Nexmark(NexmarkEvents::Bid), 500_000);
    measure("nexmark bids: auction, bidder, price, time", &source, &["auction", "bidder", "price", "date_time"]);
    let all = ["auction", "bidder", "price", "channel", "url", "date_time", "extra"];
    measure("nexmark bids: all but extra", &source, &all[..6]);
    measure("nexmark bids: all", &source, &all);
}

/// Bids as in the shared benchmark: 2 M rows.
fn bids() -> Vec<RecordBatch> {
    let source = generator(rules(), 2_000_000);
    let columns = ["auction", "bidder", "price", "channel", "at"].map(String::from);
    let mut decoder = source.decoder(&columns).expect("a decoder");
    let mut batches = Vec::new();
    let mut keep = |decoded: Decoded| {
        batches.push(decoded.rows);
        Emit::Continue
    };
    ranges(&source).expect("ranges").iter().for_each(|range| decoder.decode(range, &mut keep).expect("decoded"));
    let extra: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n("x".repeat(40), 8192)));
    let with_extra = |batch: RecordBatch| {
        let mut fields: Vec<_> = batch.schema().fields().to_vec();
        fields.push(Arc::new(Field::new("extra", extra.data_type().clone(), false)));
        let mut arrays = batch.columns().to_vec();
        arrays.push(extra.slice(0, batch.num_rows()));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("equal lengths")
    };
    batches.into_iter().map(with_extra).collect()
}

fn listed(path: &Path) -> ListedFile {
    ListedFile { path: path.to_owned(), name: "bids".into(), bytes: fs::metadata(path).expect("a file").len() }
}

fn spec(format: Format) -> FileSourceSpec {
    FileSourceSpec { paths: Vec::new(), format, compression: Compression::Auto, schema: None, max_row_bytes: 1 << 20 }
}

fn measure_columns(what: &str, source: &dyn Source) {
    measure(&format!("{what}: price"), source, &["price"]);
    measure(&format!("{what}: auction, bidder, price, at"), source, &["auction", "bidder", "price", "at"]);
    measure(&format!("{what}: all 6 columns"), source, &["auction", "bidder", "price", "channel", "at", "extra"]);
}

#[test]
#[ignore = "it measures"]
fn parquet_rows() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bids");
    let batches = bids();
    for (what, codec) in [("parquet", Codec::UNCOMPRESSED), ("parquet snappy", Codec::SNAPPY)] {
        let properties = WriterProperties::builder().set_compression(codec).build();
        let file = fs::File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), Some(properties)).expect("a writer");
        batches.iter().for_each(|batch| writer.write(batch).expect("written"));
        writer.close().expect("closed");
        let source =
            parquet_file::open(vec![listed(&path)], &spec(Format::Parquet), OnBadRow::Reject, &BatchSpec::default());
        measure_columns(what, source.expect("a source").as_ref());
    }
}

/// One row group of 512 MiB must not be held.
#[test]
#[ignore = "it measures"]
fn parquet_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bids");
    let columns =
        ["a", "b", "c", "d"].map(|name| (name.to_owned(), ColumnRule::UniformInt { min: i64::MIN, max: i64::MAX }));
    let numbers = generator(GeneratorContent::Columns(columns.into()), 16_000_000);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100_000_000))
        .set_dictionary_enabled(false)
        .build();
    let file = fs::File::create(&path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, numbers.schema(), Some(properties)).expect("a writer");
    let mut decoder = numbers.decoder(&["a", "b", "c", "d"].map(String::from)).expect("a decoder");
    let mut write = |decoded: Decoded| {
        writer.write(&decoded.rows).expect("written");
        Emit::Continue
    };
    ranges(&numbers).expect("ranges").iter().for_each(|range| decoder.decode(range, &mut write).expect("decoded"));
    writer.close().expect("closed");
    let source =
        parquet_file::open(vec![listed(&path)], &spec(Format::Parquet), OnBadRow::Reject, &BatchSpec::default())
            .expect("a source");
    measure("parquet, one row group of 512 MB", source.as_ref(), &["a", "b", "c", "d"]);
}

#[test]
#[ignore = "it measures"]
fn ipc_rows() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bids");
    let batches = bids();
    for (what, codec) in [("arrow", None), ("arrow lz4", Some(CompressionType::LZ4_FRAME))] {
        let options = IpcWriteOptions::default().try_with_compression(codec).expect("a codec");
        let file = fs::File::create(&path).expect("a file");
        let mut writer = FileWriter::try_new_with_options(file, &batches[0].schema(), options).expect("a writer");
        batches.iter().for_each(|batch| writer.write(batch).expect("written"));
        writer.finish().expect("finished");
        let source = ipc::open(vec![listed(&path)], &spec(Format::Ipc), OnBadRow::Reject, &BatchSpec::default())
            .expect("a source");
        measure_columns(what, source.as_ref());
    }
}
