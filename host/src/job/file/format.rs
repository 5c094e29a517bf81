//! Formats of sources and sinks: `format`, inferred or given, with its dialect.
//!
//! A key that does not go with the format is a mistake: it would be passed over in silence otherwise.

use jiff::{civil, fmt::strtime};
use pelton_core::job::{Compression, CsvDialect, Format, JsonOptions};

use super::reader::Reader;

/// Keys that go with some formats only.
const FORMAT_KEYS: [(&str, &[&str]); 4] = [
    ("csv", &["csv"]),
    ("json", &["json"]),
    ("schema", &["csv", "json", "parquet", "arrow"]),
    ("max-row-bytes", &["csv", "json", "text"]),
];

/// The format of a source; `inferred` is what its paths say.
pub fn read(at: &Reader<'_>, inferred: Option<Inferred>) -> Option<Format> {
    let format = chosen(at, inferred.map(|inferred| inferred.name))?;
    Some(match format {
        "csv" => {
            let tabs = inferred.is_some_and(|inferred| inferred.tabs);
            let default = CsvDialect { delimiter: if tabs { b'\t' } else { b',' }, ..CsvDialect::default() };
            Format::Csv(at.table("csv").map_or(default.clone(), |csv| read_dialect(&csv, default)))
        }
        other => plain(at, other),
    })
}

/// The format of a sink, and how it is packed.
pub fn write(at: &Reader<'_>) -> Option<(Format, Compression)> {
    let format = chosen(at, None)?;
    let compression = match (at.choice("compression"), format) {
        (Some("gzip"), "arrow") => {
            let message = format!("`{}` cannot be \"gzip\" with the format \"arrow\"", at.place("compression"));
            at.wrong(
                at.span("compression"),
                message,
                "not with Arrow",
                "buffers of Arrow IPC are packed with \"zstd\" or not at all",
            );
            return None;
        }
        (Some("gzip"), _) => Compression::Gzip,
        (Some("zstd"), _) | (None, "parquet") => Compression::Zstd,
        _ => Compression::None,
    };
    let format = match format {
        "csv" => {
            let default = CsvDialect::default();
            Format::Csv(at.table("csv").map_or(default.clone(), |csv| write_dialect(&csv, default)))
        }
        other => plain(at, other),
    };
    Some((format, compression))
}

/// `compression` of a file source.
pub fn unpacking(at: &Reader<'_>, format: Option<&Format>) -> Compression {
    let compression = match at.choice("compression") {
        Some("none") => Compression::None,
        Some("gzip") => Compression::Gzip,
        Some("zstd") => Compression::Zstd,
        _ => Compression::Auto,
    };
    if let (Some(Format::Parquet | Format::Ipc), Compression::Gzip | Compression::Zstd) = (format, compression) {
        let message = format!("`{}` does not go with this format", at.place("compression"));
        at.wrong(
            at.span("compression"),
            message,
            "leave it out",
            "Parquet and Arrow files are packed inside, and say how themselves",
        );
    }
    compression
}

fn chosen(at: &Reader<'_>, inferred: Option<&'static str>) -> Option<&'static str> {
    let format = if at.has("format") { at.choice("format")? } else { inferred? };
    for (key, formats) in FORMAT_KEYS {
        if at.has(key) && !formats.contains(&format) {
            let message = format!("`{}` does not go with the format \"{format}\"", at.place(key));
            let help = format!("leave it out; it is for the format {}", super::keys::one_of(formats));
            at.wrong(at.span(key), message, format!("not for \"{format}\""), help);
        }
    }
    Some(format)
}

fn plain(at: &Reader<'_>, format: &str) -> Format {
    match format {
        "json" => Format::Json(at.table("json").map_or_else(JsonOptions::default, |json| JsonOptions {
            date_format: pattern(&json, "date-format"),
            timestamp_format: pattern(&json, "timestamp-format"),
        })),
        "text" => Format::Text,
        "parquet" => Format::Parquet,
        _ => Format::Ipc,
    }
}

/// The keys that both directions have.
fn dialect(at: &Reader<'_>, default: CsvDialect) -> CsvDialect {
    let dialect = CsvDialect {
        header: at.boolean("header").unwrap_or(default.header),
        delimiter: at.character("delimiter").flatten().unwrap_or(default.delimiter),
        quote: at.character("quote").unwrap_or(default.quote),
        escape: at.character("escape").unwrap_or(default.escape),
        date_format: pattern(at, "date-format"),
        timestamp_format: pattern(at, "timestamp-format"),
        ..default
    };
    check_characters(at, &[("delimiter", Some(dialect.delimiter)), ("quote", dialect.quote)]);
    if let (Some(_), None, true) = (dialect.escape, dialect.quote, at.has("escape")) {
        let message = format!("`{}` has no quotes to escape", at.place("escape"));
        at.wrong(at.span("escape"), message, "leave it out", "`quote = \"\"` makes quotes ordinary characters");
    }
    dialect
}

fn read_dialect(at: &Reader<'_>, default: CsvDialect) -> CsvDialect {
    let comment = at.character("comment").flatten();
    let skip_lines = at.integer("skip-lines").and_then(|lines| usize::try_from(lines).ok());
    let dialect = CsvDialect {
        comment,
        null_tokens: at.texts("null").unwrap_or_default().into_iter().map(str::to_owned).collect(),
        trim: at.boolean("trim").unwrap_or(default.trim),
        skip_lines: skip_lines.unwrap_or(default.skip_lines),
        ..dialect(at, default)
    };
    if comment.is_some() {
        check_characters(at, &[("delimiter", Some(dialect.delimiter)), ("quote", dialect.quote), ("comment", comment)]);
    }
    dialect
}

fn write_dialect(at: &Reader<'_>, default: CsvDialect) -> CsvDialect {
    let null_tokens = at.text("null").filter(|null| !null.is_empty()).map(str::to_owned).into_iter().collect();
    CsvDialect { null_tokens, ..dialect(at, default) }
}

/// The last of these must differ from those before it.
fn check_characters(at: &Reader<'_>, characters: &[(&str, Option<u8>)]) {
    let Some(((name, Some(byte)), others)) = characters.split_last() else { return };
    for (other, _) in others.iter().filter(|(_, other)| *other == Some(*byte)) {
        let message = format!("`{}` is the same character as `{other}`", at.place(name));
        let place = if at.has(name) { name } else { other };
        at.wrong(at.span(place), message, format!("is `{other}` already"), "give one of them another character");
    }
}

/// A strftime pattern that can be used.
fn pattern(at: &Reader<'_>, name: &str) -> Option<String> {
    let pattern = at.text(name)?;
    let sample = civil::date(2001, 2, 3).at(4, 5, 6, 7).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let fault = match strtime::format(pattern, &sample) {
        Ok(text) if text.is_empty() => "it is empty".to_owned(),
        Ok(_) => return Some(pattern.to_owned()),
        Err(error) => error.to_string(),
    };
    let message = format!("`{}` is not a pattern for dates and times", at.place(name));
    at.wrong(
        at.span(name),
        message,
        super::super::diagnostic::shown(&fault),
        "it is written as for strftime, as in \"%Y-%m-%d %H:%M:%S\"",
    );
    None
}

/// What the ending of a path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inferred {
    pub name: &'static str,
    /// Tabs between fields.
    pub tabs: bool,
}

/// The format that all paths agree on.
pub fn infer(paths: &[&str]) -> Option<Inferred> {
    let (first, others) = paths.split_first()?;
    let first = of_path(first)?;
    others.iter().all(|path| of_path(path) == Some(first)).then_some(first)
}

fn of_path(path: &str) -> Option<Inferred> {
    let lower = path.to_ascii_lowercase();
    let plain = [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
    let (_, ending) = plain.rsplit_once('/').map_or(plain, |(_, name)| name).rsplit_once('.')?;
    let (name, tabs) = match ending {
        "csv" => ("csv", false),
        "tsv" => ("csv", true),
        "json" | "jsonl" | "ndjson" => ("json", false),
        "txt" | "text" | "log" => ("text", false),
        "parquet" => ("parquet", false),
        "arrow" | "ipc" => ("arrow", false),
        _ => return None,
    };
    Some(Inferred { name, tabs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_inferred_from_the_ends_of_paths() {
        let name = |paths: &[&str]| infer(paths).map(|inferred| inferred.name);
        assert_eq!(name(&["a/b.csv", "c/*.CSV.gz", "d.csv.zst"]), Some("csv"));
        assert_eq!(name(&["logs/*.jsonl"]), Some("json"));
        assert_eq!(name(&["a.parquet"]), Some("parquet"));
        for paths in [&["a.csv", "b.json"][..], &["dir.csv/x"], &["a.gz"], &["data"], &["a.tsv", "a.csv"], &[]] {
            assert_eq!(name(paths), None, "{paths:?}");
        }
    }
}
