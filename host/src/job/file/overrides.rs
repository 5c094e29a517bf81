//! `--set PATH=VALUE`: puts values into the tree before it is read.
//!
//! Each is a text of its own in `Sources`, so that a mistake in it is shown there. A path may add keys, but not
//! sources, operators or sinks; whether a key exists at all is found out by whoever reads the tree.

use pelton_core::job::Overrides;

use super::{
    nearest::nearest,
    reader::Report,
    tree::{Entry, Kind, Span, Table, Value},
};
use crate::{
    error::Code,
    job::diagnostic::{Diagnostic, Sources, shown},
};

/// The name of their texts in messages.
pub const SOURCE_NAME: &str = "--set";

/// Where each override begins in `sources`, in the order of `overrides`.
pub fn add_texts(overrides: &Overrides, sources: &mut Sources) -> Vec<usize> {
    overrides.iter().map(|(path, value)| sources.add(SOURCE_NAME, format!("{path}={value}"))).collect()
}

/// Applies all of them; `bases` is what [`add_texts`] returned.
pub fn apply(root: &mut Table, overrides: &Overrides, bases: &[usize], report: &Report<'_>) {
    for ((path, value), base) in overrides.iter().zip(bases) {
        let value = Value::parse(value, base + path.len() + 1);
        if let Err(mistake) = set(root, path, *base, value) {
            report.push(mistake);
        }
    }
}

fn set(root: &mut Table, path: &str, base: usize, value: Value) -> Result<(), Diagnostic> {
    let segments = segments(path, base)?;
    check_node(root, &segments)?;
    let Some(((last, last_span), parents)) = segments.split_last() else { return Ok(()) };
    let mut table = root;
    for (key, span) in parents {
        table = child(table, key, span)?;
    }
    match table.get_mut(last) {
        Some(entry) => entry.value = value,
        None => table.entries.push(Entry { key: last.clone(), key_span: last_span.clone(), value }),
    }
    Ok(())
}

/// The keys of a path, each with its place.
fn segments(path: &str, base: usize) -> Result<Vec<(String, Span)>, Diagnostic> {
    let not_a_path = |reason: &str| {
        Diagnostic::new(Code::BadOverride, format!("`{}` is not a path of keys", shown(path)))
            .at(base..base + path.len(), shown(reason))
            .help("write keys with dots between them, as in `--set operator.to-euro.options.rate=0.9`")
    };
    let count = toml_edit::Key::parse(path).map_err(|error| not_a_path(error.message()))?.len();
    // As the key of a document its parts have places.
    let document = Table::parse(&format!("{path}=0"), base).map_err(|error| not_a_path(&error.message))?;
    let mut segments = Vec::new();
    let mut table = Some(&document);
    while let Some(entry) = table.and_then(|table| table.entries.first()) {
        segments.push((entry.key.clone(), entry.key_span.clone()));
        table = if let Kind::Table(inner) = &entry.value.kind { Some(inner) } else { None };
    }
    if segments.len() == count { Ok(segments) } else { Err(not_a_path("not a path")) }
}

/// `source.NAME…` must name a source that is there.
fn check_node(root: &Table, segments: &[(String, Span)]) -> Result<(), Diagnostic> {
    let [(table, _), (name, span), ..] = segments else { return Ok(()) };
    if !matches!(table.as_str(), "source" | "operator" | "sink") {
        return Ok(());
    }
    let names: Vec<&str> = match root.get(table).map(|entry| &entry.value.kind) {
        Some(Kind::Table(nodes)) => nodes.entries.iter().map(|entry| entry.key.as_str()).collect(),
        _ => Vec::new(),
    };
    if names.contains(&name.as_str()) {
        return Ok(());
    }
    let label = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "not in the job file".into(),
    };
    let help = match names.as_slice() {
        [] => format!("the job has no {table}; `--set` cannot add one"),
        names => format!("the job has: {}", names.iter().take(20).map(|n| shown(n)).collect::<Vec<_>>().join(", ")),
    };
    Err(Diagnostic::new(Code::BadOverride, format!("there is no {table} `{}` to set", shown(name)))
        .at(span.clone(), label)
        .help(help))
}

/// The table below a key, made if it is missing.
fn child<'a>(table: &'a mut Table, key: &str, span: &Span) -> Result<&'a mut Table, Diagnostic> {
    let index = table.entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        let inner = Table { span: span.clone(), entries: Vec::new() };
        let value = Value { span: span.clone(), kind: Kind::Table(inner) };
        table.entries.push(Entry { key: key.to_owned(), key_span: span.clone(), value });
        table.entries.len() - 1
    });
    match table.entries.get_mut(index).map(|entry| &mut entry.value.kind) {
        Some(Kind::Table(inner)) => Ok(inner),
        _ => Err(Diagnostic::new(
            Code::BadOverride,
            format!("`{}` is not a table, so nothing in it can be set", shown(key)),
        )
        .at(span.clone(), "has a plain value in the job file")
        .help("end the path here, and give the whole value")),
    }
}
