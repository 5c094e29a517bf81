//! `[sink.NAME]`.

use pelton_core::job::{FileSinkSpec, IfExists, PrintSpec, SinkKind, SinkSpec};

use super::{format, operator::inputs, reader::Reader, source::check_unique};

const PRINT_ROWS_DEFAULT: usize = 20;
const ROLL_BYTES_DEFAULT: u64 = 256 << 20;

/// None: it lacks something that is needed; it has been reported.
pub fn read(name: &str, kind: &str, at: &Reader<'_>) -> Option<SinkSpec> {
    let inputs = inputs(at);
    let columns = at.texts("columns");
    check_unique(at, "columns", columns.as_deref().unwrap_or_default());
    let columns = columns.map(|columns| columns.into_iter().map(str::to_owned).collect());
    let kind = match kind {
        "print" => SinkKind::Print(print(at)),
        "file" => SinkKind::File(file(at)?),
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
    let if_exists = match at.choice("if-exists") {
        Some("replace") => IfExists::Replace,
        _ => IfExists::Error,
    };
    let (format, compression) = format?;
    Some(FileSinkSpec { path: path?.to_owned(), format, compression, roll_bytes, if_exists })
}
