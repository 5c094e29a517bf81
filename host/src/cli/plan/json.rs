//! A plan for machines: `{job, nodes: [{id, kind, name, facts}], edges: [{from, to, output, columns}]}`.

use serde_json::{Map, Value, json};

use super::drawing::Drawing;

pub(super) fn draw(drawing: &Drawing) -> String {
    let id = |index: usize| drawing.nodes.get(index).map(|node| node.id.as_str());
    let nodes: Vec<_> = drawing
        .nodes
        .iter()
        .map(|node| {
            let facts: Map<String, Value> =
                node.facts.iter().map(|(what, value)| (what.clone(), json!(value))).collect();
            json!({ "id": node.id, "kind": node.kind, "name": node.name, "facts": facts })
        })
        .collect();
    let edges: Vec<_> = drawing
        .edges
        .iter()
        .map(|edge| {
            let columns: Vec<_> = edge
                .columns
                .iter()
                .map(|column| {
                    json!({
                        "name": column.name, "type": column.data_type,
                        "carried": column.carried, "event_time": column.event_time,
                    })
                })
                .collect();
            json!({ "from": id(edge.from), "to": id(edge.to), "output": edge.output, "columns": columns })
        })
        .collect();
    let plan = json!({ "job": drawing.job, "nodes": nodes, "edges": edges });
    serde_json::to_string_pretty(&plan).unwrap_or_default()
}
