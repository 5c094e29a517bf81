//! A plan as a picture: nodes in layers from left to right, each edge with its columns.

use std::{collections::HashMap, fmt::Write};

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
    let lanes = lanes(&drawing.edges);
    let deepest = drawing.edges.iter().zip(&lanes).map(|(edge, lane)| lane + labels(edge).len()).max().unwrap_or(0);
    let row_height = NODE_HEIGHT + MARGIN + deepest * LINE;
    let places = places(drawing, row_height);
    let width = places.iter().map(|place| place.x + NODE_WIDTH).max().unwrap_or(0) + MARGIN;
    let height = places.iter().map(|place| place.y).max().unwrap_or(0) + row_height;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{}</title>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escaped(&drawing.job)
    );
    for (edge, lane) in drawing.edges.iter().zip(&lanes) {
        if let (Some(from), Some(to)) = (places.get(edge.from), places.get(edge.to)) {
            draw_edge(&mut svg, edge, from, to, lane * LINE);
        }
    }
    for (node, place) in drawing.nodes.iter().zip(&places) {
        draw_node(&mut svg, node, place);
    }
    svg.push_str("</svg>");
    svg
}

/// Lines of text above each edge's own, where it comes to its node: those of the edges that came before.
fn lanes(edges: &[Edge]) -> Vec<usize> {
    let mut taken: HashMap<usize, usize> = HashMap::new();
    edges
        .iter()
        .map(|edge| {
            let lane = taken.entry(edge.to).or_default();
            let mine = *lane;
            *lane += labels(edge).len() + 1;
            mine
        })
        .collect()
}

/// Each node in the first row of its layer that is free, also in the layers that an edge to it passes.
fn places(drawing: &Drawing, row_height: usize) -> Vec<Place> {
    let layers = drawing.nodes.iter().map(|node| node.depth + 1).max().unwrap_or(0);
    let mut taken = vec![0; layers];
    let place = |(index, node): (usize, &Node)| {
        let from = drawing.edges.iter().filter(|edge| edge.to == index).filter_map(|edge| drawing.nodes.get(edge.from));
        let first = from.map(|from| from.depth + 1).min().unwrap_or(node.depth).min(node.depth);
        let passed = taken.get_mut(first..=node.depth).expect("every node's depth is a layer");
        let row = passed.iter().copied().max().unwrap_or(0);
        passed.fill(row + 1);
        Place { x: MARGIN + node.depth * (NODE_WIDTH + LABEL_WIDTH), y: MARGIN + row * row_height }
    };
    drawing.nodes.iter().enumerate().map(place).collect()
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

/// From the source's side into the lane of the edge, along it, and into the node; what is carried stands below.
fn draw_edge(svg: &mut String, edge: &Edge, from: &Place, to: &Place, lane: usize) {
    let (x1, y1, x2, y2) = (from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2, to.x, to.y + NODE_HEIGHT / 2);
    let (along, text) = (y2 + lane, x2.saturating_sub(LABEL_WIDTH) + 44);
    let _ = writeln!(
        svg,
        "<path d=\"M{x1} {y1} C{} {y1} {x1} {along} {} {along} L{} {along} C{} {along} {} {y2} {x2} {y2}\" \
         fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"/>",
        x1 + 30,
        x1 + 40,
        x2.saturating_sub(26),
        x2.saturating_sub(8),
        x2.saturating_sub(22),
    );
    for (line, label) in labels(edge).iter().enumerate() {
        let y = along + LINE * (line + 1);
        let _ = writeln!(svg, "<text x=\"{text}\" y=\"{y}\" fill=\"#333\">{}</text>", escaped(label));
    }
}

fn labels(edge: &Edge) -> Vec<String> {
    let port = edge.output.split_once('.').map(|(_, port)| format!("port {port}"));
    let carried: Vec<_> = edge.columns.iter().filter(|column| column.carried).collect();
    // A line that says "and 1 more" could as well name it.
    let count = if carried.len() == COLUMNS_MAX + 1 { carried.len() } else { COLUMNS_MAX };
    let shown = carried.iter().take(count).map(|column| cut(&format!("{}: {}", column.name, column.data_type), 26));
    let rest = carried.len().saturating_sub(count);
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
