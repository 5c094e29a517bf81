//! `[sink.NAME]`.

use std::time::Duration;

use pelton_core::job::{FileSinkSpec, IfExists, PostgresSpec, PrintSpec, Secret, SinkKind, SinkSpec, SqlMode};

use super::{format, operator::inputs, reader::Reader, source::check_unique};

const PRINT_ROWS_DEFAULT: usize = 20;
const ROLL_BYTES_DEFAULT: u64 = 256 << 20;
const MARKER_TABLE_DEFAULT: &str = "pelton_commits";
const RETRY_DEFAULT: Duration = Duration::from_secs(30);

/// None: it lacks something that is needed; it has been reported.
pub fn read(name: &str, kind: &str, at: &Reader<'_>) -> Option<SinkSpec> {
    let inputs = inputs(at);
    let columns = at.texts("columns");
    check_unique(at, "columns", columns.as_deref().unwrap_or_default());
    let columns = columns.map(|columns| columns.into_iter().map(str::to_owned).collect());
    let kind = match kind {
        "print" => SinkKind::Print(print(at)),
        "file" => SinkKind::File(file(at)?),
        "postgres" => SinkKind::Postgres(Box::new(postgres(at)?)),
        _ => SinkKind::Blackhole,
    };
    Some(SinkSpec { name: name.to_owned(), inputs: inputs?, columns, kind })
}

fn print(at: &Reader<'_>) -> PrintSpec {
    PrintSpec { rows: at.integer("rows").and_then(|rows| usize::try_from(rows).ok()).unwrap_or(PRINT_ROWS_DEFAULT) }
}

fn file(at: &Reader<'_>) -> Option<FileSinkSpec> {
    let path = at.text("path");
    if path == Some("") {
        at.wrong(at.span("path"), format!("`{}` is empty", at.place("path")), "it is empty", "name a directory");
    }
    let format = format::write(at);
    let roll_bytes = at.size("roll-bytes").unwrap_or(ROLL_BYTES_DEFAULT);
    let roll_after = at.duration("roll-after");
    let if_exists = match at.choice("if-exists") {
        Some("replace") => IfExists::Replace,
        _ => IfExists::Error,
    };
    let partition_by = at.texts("partition-by").unwrap_or_default();
    check_unique(at, "partition-by", &partition_by);
    let partition_by = partition_by.into_iter().map(str::to_owned).collect();
    let (format, compression) = format?;
    let path = path?.to_owned();
    Some(FileSinkSpec { path, format, compression, roll_bytes, roll_after, if_exists, partition_by })
}

fn postgres(at: &Reader<'_>) -> Option<PostgresSpec> {
    let owned = |key: &str| at.text(key).map(str::to_owned);
    let (url, table) = (owned("url"), owned("table"));
    let key = at.texts("key");
    check_unique(at, "key", key.as_deref().unwrap_or_default());
    let mode = match (at.choice("mode"), key) {
        (Some("upsert"), None) => {
            if !at.has("key") {
                at.missing("key");
            }
            return None;
        }
        (Some("upsert"), Some(key)) => SqlMode::Upsert { key: key.into_iter().map(str::to_owned).collect() },
        (_, None) => SqlMode::Insert,
        (_, Some(_)) => {
            let message = format!("`{}` is of rows that take the place of others", at.place("key"));
            at.wrong(at.span("key"), message, "rows are inserted", "set `mode = \"upsert\"`, or leave `key` out");
            return None;
        }
    };
    Some(PostgresSpec {
        url: Secret(url?),
        password_env: owned("password-env"),
        ca: owned("ca"),
        table: table?,
        mode,
        create: at.boolean("create").unwrap_or(false),
        marker_table: owned("marker-table").unwrap_or_else(|| MARKER_TABLE_DEFAULT.to_owned()),
        retry: at.duration("retry").unwrap_or(RETRY_DEFAULT),
    })
}
