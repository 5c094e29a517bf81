//! `/openapi.json`: the routes as an OpenAPI document, made from the table that the router is made from.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{
    answer::ok,
    routes::{self, Gives, Route, Takes},
};

pub(super) async fn document() -> Response {
    ok(&to_json(&routes::table()))
}

fn to_json(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(route.method.as_str().to_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pelton",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The engine: modules, and jobs that run. Times are microseconds since 1970 UTC. Tokens have the roles \
                read, operate and admin; until the first token is made nobody needs one.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split(['{', '}']).skip(1).step_by(2).map(|name| {
        let about = match name {
            "module" => "A tag `name@version`, a digest, or the first digits of one (8 at least)",
            "letter" => "Its number, such as 12.0",
            "operator" => "The operator's name",
            "savepoint" => "The savepoint's name",
            _ => "The job's name",
        };
        json!({ "name": name, "in": "path", "required": true, "description": about, "schema": { "type": "string" } })
    });
    let in_query = route.query.iter().map(
        |(name, about)| json!({ "name": name, "in": "query", "description": about, "schema": { "type": "string" } }),
    );
    let mut operation = Map::new();
    operation.insert("summary".into(), route.summary.into());
    operation.insert("parameters".into(), in_path.chain(in_query).collect());
    match route.needs {
        Some(role) => {
            operation.insert("security".into(), json!([{ "token": [] }]));
            operation.insert("description".into(), format!("Takes the role {}.", role.name()).into());
        }
        None => {
            operation.insert("security".into(), json!([]));
        }
    }
    match route.takes {
        Takes::Nothing => {}
        Takes::Json(schema) => {
            operation.insert("requestBody".into(), json!({ "required": true, "content": json_of(schema) }));
        }
        Takes::Bytes(kind) => {
            let content = json!({ kind: {} });
            operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
    }
    let content = match route.gives {
        Gives::Json(schema) => json_of(schema),
        Gives::Text(kind) => json!({ kind: { "schema": { "type": "string" } } }),
        Gives::Bytes => json!({ "application/wasm": {} }),
    };
    operation.insert(
        "responses".into(),
        json!({
            "2XX": { "description": "Done", "content": content },
            "default": { "description": "Not done", "content": json_of("Error") },
        }),
    );
    Value::Object(operation)
}

fn json_of(schema: &str) -> Value {
    let schema = match schema {
        "object" => json!({ "type": "object" }),
        name => json!({ "$ref": format!("#/components/schemas/{name}") }),
    };
    json!({ "application/json": { "schema": schema } })
}

fn object(properties: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties })
}

fn list_of(schema: &str) -> Value {
    json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{schema}") } })
}

fn schemas() -> Value {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer" }));
    let texts = json!({ "type": "array", "items": text });
    let map = json!({ "type": "object", "additionalProperties": text });
    let maybe = |schema: &Value| json!({ "anyOf": [schema, { "type": "null" }] });
    let reason = maybe(&json!({ "$ref": "#/components/schemas/Reason" }));
    let failure = object(&[
        ("code", text.clone()),
        ("message", text.clone()),
        ("revision", number.clone()),
        ("at", number.clone()),
    ]);
    let states: Vec<&str> = crate::control::status::State::ALL.iter().map(|state| state.name()).collect();
    let module = object(&[
        ("digest", text.clone()),
        ("bytes", number.clone()),
        ("kind", text.clone()),
        ("packaging", text.clone()),
        ("contract", text.clone()),
        ("imports", texts.clone()),
        ("exports", texts.clone()),
        ("pushed_by", text.clone()),
        ("pushed_at", number.clone()),
        ("tags", texts.clone()),
    ]);
    let job = object(&[
        ("name", text.clone()),
        ("state", json!({ "type": "string", "enum": states })),
        ("desired", text.clone()),
        ("reason", reason),
        ("last_error", maybe(&failure)),
        ("revision", number.clone()),
        ("changed", number.clone()),
        (
            "migrations",
            json!({ "type": "array", "items": object(&[("operator", text.clone()), ("keys_left", maybe(&number)), ("draining", json!({ "type": "boolean" }))]) }),
        ),
        ("trials", json!({ "type": "array", "items": { "type": "object" } })),
        ("figures", json!({ "type": "object" })),
    ]);
    let submission = object(&[
        ("text", text.clone()),
        ("file", text.clone()),
        ("directory", text.clone()),
        ("overrides", map.clone()),
        ("pins", map.clone()),
    ]);
    let revision = object(&[
        ("number", number.clone()),
        ("created", number.clone()),
        ("by", text.clone()),
        ("file", text.clone()),
        ("text", text.clone()),
        ("directory", text.clone()),
        ("overrides", map.clone()),
        ("pins", map),
        ("origin", json!({ "type": "object" })),
    ]);
    let swap = object(&[
        ("operator", text.clone()),
        ("module", text.clone()),
        ("digest", maybe(&text)),
        ("options", json!({ "type": "object" })),
        ("windows", json!({ "type": ["string", "null"], "enum": ["migrate", "drain", "reset", null] })),
        ("shadow", maybe(&number)),
        ("canary", maybe(&text)),
        ("automatic", json!({ "type": "boolean" })),
        ("watch_ms", maybe(&number)),
        ("dry_run", json!({ "type": "boolean" })),
    ]);
    let of_change = [
        ("job", text.clone()),
        ("operator", text.clone()),
        ("from", number.clone()),
        ("revision", maybe(&number)),
        ("operators", json!({ "type": "array", "items": { "type": "object" } })),
    ];
    let changed = object(&of_change);
    let applied = [of_change.as_slice(), &[("restart", texts.clone()), ("is_started", json!({ "type": "boolean" }))]];
    let applied = object(&applied.concat());
    let apply = object(&[
        ("job", json!({ "$ref": "#/components/schemas/Submission" })),
        ("dry_run", json!({ "type": "boolean" })),
        ("restart", json!({ "type": "boolean" })),
        ("approve_endpoints", json!({ "type": "boolean" })),
    ]);
    let promote = object(&[("operator", maybe(&text)), ("watch_ms", maybe(&number))]);
    let shadows =
        object(&[("job", text.clone()), ("shadows", json!({ "type": "array", "items": { "type": "object" } }))]);
    let row = object(&[("epoch", number.clone()), ("row", json!({ "type": "object" }))]);
    let rows =
        object(&[("job", text.clone()), ("output", text.clone()), ("rows", json!({ "type": "array", "items": row }))]);
    let letter = object(&[
        ("id", text.clone()),
        ("epoch", number.clone()),
        ("at", number.clone()),
        ("operator", text.clone()),
        ("modules", texts.clone()),
        ("revision", number.clone()),
        ("code", text.clone()),
        ("error", text.clone()),
        ("origin", text.clone()),
        ("row_number", number.clone()),
        ("asked", maybe(&text)),
        ("row", json!({})),
        ("trace", texts.clone()),
    ]);
    let chosen =
        object(&[("letters", texts.clone()), ("operator", maybe(&text)), ("all", json!({ "type": "boolean" }))]);
    let tried = object(&[
        ("letters", texts.clone()),
        ("operator", maybe(&text)),
        ("all", json!({ "type": "boolean" })),
        ("module", maybe(&text)),
        ("digest", maybe(&text)),
        ("options", json!({ "type": "object" })),
    ]);
    let trial = object(&[
        ("id", text.clone()),
        ("operator", text.clone()),
        ("outcome", json!({ "enum": ["passes", "rejected", "fails", "unknown"] })),
        ("rows_out", number.clone()),
        ("rows", json!({ "type": "array", "items": { "type": "object" } })),
        ("code", text.clone()),
        ("error", text.clone()),
        ("trace", texts.clone()),
    ]);
    let trials = object(&[("total", number.clone()), ("letters", json!({ "type": "array", "items": trial }))]);
    let asked = object(&[("action", text.clone()), ("letters", texts.clone())]);
    let total = number.clone();
    let objects = json!({ "type": "array", "items": { "type": "object" } });
    let (flag, numbers) = (json!({ "type": "boolean" }), json!({ "type": "array", "items": number }));
    let replay = object(&[
        ("epoch", number.clone()),
        ("operator", maybe(&text)),
        ("module", maybe(&text)),
        ("digest", maybe(&text)),
        ("options", json!({ "type": "object" })),
        ("rows", maybe(&number)),
    ]);
    let replayed = object(&[
        ("job", text.clone()),
        ("epoch", number.clone()),
        ("revision", number.clone()),
        ("same", flag.clone()),
        ("computed", number.clone()),
        ("differing", numbers.clone()),
        ("changed", texts.clone()),
        ("sinks", objects.clone()),
        ("rows", objects.clone()),
        ("candidate", maybe(&json!({ "type": "object" }))),
    ]);
    let verify = object(&[("sample", maybe(&number)), ("all", flag.clone())]);
    let verified = object(&[
        ("job", text.clone()),
        ("replayable", maybe(&numbers)),
        ("checked", number.clone()),
        ("same", flag.clone()),
        ("differing", objects.clone()),
    ]);
    let bundle = object(&[("epoch", number.clone())]);
    let trace = object(&[
        ("sink", maybe(&text)),
        ("row", maybe(&json!({ "type": "object", "additionalProperties": maybe(&text) }))),
        ("part", maybe(&text)),
        ("line", maybe(&number)),
        ("epoch", maybe(&number)),
        ("back", maybe(&number)),
        ("rows", maybe(&number)),
    ]);
    let traced = object(&[
        ("job", text.clone()),
        ("sink", text.clone()),
        ("epoch", number.clone()),
        ("revision", number.clone()),
        ("number", number.clone()),
        ("alike", number.clone()),
        ("searched", numbers.clone()),
        ("row", json!({ "type": "object" })),
        ("sources", objects.clone()),
        ("trace", json!({ "type": "object" })),
    ]);
    let of_state =
        [("job", text.clone()), ("epoch", number.clone()), ("committed", number.clone()), ("revision", number.clone())];
    let of_state = |more: &[(&str, Value)]| object(&[of_state.as_slice(), more].concat());
    let state_question = object(&[
        ("table", maybe(&text)),
        ("key", json!({ "type": "array", "items": maybe(&text) })),
        ("prefix", maybe(&text)),
        ("one", flag.clone()),
        ("limit", maybe(&number)),
        ("epoch", maybe(&number)),
    ]);
    let savepoint = object(&[
        ("name", text.clone()),
        ("job", text.clone()),
        ("epoch", number.clone()),
        ("revision", number.clone()),
        ("made", number.clone()),
        ("bytes", number.clone()),
        ("file_bytes", number.clone()),
        ("operators", objects.clone()),
        ("sources", objects.clone()),
        ("tables", objects.clone()),
        ("letters", number.clone()),
        ("modules", objects.clone()),
    ]);
    let new_savepoint = object(&[
        ("name", text.clone()),
        ("epoch", json!({ "anyOf": [number, { "const": "last" }, { "type": "null" }] })),
    ]);
    let restore = object(&[
        ("renames", json!({ "type": "object", "additionalProperties": text })),
        ("drops", texts.clone()),
        ("dry_run", flag.clone()),
    ]);
    let restored = object(&[
        ("savepoint", text.clone()),
        ("job", text.clone()),
        ("epoch", number.clone()),
        ("operators", objects.clone()),
        ("restored", flag.clone()),
        ("checkpoint", maybe(&text)),
    ]);
    let state_tables = of_state(&[("operators", objects.clone())]);
    let state_rows = of_state(&[("operator", text.clone()), ("tables", objects.clone())]);
    let line = object(&[
        ("number", number.clone()),
        ("at", number),
        ("level", text.clone()),
        ("from", maybe(&text)),
        ("message", text.clone()),
    ]);
    let error = object(&[
        ("code", text.clone()),
        ("message", text.clone()),
        ("help", maybe(&text)),
        ("causes", texts),
        ("errors", json!({ "type": "array", "items": { "type": "object" } })),
    ]);
    json!({
        "Module": module,
        "Modules": object(&[("modules", list_of("Module"))]),
        "Tag": object(&[("tag", text.clone())]),
        "Job": job,
        "Jobs": object(&[("jobs", list_of("Job")), ("damaged", json!({ "type": "object" }))]),
        "Submission": submission,
        "Revision": revision,
        "Revisions": object(&[("job", text.clone()), ("revisions", list_of("Revision"))]),
        "Swap": swap,
        "Promote": promote,
        "Changed": changed,
        "Shadows": shadows,
        "Apply": apply,
        "Applied": applied,
        "Rows": rows,
        "Letter": letter,
        "Letters": object(&[("total", total), ("letters", list_of("Letter"))]),
        "ChosenLetters": chosen,
        "AskedLetters": asked,
        "TriedLetters": tried,
        "LetterTrials": trials,
        "Replay": replay,
        "Replayed": replayed,
        "Verify": verify,
        "Verified": verified,
        "Bundle": bundle,
        "Trace": trace,
        "Traced": traced,
        "Savepoint": savepoint,
        "Savepoints": object(&[("savepoints", objects.clone())]),
        "NewSavepoint": new_savepoint,
        "Restore": restore,
        "Restored": restored,
        "StateQuestion": state_question,
        "StateTables": state_tables,
        "StateRows": state_rows,
        "Line": line,
        "Logs": object(&[("job", text.clone()), ("lines", list_of("Line"))]),
        "Reason": object(&[("code", text.clone()), ("message", text)]),
        "Error": error,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_in_the_document_once() {
        let routes = routes::table();
        let document = to_json(&routes);
        let paths = document["paths"].as_object().expect("paths");
        let documented: BTreeSet<String> = paths
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().expect("methods").keys().map(move |m| format!("{m} {path}"))
            })
            .collect();
        let routed: BTreeSet<String> =
            routes.iter().map(|route| format!("{} {}", route.method.as_str().to_lowercase(), route.path)).collect();
        assert_eq!(documented, routed);
        assert_eq!(routed.len(), routes.len(), "no route is there twice");
    }

    #[test]
    fn every_schema_that_is_named_is_there() {
        let document = to_json(&routes::table());
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_changes_something_takes_more_than_the_role_read() {
        for route in routes::table() {
            let changes = route.method != axum::http::Method::GET;
            let may_read = route.needs.is_none_or(|role| role == crate::control::tokens::Role::Read);
            assert_ne!(changes, may_read, "{} {}", route.method, route.path);
        }
    }
}
