//! A plan for people: each node with its facts, then the edges that leave it with their columns.

use std::fmt::Write;

use super::drawing::{Drawing, Edge};

pub(super) fn draw(drawing: &Drawing) -> String {
    let mut text = format!("job {}\n", drawing.job);
    for (index, node) in drawing.nodes.iter().enumerate() {
        let _ = writeln!(text, "\n{} {}", node.kind, node.name);
        let width = node.facts.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
        for (what, value) in &node.facts {
            let _ = writeln!(text, "  {what:<width$}  {value}");
        }
        for edge in drawing.edges.iter().filter(|edge| edge.from == index) {
            let to = drawing.nodes.get(edge.to).map_or("", |node| node.id.as_str());
            let _ = writeln!(text, "  {} ─► {to}", edge.output);
            for line in edge_lines(edge) {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    text
}

fn edge_lines(edge: &Edge) -> Vec<String> {
    let mut lines: Vec<_> = edge
        .columns
        .iter()
        .filter(|column| column.carried)
        .map(|column| {
            let mark = if column.event_time { "  (event time)" } else { "" };
            format!("{}: {}{mark}", column.name, column.data_type)
        })
        .collect();
    let dropped: Vec<_> =
        edge.columns.iter().filter(|column| !column.carried).map(|column| column.name.as_str()).collect();
    if !dropped.is_empty() {
        lines.push(format!("not wanted here: {}", dropped.join(", ")));
    }
    lines
}
