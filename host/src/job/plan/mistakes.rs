//! What the planner finds wrong, at its place in the job file.
//!
//! Called while a plan is built. Messages name the thing and what it lacks; labels suggest the nearest name, and help lists
//! what there is.

use arrow::datatypes::Schema;
use pelton_core::job::{FileSourceSpec, OperatorSpec, OutputRef, SourceKind, SourceSpec};
use pelton_wasm::CallError;

use crate::{
    error::{Code, Coded},
    job::{
        diagnostic::{Diagnostic, shown},
        file::{JobFile, nearest::nearest},
    },
    source::SourceError,
};

/// The mistakes of one plan.
pub(super) struct Mistakes<'a> {
    file: &'a JobFile,
    list: Vec<Diagnostic>,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(file: &'a JobFile) -> Self {
        Self { file, list: Vec::new() }
    }

    pub(super) fn into_list(self) -> Vec<Diagnostic> {
        self.list
    }

    /// Reports a mistake at a dotted place of the job file.
    pub(super) fn push(&mut self, place: &str, code: Code, message: String, label: &str, help: Option<String>) {
        let mut diagnostic = Diagnostic::new(code, message);
        if let Some(span) = self.file.span_of(place) {
            diagnostic = diagnostic.at(span, label);
        }
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.list.push(diagnostic);
    }

    pub(super) fn coded(&mut self, place: &str, what: &str, error: &dyn Coded, label: &str) {
        let message = with_causes(what, error);
        self.push(place, error.code(), message, label, error.help());
    }

    /// A module said no to its options or to its input: only it knows to which.
    pub(super) fn refused(&mut self, spec: &OperatorSpec, error: &CallError) {
        let message = with_causes(&format!("operator `{}`: the module", spec.name), error);
        let mut diagnostic = Diagnostic::new(error.code(), message);
        let has_options =
            spec.modules.iter().filter_map(|module| module.options.as_object()).any(|options| !options.is_empty());
        let is_called = spec.modules.iter().any(|module| module.reference.contains('('));
        let (place, options) = match (has_options, is_called) {
            (true, _) => ("options", "these options"),
            (false, true) => ("module", "these arguments"),
            // Without options the place is the operator's heading.
            (false, false) => ("options", "without options"),
        };
        for (key, label) in [(place, options), ("input", "this input")] {
            if let Some(span) = self.file.span_of(&format!("operator.{}.{key}", spec.name)) {
                diagnostic = diagnostic.at(span, label);
            }
        }
        self.list.push(match error.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }

    /// Unknown nodes were reported with the graph, and what could not be opened by itself: only a wrong port is news.
    pub(super) fn no_port(&mut self, place: &str, input: &OutputRef, mut ports: Vec<&str>) {
        let Some(port) = &input.port else { return };
        if ports.is_empty() {
            return;
        }
        ports.sort_unstable();
        let message = format!("`{}` has no port `{}`", shown(&input.node), shown(port));
        let label = match nearest(port, ports.iter().copied()) {
            Some(near) => format!("did you mean `{}.{near}`?", input.node),
            None => "no such port".to_owned(),
        };
        let help = format!("the ports of `{}` are {}", input.node, listed(ports.into_iter()));
        self.push(place, Code::UnknownName, message, &label, Some(help));
    }

    /// A column is named that is not among those of `schema`.
    pub(super) fn no_column(&mut self, place: &str, message: String, column: &str, schema: &Schema) {
        let names = || schema.fields().iter().map(|field| field.name().as_str());
        let label = match nearest(column, names()) {
            Some(near) => format!("did you mean `{}`?", shown(near)),
            None => "no such column".to_owned(),
        };
        let help = match names().next() {
            Some(_) => format!("it has {}", listed(names())),
            None => "it has none".to_owned(),
        };
        self.push(place, Code::ColumnMismatch, message, &label, Some(help));
    }
}

/// `what`, the error, and what it came from, in one sentence.
fn with_causes(what: &str, error: &dyn Coded) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source()).map(|cause| format!(": {cause}"));
    format!("{what} {error}{}", causes.collect::<String>())
}

/// Which key of a source is at fault, as the end of a place, and what to say there.
pub(super) fn source_place(spec: &SourceSpec, error: &SourceError) -> (String, &'static str) {
    let SourceKind::File(file) = &spec.kind else { return (String::new(), "this source") };
    file_place(file, error)
}

/// The same for the files of a source or a table.
pub(super) fn file_place(file: &FileSourceSpec, error: &SourceError) -> (String, &'static str) {
    match error {
        SourceError::NoFile { path } => {
            let index = file.paths.iter().position(|other| other == path).unwrap_or(0);
            (format!(".path.{index}"), "matches no file")
        }
        SourceError::Schema { .. } | SourceError::Types { .. } if file.schema.is_some() => {
            (".schema".to_owned(), "declared here")
        }
        SourceError::Glob { path, .. } => {
            let index = file.paths.iter().position(|other| other == path).unwrap_or(0);
            (format!(".path.{index}"), "not a glob")
        }
        _ => (".path".to_owned(), "read from here"),
    }
}

/// Names for a sentence; those of a wide table are counted.
fn listed<'a>(names: impl Iterator<Item = &'a str> + Clone) -> String {
    const SHOWN_MAX: usize = 20;
    let mut text = names.clone().take(SHOWN_MAX).map(shown).collect::<Vec<_>>().join(", ");
    let more = names.count().saturating_sub(SHOWN_MAX);
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
