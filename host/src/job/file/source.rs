//! `[source.NAME]`.

use std::{collections::HashSet, sync::Arc, time::Duration};

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use pelton_core::{
    job::{
        Compression, EventTimeSpec, FileSourceSpec, Format, GeneratorContent, GeneratorSpec, NexmarkEvents, OnBadRow,
        SourceKind, SourceSpec, TableSpec,
    },
    types,
};

use super::{
    format, generator,
    keys::one_of,
    live,
    nearest::nearest,
    reader::Reader,
    tree::{Kind, Value},
};
use crate::job::diagnostic::shown;

/// Time between two looks at files that grow.
const TAIL_DEFAULT: Duration = Duration::from_secs(1);
const ROW_BYTES_MAX_DEFAULT: usize = 1 << 20;

/// None: what the source is could not be made out; it has been reported.
pub fn read(name: &str, kind: &str, at: &Reader<'_>) -> Option<SourceSpec> {
    let event_time = at.table("event-time").and_then(|at| event_time(&at));
    let metadata = at.texts("metadata").unwrap_or_default();
    check_unique(at, "metadata", &metadata);
    let metadata = metadata.into_iter().map(str::to_owned).collect();
    let on_bad_row = match at.choice("on-bad-row") {
        Some("fail") => OnBadRow::Fail,
        _ => OnBadRow::Reject,
    };
    let kind = match kind {
        "file" => SourceKind::File(growing(at, file(at)?)),
        "stdin" => SourceKind::Stdin(live::rows(at)?),
        "socket" => SourceKind::Socket(live::socket(at)?),
        "http" => SourceKind::Http(live::http(at)?),
        _ => SourceKind::Generator(generated(at)?),
    };
    Some(SourceSpec { name: name.to_owned(), kind, event_time, on_bad_row, metadata })
}

/// `[table.NAME]`. None: something was reported.
pub fn read_table(name: &str, at: &Reader<'_>) -> Option<TableSpec> {
    // There is one type so far: asked for, so that another is refused.
    let _ = at.choice("type");
    Some(TableSpec { name: name.to_owned(), file: file(at)? })
}

fn file(at: &Reader<'_>) -> Option<FileSourceSpec> {
    let paths = at.texts("path");
    let readable = check_paths(at, paths.as_deref().unwrap_or_default());
    let inferred = paths.as_deref().and_then(format::infer);
    if inferred.is_none() && readable && !at.has("format") {
        at.missing("format");
    }
    let format = format::read(at, inferred);
    let compression = format::unpacking(at, format.as_ref());
    let schema = schema(at);
    let max_row_bytes = max_row_bytes(at);
    let paths = paths?.into_iter().map(str::to_owned).collect();
    Some(FileSourceSpec { paths, format: format?, compression, schema, max_row_bytes, watch: None, tail: false })
}

/// Files that come while the job runs, or grow.
fn growing(at: &Reader<'_>, file: FileSourceSpec) -> FileSourceSpec {
    let (watch, tail) = (at.duration("watch"), at.boolean("tail").unwrap_or(false));
    if !tail {
        return FileSourceSpec { watch, ..file };
    }
    if matches!(file.format, Format::Parquet | Format::Ipc) {
        let message = format!("`{}` is for CSV, JSON and text, not for {}", at.place("tail"), file.format.name());
        let help = "leave `tail` out: with `watch` alone each file is read once, when it is complete";
        at.wrong(at.span("tail"), message, "does not grow by rows", help);
    }
    if matches!(file.compression, Compression::Gzip | Compression::Zstd) {
        let message = format!("`{}` does not go with `tail`", at.place("compression"));
        let help = "leave `tail` out: with `watch` alone each file is read once";
        at.wrong(at.span("compression"), message, "what is compressed does not grow by rows", help);
    }
    let watch = watch.or(Some(TAIL_DEFAULT));
    FileSourceSpec { watch, tail, compression: Compression::None, ..file }
}

/// Whether there are paths and none is empty.
fn check_paths(at: &Reader<'_>, paths: &[&str]) -> bool {
    for (index, _) in paths.iter().enumerate().filter(|(_, path)| path.is_empty()) {
        let message = format!("`{}` has an empty path", at.place("path"));
        at.wrong(at.span(&format!("path.{index}")), message, "it is empty", "`.` is the directory of the job file");
    }
    !paths.is_empty() && paths.iter().all(|path| !path.is_empty())
}

fn generated(at: &Reader<'_>) -> Option<GeneratorSpec> {
    let seed = at.integer("seed").and_then(|seed| u64::try_from(seed).ok()).unwrap_or(0);
    let rate = at.number("rate");
    let rows = at.integer("rows").and_then(|rows| u64::try_from(rows).ok());
    let columns = at.free("columns").map(|columns| generator::read(at, columns));
    let content = match (at.choice("nexmark"), columns) {
        (Some(events), None) => GeneratorContent::Nexmark(match events {
            "bid" => NexmarkEvents::Bid,
            "auction" => NexmarkEvents::Auction,
            _ => NexmarkEvents::Person,
        }),
        (None, Some(columns)) => GeneratorContent::Columns(columns),
        (Some(_), Some(_)) => {
            let message = format!("`{}` and `nexmark` exclude each other", at.place("columns"));
            at.wrong(
                at.span("columns"),
                message,
                "leave out this or `nexmark`",
                "a generator makes Nexmark's events, or columns by rule",
            );
            return None;
        }
        (None, None) => {
            if !at.has("nexmark") && !at.has("columns") {
                at.missing_one("nexmark", "columns");
            }
            return None;
        }
    };
    Some(GeneratorSpec { seed, rate, rows, content })
}

pub(super) fn max_row_bytes(at: &Reader<'_>) -> usize {
    at.size("max-row-bytes").and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(ROW_BYTES_MAX_DEFAULT)
}

fn event_time(at: &Reader<'_>) -> Option<EventTimeSpec> {
    let column = at.text("column").map(str::to_owned);
    let watermark: Option<Duration> = at.duration("watermark");
    let (idle, ahead) = (at.duration("idle"), at.duration("ahead"));
    Some(EventTimeSpec { column: column?, watermark: watermark?, idle, ahead })
}

/// Declared columns in the order of the file.
pub(super) fn schema(at: &Reader<'_>) -> Option<SchemaRef> {
    let table = at.free("schema")?;
    if table.entries.is_empty() {
        let message = format!("`{}` declares no column", at.place("schema"));
        at.wrong(table.span.clone(), message, "it is empty", "declare columns, or leave it out to have them inferred");
    }
    let fields = table.entries.iter().filter_map(|entry| {
        let place = at.place(&format!("schema.{}", shown(&entry.key)));
        if entry.key.is_empty() || entry.key.len() > 255 || entry.key.chars().any(char::is_control) {
            let message = format!("`{}` is not a name for a column", shown(&entry.key));
            at.wrong(
                entry.key_span.clone(),
                message,
                "not a name",
                "names have 1 to 255 bytes and no control characters",
            );
        }
        column(at, &place, &entry.key, &entry.value)
    });
    Some(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

fn column(at: &Reader<'_>, place: &str, name: &str, value: &Value) -> Option<FieldRef> {
    let fault = match &value.kind {
        Kind::Text(text) => match types::parse_column(name, text) {
            Ok(field) => return Some(Arc::new(field)),
            Err(types::TypeError::Unknown(part)) => label(&part),
            Err(error) => error.to_string(),
        },
        other => format!("this is {}", super::reader::type_name(other)),
    };
    let message = format!("`{place}` must be a type, not {}", at.report.written(value));
    let names = types::SCALAR_NAMES.join(", ");
    at.wrong(
        value.span.clone(),
        message,
        fault,
        format!("types are {names}, list<T>, struct<a: T, b: T>; `?` after a type allows nulls"),
    );
    None
}

/// Type names of other systems, and what they are called here.
const OTHER_NAMES: [(&[&str], &str); 12] = [
    (&["int", "integer", "int32", "i32"], "s32"),
    (&["long", "bigint", "int64", "i64"], "s64"),
    (&["short", "smallint", "int16", "i16"], "s16"),
    (&["byte", "tinyint", "int8", "i8"], "s8"),
    (&["uint", "uint32"], "u32"),
    (&["uint64"], "u64"),
    (&["float", "real", "float32"], "f32"),
    (&["double", "number", "float64"], "f64"),
    (&["string", "str", "text", "varchar", "utf-8"], "utf8"),
    (&["boolean"], "bool"),
    (&["timestamp", "datetime"], "timestamp[us]"),
    (&["bytes", "blob", "varbinary"], "binary"),
];

fn label(text: &str) -> String {
    let lower = text.to_lowercase();
    let known = OTHER_NAMES.iter().find(|(names, _)| names.contains(&lower.as_str())).map(|(_, name)| *name);
    match known.or_else(|| nearest(text, types::SCALAR_NAMES)) {
        Some(name) => format!("did you mean {}?", one_of(&[name])),
        None => "not a type".into(),
    }
}

/// Every name in `names` once: reports those that come again.
pub fn check_unique(at: &Reader<'_>, key: &str, names: &[&str]) {
    let mut seen = HashSet::new();
    for (index, name) in names.iter().enumerate() {
        if !seen.insert(name) {
            let message = format!("`{}` names `{}` twice", at.place(key), shown(name));
            at.wrong(at.span(&format!("{key}.{index}")), message, "named before", "name each once");
        }
    }
}
