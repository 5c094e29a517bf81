//! A plan as a Mermaid flowchart, for Markdown.

use std::fmt::Write;

use super::drawing::Drawing;

pub(super) fn draw(drawing: &Drawing) -> String {
    let mut text = String::from("flowchart LR\n");
    for (index, node) in drawing.nodes.iter().enumerate() {
        let label = format!("{}<br/><b>{}</b>", node.kind, escaped(&node.name));
        let _ = match node.kind {
            "operator" => writeln!(text, "  n{index}[\"{label}\"]"),
            _ => writeln!(text, "  n{index}([\"{label}\"])"),
        };
    }
    for edge in &drawing.edges {
        let columns = edge.columns.iter().filter(|column| column.carried);
        let columns: Vec<_> =
            columns.map(|column| format!("{}: {}", escaped(&column.name), escaped(&column.data_type))).collect();
        let port = match edge.output.split_once('.') {
            Some((_, port)) => format!("<i>{}</i><br/>", escaped(port)),
            None => String::new(),
        };
        let _ = writeln!(text, "  n{} -- \"{port}{}\" --> n{}", edge.from, columns.join("<br/>"), edge.to);
    }
    text
}

/// Names come from users: nothing in them may end the label.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | ';' | '`' | '[' | ']' => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
