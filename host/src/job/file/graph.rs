//! Graph mistakes as diagnostics: their code, their place in the file, and what to do.

use pelton_core::{
    graph::{GraphError, Node, NodeKind, Outline},
    job::OutputRef,
};

use super::{
    nearest::nearest,
    tree::{Entry, Kind, Table},
};
use crate::{
    error::{Code, Coded},
    job::diagnostic::{Diagnostic, shown},
};

impl Coded for GraphError {
    fn code(&self) -> Code {
        match self {
            Self::Missing { kind: NodeKind::Source, .. } => Code::MissingKey,
            Self::Missing { .. } | Self::Unread { .. } => Code::NoSink,
            Self::DuplicateName { .. } | Self::InputTwice { .. } | Self::SameDirectory { .. } => Code::DuplicateName,
            Self::UnknownNode { .. } | Self::ReadsSink { .. } | Self::ReadsTable { .. } | Self::SourcePort { .. } => {
                Code::UnknownName
            }
            Self::Cycle { .. } => Code::Cycle,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Missing { kind: NodeKind::Source } => {
                "say where rows come from: `[source.NAME]` with a `type`".into()
            }
            Self::Missing { .. } => "say where rows go: `[sink.NAME]` with a `type` and an `input`".into(),
            Self::DuplicateName { .. } => {
                "give it another name: sources, operators and sinks of a job share their names".into()
            }
            Self::UnknownNode { .. } => {
                "an input is a source, an operator, or one of their ports as in `NAME.rejected`".into()
            }
            Self::ReadsSink { .. } => "read what the sink reads".into(),
            Self::ReadsTable { .. } => {
                "join it: `join = { left = \"NAME\", right = \"TABLE\", … }`; rows that are to flow come from a source"
                    .into()
            }
            Self::SourcePort { source_name, .. } => {
                format!("a source has the outputs `{source_name}` and `{source_name}.rejected`")
            }
            Self::InputTwice { .. } => "name each input once: its rows would be counted twice".into(),
            Self::Cycle { .. } => "rows flow one way; read an output from before the cycle".into(),
            Self::Unread { name, kind, .. } => {
                format!("add a sink with `input = \"{}\"`, or take the {} out", shown(name), kind.table())
            }
            Self::SameDirectory { .. } => "give each sink a directory of its own".into(),
        })
    }
}

/// The nodes of a file as far as they can be read; none: not even their names can be. No mistakes are reported here.
pub fn outline(root: &Table) -> Option<Outline> {
    let mut outline = Outline::default();
    for kind in [NodeKind::Source, NodeKind::Table, NodeKind::Operator, NodeKind::Sink] {
        let Some(entry) = root.get(kind.table()) else { continue };
        let Kind::Table(nodes) = &entry.value.kind else { return None };
        for entry in &nodes.entries {
            let inputs = inputs(entry).unwrap_or_else(|| {
                outline.partial |= matches!(kind, NodeKind::Operator | NodeKind::Sink);
                Vec::new()
            });
            let directory =
                text(entry, "path").filter(|_| kind == NodeKind::Sink && text(entry, "type") == Some("file"));
            outline.nodes.push(Node {
                kind,
                name: entry.key.clone(),
                inputs,
                is_join: join(entry).is_some(),
                directory: directory.map(str::to_owned),
            });
        }
    }
    Some(outline)
}

fn text<'a>(node: &'a Entry, key: &str) -> Option<&'a str> {
    let Kind::Table(table) = &node.value.kind else { return None };
    match &table.get(key)?.value.kind {
        Kind::Text(text) => Some(text),
        _ => None,
    }
}

/// `join` of an operator.
fn join(node: &Entry) -> Option<&Table> {
    let Kind::Table(table) = &node.value.kind else { return None };
    match &table.get("join")?.value.kind {
        Kind::Table(join) => Some(join),
        _ => None,
    }
}

/// None: not readable.
fn inputs(node: &Entry) -> Option<Vec<OutputRef>> {
    let Kind::Table(table) = &node.value.kind else { return None };
    let text_of = |table: &Table, key: &str| match &table.get(key)?.value.kind {
        Kind::Text(text) => Some(OutputRef::parse(text)),
        _ => None,
    };
    if let Some(join) = join(node) {
        return Some(vec![text_of(join, "left")?, text_of(join, "right")?]);
    }
    let parse = |kind: &Kind| if let Kind::Text(text) = kind { Some(OutputRef::parse(text)) } else { None };
    match &table.get("input")?.value.kind {
        Kind::Array(values) => values.iter().map(|value| parse(&value.kind)).collect(),
        kind => Some(vec![parse(kind)?]),
    }
}

/// A graph mistake at its place in the file.
pub fn diagnostic(error: &GraphError, outline: &Outline, root: &Table) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(error.code(), error.to_string());
    if let Some(span) = root.span_of(error.place()) {
        diagnostic = diagnostic.at(span, label(error, outline));
    }
    if let GraphError::SameDirectory { other_place, .. } = error
        && let Some(span) = root.span_of(other_place)
    {
        diagnostic = diagnostic.at(span, "the other one");
    }
    match error.help() {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn label(error: &GraphError, outline: &Outline) -> String {
    match error {
        GraphError::UnknownNode { input, .. } => {
            let outputs =
                outline.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Source | NodeKind::Operator));
            let wanted = OutputRef::parse(input);
            let names = outputs.map(|node| node.name.as_str()).filter(|name| !name.contains('.'));
            match nearest(&wanted.node, names) {
                Some(near) => format!("did you mean `{}`?", OutputRef { node: near.to_owned(), port: wanted.port }),
                None => "no source or operator has this name".into(),
            }
        }
        GraphError::DuplicateName { .. } => "second of this name".into(),
        GraphError::ReadsSink { .. } => "a sink".into(),
        GraphError::ReadsTable { .. } => "a table".into(),
        GraphError::SourcePort { .. } => "no such output".into(),
        GraphError::InputTwice { .. } => "named before".into(),
        GraphError::Cycle { .. } => "closes the cycle".into(),
        GraphError::Unread { .. } => "its rows go nowhere".into(),
        GraphError::SameDirectory { .. } => "taken".into(),
        GraphError::Missing { .. } => String::new(),
    }
}
