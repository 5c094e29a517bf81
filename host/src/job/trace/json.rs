//! A trace as JSON: of the command with `--output json`, and of the engine's route.

use serde_json::{Value, json};

use super::{From, Node, Place, Step, Trace};

pub fn trace(trace: &Trace) -> Value {
    let mut sources = Vec::new();
    leaves(&trace.nodes, trace.root, &mut sources);
    json!({
        "job": trace.job,
        "sink": trace.sink,
        "epoch": trace.epoch,
        "revision": trace.revision,
        "number": trace.number,
        "alike": trace.alike,
        "searched": [trace.searched.0, trace.searched.1],
        "row": trace.row,
        "sources": sources,
        "trace": node(&trace.nodes, trace.root),
    })
}

/// The rows of sources that were found, in the order of the trace.
fn leaves(nodes: &[Node], at: usize, found: &mut Vec<Value>) {
    match nodes.get(at) {
        Some(Node { from: From::Source(from), epoch, .. }) => {
            let mut leaf = place(from);
            if let Some(leaf) = leaf.as_object_mut() {
                leaf.insert("epoch".into(), json!(epoch));
            }
            found.push(leaf);
        }
        Some(Node { from: From::Operator(step), .. }) => {
            step.rows.iter().for_each(|before| leaves(nodes, *before, found));
        }
        Some(Node { from: From::Letters { .. }, .. }) | None => {}
    }
}

fn node(nodes: &[Node], at: usize) -> Value {
    let Some(Node { epoch, output, row, from }) = nodes.get(at) else { return Value::Null };
    let from = match from {
        From::Source(from) => {
            let mut shown = place(from);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("kind".into(), "source".into());
            }
            shown
        }
        From::Letters { operator } => json!({ "kind": "dead-letters", "operator": operator }),
        From::Operator(step) => operator(nodes, step),
    };
    json!({ "output": output, "epoch": epoch, "row": row, "from": from })
}

fn operator(nodes: &[Node], step: &Step) -> Value {
    json!({
        "kind": step.kind,
        "operator": step.operator,
        "modules": step.modules,
        "digests": step.digests.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "table": step.table,
        "how": step.how.name(),
        "window": step.window.map(|(start, end)| [start, end]),
        "count": step.count(),
        "by_epoch": step.counts.iter().map(|(epoch, count)| json!({ "epoch": epoch, "rows": count })).collect::<Vec<_>>(),
        "looked_from": step.looked_from,
        "complete": step.open == 0,
        "rows": step.rows.iter().map(|before| node(nodes, *before)).collect::<Vec<_>>(),
    })
}

fn place(place: &Place) -> Value {
    json!({
        "source": place.source,
        "file": place.file,
        "offset": place.offset,
        "unit": place.unit.name(),
        "line": place.line,
        "raw": place.raw,
        "reason": place.reason,
    })
}
