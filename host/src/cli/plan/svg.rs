//! A plan as a picture: nodes in layers from left to right, each edge with its columns.

use std::fmt::Write;

use super::drawing::{Drawing, Edge, Node};

const NODE_WIDTH: usize = 190;
const NODE_HEIGHT: usize = 52;
const LABEL_WIDTH: usize = 210;
const LINE: usize = 15;
const MARGIN: usize = 24;
/// Columns listed on an edge; the others are counted.
const COLUMNS_MAX: usize = 6;

/// The top left corner of a node.
struct Place {
    x: usize,
    y: usize,
}

pub(super) fn draw(drawing: &Drawing) -> String {
    let row_height =
        drawing.edges.iter().map(|edge| labels(edge).len()).max().unwrap_or(0) * LINE + NODE_HEIGHT + MARGIN;
    let mut rows = Vec::new();
    let places: Vec<Place> = drawing.nodes.iter().map(|node| place(node, &mut rows, row_height)).collect();
    let width = places.iter().map(|place| place.x + NODE_WIDTH).max().unwrap_or(0) + MARGIN;
    let height = places.iter().map(|place| place.y).max().unwrap_or(0) + row_height + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{}</title>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escaped(&drawing.job)
    );
    for edge in &drawing.edges {
        if let (Some(from), Some(to)) = (places.get(edge.from), places.get(edge.to)) {
            draw_edge(&mut svg, edge, from, to);
        }
    }
    for (node, place) in drawing.nodes.iter().zip(&places) {
        draw_node(&mut svg, node, place);
    }
    svg.push_str("</svg>");
    svg
}

fn place(node: &Node, rows: &mut Vec<usize>, row_height: usize) -> Place {
    rows.resize(rows.len().max(node.depth + 1), 0);
    let row = rows.get_mut(node.depth).expect("resized above");
    let place = Place { x: MARGIN + node.depth * (NODE_WIDTH + LABEL_WIDTH), y: MARGIN + *row * row_height };
    *row += 1;
    place
}

fn draw_node(svg: &mut String, node: &Node, at: &Place) {
    let (fill, radius) = match node.kind {
        "source" => ("#e3f0e3", 24),
        "operator" => ("#e2ebf7", 6),
        _ => ("#f7ece0", 24),
    };
    let detail =
        node.facts.iter().find(|(what, _)| what == "module" || what == "type").map_or("", |(_, value)| value.as_str());
    let middle = at.x + NODE_WIDTH / 2;
    let _ = writeln!(
        svg,
        "<rect x=\"{}\" y=\"{}\" width=\"{NODE_WIDTH}\" height=\"{NODE_HEIGHT}\" rx=\"{radius}\" fill=\"{fill}\" stroke=\"#555\"/>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\">{}</text>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{}: {}</text>",
        at.x,
        at.y,
        at.y + 22,
        escaped(&cut(&node.name, 24)),
        at.y + 39,
        node.kind,
        escaped(&cut(detail, 18)),
    );
}

fn draw_edge(svg: &mut String, edge: &Edge, from: &Place, to: &Place) {
    let (x1, y1, x2, y2) = (from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2, to.x, to.y + NODE_HEIGHT / 2);
    let bend = x2.saturating_sub(LABEL_WIDTH);
    let _ = writeln!(
        svg,
        "<path d=\"M{x1} {y1} C{} {y1} {bend} {y2} {} {y2} L{x2} {y2}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"/>",
        bend + 30,
        bend + 40,
    );
    for (line, label) in labels(edge).iter().enumerate() {
        let y = y2 + LINE * (line + 1);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{y}\" fill=\"#333\">{}</text>", bend + 44, escaped(label));
    }
}

fn labels(edge: &Edge) -> Vec<String> {
    let port = edge.output.split_once('.').map(|(_, port)| format!("port {port}"));
    let carried: Vec<_> = edge.columns.iter().filter(|column| column.carried).collect();
    let shown =
        carried.iter().take(COLUMNS_MAX).map(|column| cut(&format!("{}: {}", column.name, column.data_type), 26));
    let rest = carried.len().saturating_sub(COLUMNS_MAX);
    port.into_iter().chain(shown).chain((rest > 0).then(|| format!("and {rest} more"))).collect()
}

fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars.saturating_sub(1)).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
