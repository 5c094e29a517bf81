//! The job graph before any module is opened: what `input` alone decides.
//!
//! `pelton::job::file` calls [`Outline::check`] for every job file, also for one whose nodes could only be read in
//! part, so that a user sees these mistakes together with all others. The planner relies on a checked spec:
//! every input names a source or an operator, and [`order`] covers all operators.
//! What needs a module (its ports, its columns) is the planner's.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Component, Path, PathBuf},
};

use crate::job::{JobSpec, OutputRef, REJECTED_PORT, SinkKind};

/// What a node of the graph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    Source,
    Table,
    Operator,
    Sink,
}

impl NodeKind {
    /// Its table in the job file.
    pub fn table(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Table => "table",
            Self::Operator => "operator",
            Self::Sink => "sink",
        }
    }
}

/// A node as far as the graph cares.
#[derive(Debug, Clone)]
pub struct Node {
    pub kind: NodeKind,
    pub name: String,
    pub inputs: Vec<OutputRef>,
    /// It joins two inputs: left, and right, which may be a table.
    pub is_join: bool,
    /// The directory of a file sink, as written.
    pub directory: Option<String>,
}

impl Node {
    /// Its place in the job file.
    pub fn place(&self) -> String {
        format!("{}.{}", self.kind.table(), self.name)
    }

    fn input_place(&self, index: usize) -> String {
        match (self.is_join, index) {
            (false, _) => format!("{}.input.{index}", self.place()),
            (true, 0) => format!("{}.join.left", self.place()),
            (true, _) => format!("{}.join.right", self.place()),
        }
    }
}

/// The nodes of a job in the order of its file.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    pub nodes: Vec<Node>,
    /// Some `input` could not be read, so that an output without a reader proves nothing.
    pub partial: bool,
}

/// A mistake in the graph, with its place in the job file as a dotted path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("the job has no {}", .kind.table())]
    Missing { kind: NodeKind },
    #[error("{} `{name}` has the name of {} `{name}`", .kind.table(), .other.table())]
    DuplicateName { place: String, name: String, kind: NodeKind, other: NodeKind },
    #[error("input `{input}` of {} `{reader}` names nothing in this job", .kind.table())]
    UnknownNode { place: String, input: String, kind: NodeKind, reader: String },
    #[error("input `{input}` of {} `{reader}` is a sink, and nothing comes out of a sink", .kind.table())]
    ReadsSink { place: String, input: String, kind: NodeKind, reader: String },
    #[error("input `{input}` of {} `{reader}` is a table, which only the right side of a join can be", .kind.table())]
    ReadsTable { place: String, input: String, kind: NodeKind, reader: String },
    #[error("source `{source_name}` has no output `{port}`")]
    SourcePort { place: String, source_name: String, port: String },
    #[error("{} `{reader}` reads `{input}` twice", .kind.table())]
    InputTwice { place: String, input: String, kind: NodeKind, reader: String },
    #[error("operators form a cycle: {}", arrows(.path))]
    Cycle { place: String, path: Vec<String> },
    #[error("nothing reads {} `{name}`", .kind.table())]
    Unread { place: String, name: String, kind: NodeKind },
    #[error("sinks `{first}` and `{second}` both write to `{directory}`")]
    SameDirectory { place: String, other_place: String, first: String, second: String, directory: String },
}

/// A long cycle is told by its two ends.
fn arrows(path: &[String]) -> String {
    const ENDS: usize = 8;
    match (path.get(..ENDS), path.get(path.len().saturating_sub(ENDS)..)) {
        (Some(head), Some(tail)) if path.len() > 2 * ENDS => format!("{} → … → {}", head.join(" → "), tail.join(" → ")),
        _ => path.join(" → "),
    }
}

impl GraphError {
    /// Where it is in the job file; empty: in the file as a whole.
    pub fn place(&self) -> &str {
        match self {
            Self::Missing { .. } => "",
            Self::DuplicateName { place, .. }
            | Self::UnknownNode { place, .. }
            | Self::ReadsSink { place, .. }
            | Self::ReadsTable { place, .. }
            | Self::SourcePort { place, .. }
            | Self::InputTwice { place, .. }
            | Self::Cycle { place, .. }
            | Self::Unread { place, .. }
            | Self::SameDirectory { place, .. } => place,
        }
    }
}

/// Every mistake in the graph of a job.
pub fn check(spec: &JobSpec) -> Vec<GraphError> {
    Outline::of(spec).check()
}

/// Indices into `spec.operators`, so that each operator comes after those it reads, and otherwise in the order
/// of the file. Operators on a cycle, and those behind it, are left out.
pub fn order(spec: &JobSpec) -> Vec<usize> {
    let outline = Outline::of(spec);
    let first = spec.sources.len();
    let operators = first..first + spec.operators.len();
    outline.sorted().into_iter().filter(|node| operators.contains(node)).map(|node| node - first).collect()
}

impl Outline {
    pub fn of(spec: &JobSpec) -> Self {
        let node = |kind, name: &str, inputs: &[OutputRef], directory: Option<&str>| Node {
            kind,
            name: name.to_owned(),
            inputs: inputs.to_vec(),
            is_join: false,
            directory: directory.map(str::to_owned),
        };
        let sources = spec.sources.iter().map(|s| node(NodeKind::Source, &s.name, &[], None));
        let operators = spec
            .operators
            .iter()
            .map(|o| Node { is_join: o.join.is_some(), ..node(NodeKind::Operator, &o.name, &o.inputs, None) });
        let tables = spec.tables.iter().map(|t| node(NodeKind::Table, &t.name, &[], None));
        let sinks = spec.sinks.iter().map(|s| {
            let directory = if let SinkKind::File(file) = &s.kind { Some(file.path.as_str()) } else { None };
            node(NodeKind::Sink, &s.name, &s.inputs, directory)
        });
        Self { nodes: sources.chain(operators).chain(tables).chain(sinks).collect(), partial: false }
    }

    /// Every mistake, in the order of the nodes.
    pub fn check(&self) -> Vec<GraphError> {
        let mut errors = Vec::new();
        self.check_kinds(&mut errors);
        self.check_names(&mut errors);
        self.check_inputs(&mut errors);
        self.check_cycles(&mut errors);
        self.check_readers(&mut errors);
        self.check_directories(&mut errors);
        errors
    }

    fn check_kinds(&self, errors: &mut Vec<GraphError>) {
        for kind in [NodeKind::Source, NodeKind::Sink] {
            if !self.nodes.iter().any(|node| node.kind == kind) {
                errors.push(GraphError::Missing { kind });
            }
        }
    }

    fn check_names(&self, errors: &mut Vec<GraphError>) {
        let mut seen = HashMap::new();
        for node in &self.nodes {
            if let Some(other) = seen.insert(node.name.as_str(), node.kind) {
                let (place, name) = (node.place(), node.name.clone());
                errors.push(GraphError::DuplicateName { place, name, kind: node.kind, other });
            }
        }
    }

    /// Nodes by name; where two have the same name, what can be read wins.
    fn by_name(&self) -> HashMap<&str, usize> {
        self.nodes.iter().enumerate().rev().map(|(index, node)| (node.name.as_str(), index)).collect()
    }

    fn check_inputs(&self, errors: &mut Vec<GraphError>) {
        let by_name = self.by_name();
        for node in &self.nodes {
            let mut seen = HashSet::new();
            for (index, input) in node.inputs.iter().enumerate() {
                let place = node.input_place(index);
                let (kind, reader) = (node.kind, node.name.clone());
                let text = input.to_string();
                // A stream may be joined with itself.
                if !seen.insert(input) && !node.is_join {
                    errors.push(GraphError::InputTwice { place, input: text, kind, reader });
                    continue;
                }
                let target = by_name.get(input.node.as_str()).and_then(|at| self.nodes.get(*at));
                let error = match (target, &input.port) {
                    (None, _) => GraphError::UnknownNode { place, input: text, kind, reader },
                    (Some(Node { kind: NodeKind::Sink, .. }), _) => {
                        GraphError::ReadsSink { place, input: text, kind, reader }
                    }
                    (Some(Node { kind: NodeKind::Table, .. }), port)
                        if port.is_some() || !node.is_join || index == 0 =>
                    {
                        GraphError::ReadsTable { place, input: text, kind, reader }
                    }
                    (Some(Node { kind: NodeKind::Source, name, .. }), Some(port)) if port != REJECTED_PORT => {
                        GraphError::SourcePort { place, source_name: name.clone(), port: port.clone() }
                    }
                    _ => continue,
                };
                errors.push(error);
            }
        }
    }

    /// For each node, the sources and operators that it reads; other names are left out.
    fn reads(&self) -> Vec<Vec<usize>> {
        let mut by_name = self.by_name();
        by_name.retain(|_, index| self.nodes.get(*index).is_some_and(|node| node.kind != NodeKind::Sink));
        let reads = |node: &Node| node.inputs.iter().filter_map(|i| by_name.get(i.node.as_str()).copied()).collect();
        self.nodes.iter().map(reads).collect()
    }

    /// Nodes after all that they read (Kahn's algorithm; among those that are ready, the first in the file).
    fn sorted(&self) -> Vec<usize> {
        let reads = self.reads();
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); reads.len()];
        for (node, inputs) in reads.iter().enumerate() {
            for input in inputs {
                if let Some(list) = readers.get_mut(*input) {
                    list.push(node);
                }
            }
        }
        let mut waits: Vec<usize> = reads.iter().map(Vec::len).collect();
        let mut ready: BTreeSet<usize> =
            waits.iter().enumerate().filter(|(_, count)| **count == 0).map(|(node, _)| node).collect();
        let mut sorted = Vec::with_capacity(reads.len());
        while let Some(node) = ready.pop_first() {
            sorted.push(node);
            for reader in readers.get(node).into_iter().flatten() {
                if let Some(count) = waits.get_mut(*reader) {
                    *count -= 1;
                    if *count == 0 {
                        ready.insert(*reader);
                    }
                }
            }
        }
        sorted
    }

    /// One error for each cycle met while walking upstream from what could not be sorted: from there every node
    /// has an input that could not be sorted either, so that the walk ends on a cycle or where one was before.
    fn check_cycles(&self, errors: &mut Vec<GraphError>) {
        let sorted: HashSet<usize> = self.sorted().into_iter().collect();
        let reads = self.reads();
        let upstream =
            |node: usize| reads.get(node).and_then(|list| list.iter().find(|i| !sorted.contains(i))).copied();
        let mut walked = HashSet::new();
        for start in (0..self.nodes.len()).filter(|node| !sorted.contains(node)) {
            let mut path = Vec::new();
            let mut at = start;
            while walked.insert(at) {
                path.push(at);
                match upstream(at) {
                    Some(next) => at = next,
                    None => break,
                }
            }
            if let Some(begin) = path.iter().position(|node| *node == at) {
                errors.extend(self.cycle(path.get(begin..).unwrap_or_default()));
            }
        }
    }

    /// `cycle` lists each node before the one that it reads; told in the direction of the data, from the node that is
    /// first in the file.
    fn cycle(&self, cycle: &[usize]) -> Option<GraphError> {
        let mut cycle: Vec<usize> = cycle.iter().rev().copied().collect();
        let first = cycle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(at, _)| at);
        cycle.rotate_left(first);
        let nodes: Vec<&Node> = cycle.into_iter().filter_map(|index| self.nodes.get(index)).collect();
        let (first, last) = (*nodes.first()?, *nodes.last()?);
        let place = match first.inputs.iter().position(|input| input.node == last.name) {
            Some(index) => first.input_place(index),
            None => first.place(),
        };
        let path = nodes.iter().map(|node| node.name.clone()).chain([first.name.clone()]).collect();
        Some(GraphError::Cycle { place, path })
    }

    fn check_readers(&self, errors: &mut Vec<GraphError>) {
        // What was reported before explains a missing reader better.
        let explained = |error: &GraphError| {
            matches!(error, GraphError::Missing { kind: NodeKind::Sink } | GraphError::UnknownNode { .. })
        };
        if self.partial || errors.iter().any(explained) {
            return;
        }
        let by_name = self.by_name();
        let read: HashSet<usize> = self.reads().into_iter().flatten().collect();
        for (index, node) in self.nodes.iter().enumerate() {
            // Of two nodes with one name only the first can be meant.
            let reachable = by_name.get(node.name.as_str()) == Some(&index);
            // Whether a module asks for a table is known when it is opened.
            let needs_reader = matches!(node.kind, NodeKind::Source | NodeKind::Operator);
            if needs_reader && reachable && !read.contains(&index) {
                errors.push(GraphError::Unread { place: node.place(), name: node.name.clone(), kind: node.kind });
            }
        }
    }

    fn check_directories(&self, errors: &mut Vec<GraphError>) {
        let mut seen: HashMap<PathBuf, &Node> = HashMap::new();
        for node in &self.nodes {
            let Some(directory) = &node.directory else { continue };
            if let Some(first) = seen.insert(plain(directory), node) {
                errors.push(GraphError::SameDirectory {
                    place: format!("{}.path", node.place()),
                    other_place: format!("{}.path", first.place()),
                    first: first.name.clone(),
                    second: node.name.clone(),
                    directory: directory.clone(),
                });
            }
        }
    }
}

/// `./out/` and `out` are one directory. Links are not followed: that would need the file system.
fn plain(path: &str) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `s:` a source, `t:` a table, `o:name<in,in` an operator, `j:name<left,right` a join, `k:name<in@dir` a sink.
    fn outline(text: &str) -> Outline {
        let nodes = text.split_whitespace().map(|word| {
            let (kind, rest) = word.split_once(':').expect("kind:name");
            let (name, inputs) = rest.split_once('<').unwrap_or((rest, ""));
            let (inputs, directory) = inputs.split_once('@').map_or((inputs, None), |(i, d)| (i, Some(d.to_owned())));
            let is_join = kind == "j";
            let kind = match kind {
                "s" => NodeKind::Source,
                "t" => NodeKind::Table,
                "o" | "j" => NodeKind::Operator,
                _ => NodeKind::Sink,
            };
            let inputs = inputs.split(',').filter(|i| !i.is_empty()).map(OutputRef::parse).collect();
            Node { kind, name: name.to_owned(), inputs, is_join, directory }
        });
        Outline { nodes: nodes.collect(), partial: false }
    }

    fn errors(text: &str) -> Vec<(String, String)> {
        outline(text).check().iter().map(|e| (e.place().to_owned(), e.to_string())).collect()
    }

    fn only(text: &str) -> (String, String) {
        let mut errors = errors(text);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }

    #[test]
    fn a_good_graph_has_no_errors() {
        assert_eq!(errors("s:a s:b o:x<a,b o:y<x,x.late k:out<y,x.errors,a.rejected,x.rejected@out k:n<x@out2"), []);
    }

    #[test]
    fn inputs_must_name_outputs() {
        let at = |place: &str, text: &str| (place.to_owned(), text.to_owned());
        assert_eq!(only("s:a k:out<a,b"), at("sink.out.input.1", "input `b` of sink `out` names nothing in this job"));
        assert_eq!(only("s:a k:out<a,a.late"), at("sink.out.input.1", "source `a` has no output `late`"));
        assert_eq!(
            only("s:a k:one<a k:two<a,one"),
            at("sink.two.input.1", "input `one` of sink `two` is a sink, and nothing comes out of a sink")
        );
        assert_eq!(only("s:a o:x<a,a k:out<x"), at("operator.x.input.1", "operator `x` reads `a` twice"));
    }

    #[test]
    fn tables_are_read_by_the_right_side_of_joins() {
        assert_eq!(errors("s:a t:t j:x<a,t j:y<x,x k:out<y"), [], "and a stream may be joined with itself");
        let reads = |place: &str, kind: &str, reader: &str| {
            let text = format!("input `t` of {kind} `{reader}` is a table, which only the right side of a join can be");
            (place.to_owned(), text)
        };
        assert_eq!(only("s:a t:t j:x<t,a k:out<x,a"), reads("operator.x.join.left", "operator", "x"));
        assert_eq!(only("s:a t:t k:out<a,t"), reads("sink.out.input.1", "sink", "out"));
        assert_eq!(errors("s:a t:t k:out<a"), [], "a module may ask for it");
        assert_eq!(only("s:a j:x<a,b k:out<x").0, "operator.x.join.right");
    }

    #[test]
    fn cycles_are_told_in_the_direction_of_the_data() {
        let cycle = |path: &str| format!("operators form a cycle: {path}");
        assert_eq!(only("s:a o:x<a,z o:y<x o:z<y k:out<z"), ("operator.x.input.1".into(), cycle("x → y → z → x")));
        assert_eq!(only("s:a o:x<a,x.late k:out<x"), ("operator.x.input.1".into(), cycle("x → x")));
        let two = errors("s:a o:p<q,a o:q<p o:x<y,p o:y<x k:out<y");
        let two: Vec<_> = two.into_iter().map(|(_, text)| text).collect();
        assert_eq!(two, [cycle("p → q → p"), cycle("x → y → x")]);
    }

    #[test]
    fn a_long_cycle_is_found_without_recursion_and_told_by_its_ends() {
        let mut text = String::from("s:a k:out<n0,a ");
        for n in 0..50_000 {
            text += &format!("o:n{n}<n{} ", (n + 1) % 50_000);
        }
        let (place, text) = only(&text);
        assert_eq!(place, "operator.n0.input.0");
        assert!(text.starts_with("operators form a cycle: n0 → n49999 → ") && text.ends_with(" → n1 → n0"), "{text}");
        assert!(text.contains(" → … → "), "{text}");
    }

    #[test]
    fn what_nobody_reads_is_an_error_unless_the_outline_is_partial() {
        let mut outline = outline("s:a s:b o:x<a k:out<b");
        let text: Vec<_> = outline.check().iter().map(ToString::to_string).collect();
        assert_eq!(text, ["nothing reads operator `x`"]);
        outline.partial = true;
        assert_eq!(outline.check(), []);
        assert_eq!(errors("s:a o:x<a k:out<x.rejected"), [], "a reader of any port will do");
        let none: Vec<_> = errors("").into_iter().map(|(_, text)| text).collect();
        assert_eq!(none, ["the job has no source", "the job has no sink"]);
    }

    #[test]
    fn names_and_directories_belong_to_one_node() {
        assert_eq!(
            only("s:a o:a<a k:out<a").1,
            "operator `a` has the name of source `a`",
            "and the input still means the source"
        );
        assert_eq!(only("s:a k:x<a@out k:y<a@./x/../out/").1, "sinks `x` and `y` both write to `./x/../out/`");
        assert_eq!(errors("s:a k:x<a@../out k:y<a@out"), []);
    }

    #[test]
    fn operators_are_ordered_after_what_they_read_and_then_as_in_the_file() {
        let outline = outline("s:a o:z<y o:y<x o:x<a o:w<a k:out<z,w");
        let names: Vec<_> = outline.sorted().into_iter().map(|node| outline.nodes[node].name.as_str()).collect();
        assert_eq!(names, ["a", "x", "y", "z", "w", "out"]);
    }
}
