//! The sinks: what stands in the job file, and what a reader finds there.

use std::fs::{self, File};

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::Int64Type,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pelton::checkpoint::inspect;
use pelton_core::checkpoint::record::SinkState;

use super::{place::Place, server::Server};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sink {
    Text,
    Parquet,
    Postgres,
    Blackhole,
    Print,
}

impl Sink {
    pub const ALL: [Self; 5] = [Self::Text, Self::Parquet, Self::Postgres, Self::Blackhole, Self::Print];

    /// As the page calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "`file`, text",
            Self::Parquet => "`file`, Parquet",
            Self::Postgres => "`postgres`",
            Self::Blackhole => "`blackhole`",
            Self::Print => "`print`",
        }
    }

    pub fn toml(self, server: Option<&Server>, table: &str) -> String {
        let what = match self {
            Self::Text => "type = \"file\"\npath = \"out\"\nformat = \"csv\"\n".to_owned(),
            Self::Parquet => "type = \"file\"\npath = \"out\"\nformat = \"parquet\"\n".to_owned(),
            Self::Postgres => {
                let url = server.expect("there is a server").url();
                format!("type = \"postgres\"\nurl = \"{url}\"\ntable = \"{table}\"\ncreate = true\n")
            }
            Self::Blackhole => "type = \"blackhole\"\n".to_owned(),
            Self::Print => "type = \"print\"\nrows = 10000\n".to_owned(),
        };
        format!("[sink.out]\ninput = \"in\"\n{what}")
    }

    /// The numbers of the rows that are visible; of what shows only sums, as many as it has counted.
    pub fn rows(self, place: &Place, server: Option<&Server>, table: &str) -> Vec<u64> {
        match self {
            Self::Text => {
                let number = |line: &String| line.split(',').next().and_then(|number| number.parse().ok());
                place.lines("out").iter().filter_map(number).collect()
            }
            Self::Parquet => parquet_rows(place),
            Self::Postgres => {
                let server = server.expect("there is a server");
                if server.sql(&format!("SELECT to_regclass('{table}')")).is_empty() {
                    return Vec::new();
                }
                let said = server.sql(&format!("SELECT n FROM {table} ORDER BY n"));
                said.lines().map(|line| line.parse().unwrap()).collect()
            }
            Self::Blackhole => (1..=counted(place)).collect(),
            Self::Print => {
                let printed = fs::read_to_string(place.path().join("printed")).unwrap_or_default();
                let numbers = printed.split("\"n\":").skip(1);
                numbers.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
            }
        }
    }
}

fn parquet_rows(place: &Place) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(place.path().join("out")) else { return Vec::new() };
    let mut rows = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("part-") {
            continue;
        }
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
        for batch in reader {
            let batch: RecordBatch = batch.unwrap();
            rows.extend(batch["n"].as_primitive::<Int64Type>().values().iter().map(|n| *n as u64));
        }
    }
    rows
}

/// Rows of the sums in the newest record.
fn counted(place: &Place) -> u64 {
    let Ok(found) = inspect::inspect(&place.path().join("state")) else { return 0 };
    match found.last.and_then(|last| last.sinks.into_iter().next()).map(|sink| sink.state) {
        Some(SinkState::Checksums { rows, .. }) => rows,
        _ => 0,
    }
}
