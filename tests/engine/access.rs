//! Whom the engine lets in: every route with no token, a wrong one, one whose role is too low, one that is enough; malformed and
//! oversized requests; other hosts' names.

use super::{
    jobs::drops,
    served::{Answer, Place, Served},
};

/// Every route of the engine's own document: method, path with names filled in, the role that it takes.
fn routes(engine: &Served<'_>) -> Vec<(String, String, Option<String>)> {
    let document = engine.get("/openapi.json").json();
    let paths = document["paths"].as_object().expect("paths");
    let mut routes = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            let described = operation["description"].as_str().unwrap_or_default();
            let role = described.strip_prefix("Takes the role ").map(|role| role.trim_end_matches('.').to_owned());
            assert_eq!(role.is_none(), operation["security"].as_array().unwrap().is_empty(), "{path}");
            let filled = path.replace("{module}", "work@1").replace("{job}", "nobody").replace("{letter}", "1.0");
            let filled = filled.replace("{savepoint}", "before");
            let filled = filled.replace("{operator}", "work");
            routes.push((method.to_uppercase(), filled, role));
        }
    }
    assert!(routes.len() > 15, "only {} routes", routes.len());
    routes
}

fn with(engine: &Served<'_>, token: &str, method: &str, path: &str, body: &[u8]) -> Answer {
    engine.ask(method, path, &[("Authorization", &format!("Bearer {token}"))], body)
}

#[test]
fn every_route_takes_its_role_and_no_less() {
    let place = Place::new();
    let engine = place.serve();
    let create = |role: &str| {
        place.pelton(&["token", "create", role, "--role", role, "--data", "data"]).done().out.trim().to_owned()
    };
    let tokens = ["read", "operate", "admin"].map(|role| (role, create(role)));
    for (method, path, role) in routes(&engine) {
        let what = format!("{method} {path}");
        let none = engine.ask(&method, &path, &[], b"");
        let Some(role) = role else {
            assert_eq!(none.status, 200, "{what} is for everybody");
            continue;
        };
        assert_eq!((none.status, none.code().as_str()), (401, "PELTON-0802"), "{what}");
        for wrong in ["", "x", "pelton_00", &tokens[2].1[..40], &format!("{}0", tokens[2].1)] {
            let answer = with(&engine, wrong, &method, &path, b"");
            assert_eq!((answer.status, answer.code().as_str()), (401, "PELTON-0802"), "{what} with `{wrong}`");
        }
        let basic = engine.ask(&method, &path, &[("Authorization", &format!("Basic {}", tokens[2].1))], b"");
        assert_eq!(basic.status, 401, "{what}");
        let needed = tokens.iter().position(|(known, _)| *known == role).expect("a role");
        for (rank, (_, token)) in tokens.iter().enumerate() {
            let answer = with(&engine, token, &method, &path, b"");
            assert!(answer.status < 500, "{what}: {answer:?}");
            assert_eq!(answer.status == 403, rank < needed, "{what} as {}: {answer:?}", tokens[rank].0);
        }
    }
    for path in ["/nothing", "/v1", "/v1/jobs/a/b/c", "/v1/../etc/passwd"] {
        assert_eq!(engine.get(path).status, 401, "who has no token is told nothing: {path}");
        assert_eq!(with(&engine, &tokens[0].1, "GET", path, b"").code(), "PELTON-0804", "{path}");
    }
    place.pelton(&["token", "revoke", "admin", "--data", "data"]).done();
    assert_eq!(with(&engine, &tokens[2].1, "GET", "/v1/jobs", b"").status, 401, "a revoked token is gone at once");
    let listed = place.pelton(&["token", "list", "--data", "data"]).done().out;
    assert!(listed.contains("operate") && !listed.contains("pelton_"), "{listed}");
    assert!(!std::fs::read_to_string(place.path().join("data/tokens")).unwrap().contains("pelton_"));
}

#[test]
fn commands_carry_their_token() {
    let place = Place::new();
    let module = place.write("drops.wat", drops());
    let mut engine = place.serve();
    let token = place.pelton(&["token", "create", "ci", "--role", "operate", "--data", "data"]).done().out;
    let push = ["module", "push", module.to_str().unwrap(), "--name", "work", "--version", "1"];
    let said = engine.pelton(&push).refused(3, "PELTON-0802");
    assert!(said.err.contains("PELTON_TOKEN"), "{said:?}");
    engine.token = Some(token.trim().to_owned());
    engine.pelton(&push).done();
    assert_eq!(engine.json(&["module", "show", "work@1"])["pushed_by"], "ci");
    engine.pelton(&["module", "remove", "work@1"]).refused(3, "PELTON-0803");
    let config = engine.pelton(&["config"]).done().out;
    assert!(config.contains("(set)") && !config.contains("pelton_"), "{config}");
}

#[test]
fn malformed_requests_get_clean_answers() {
    let place = Place::new();
    let engine = place.serve();
    let name = "x".repeat(5_000);
    let cases: Vec<(&str, String, &[u8], u16, &str)> = vec![
        ("POST", "/v1/jobs".into(), b"", 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), b"{", 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), b"\xff\xfe", 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), b"[]", 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), br#"{"text": 5}"#, 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), br#"{"text": "", "what": 1}"#, 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), br#"{"text": "", "pins": {"a": "b"}}"#, 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), br#"{"text": "", "file": "../a"}"#, 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), br#"{"text": "", "directory": "a"}"#, 400, "PELTON-0806"),
        ("POST", "/v1/jobs".into(), br#"{"text": ""}"#, 422, "PELTON-0103"),
        ("POST", "/v1/jobs".into(), br#"{"text": "a = "}"#, 422, "PELTON-0101"),
        ("POST", "/v1/modules".into(), b"", 422, "PELTON-0302"),
        ("POST", "/v1/modules?tag=a".into(), b"", 400, "PELTON-0806"),
        ("POST", "/v1/modules?tag=a%401&digest=5".into(), b"", 400, "PELTON-0806"),
        ("POST", format!("/v1/modules?digest={}", "0".repeat(64)), b"(module)", 400, "PELTON-0806"),
        ("POST", "/v1/modules?what=1".into(), b"", 400, "PELTON-0806"),
        ("GET", "/v1/modules/%FF%FE".into(), b"", 400, "PELTON-0806"),
        ("GET", "/v1/modules/..%2F..%2Flock".into(), b"", 404, "PELTON-0804"),
        ("GET", "/v1/modules/..%2F..%2Flock/content".into(), b"", 404, "PELTON-0804"),
        ("GET", format!("/v1/jobs/{name}"), b"", 404, "PELTON-0804"),
        ("GET", "/v1/jobs/a/logs?limit=-1".into(), b"", 400, "PELTON-0806"),
        ("GET", "/v1/jobs/a/logs?level=loud".into(), b"", 400, "PELTON-0806"),
        ("DELETE", "/v1/jobs".into(), b"", 405, "PELTON-0806"),
        ("PUT", "/v1/modules".into(), b"", 405, "PELTON-0806"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = engine.ask(method, &path, &[], body);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}: {answer:?}");
        let json = answer.json();
        assert!(json["message"].as_str().is_some_and(|message| message.len() < 2_000), "{json}");
    }
    assert_eq!(engine.get("/ping").status, 200, "it goes on");
}

#[test]
fn oversized_requests_are_not_read() {
    let place = Place::new();
    let engine = place.serve();
    let large = vec![b' '; (16 << 20) + 1];
    let answer = engine.ask("POST", "/v1/jobs", &[], &large);
    assert_eq!((answer.status, answer.code().as_str()), (413, "PELTON-0807"));
    let answer = engine.ask("POST", "/v1/modules/work@1/tags", &[], &large[..(64 << 10) + 1]);
    assert_eq!((answer.status, answer.code().as_str()), (413, "PELTON-0807"));
    let text = format!("name = \"{}\"", "x".repeat(5 << 20));
    let body = serde_json::json!({ "text": text }).to_string();
    let answer = engine.ask("POST", "/v1/jobs", &[], body.as_bytes());
    assert!(matches!(answer.status, 400 | 422), "{answer:?}");
    assert_eq!(engine.get("/ping").status, 200);
}

#[test]
fn pages_of_other_sites_do_not_get_in() {
    let place = Place::new();
    let engine = place.serve();
    for headers in [
        &[("Host", "evil.example:7117")][..],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Host", "localhost"), ("Origin", "http://localhost.evil.example")],
    ] {
        for (method, path) in [("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", "/"), ("GET", "/nothing")] {
            let answer = engine.ask(method, path, headers, b"");
            assert_eq!((answer.status, answer.code().as_str()), (403, "PELTON-0803"), "{method} {path} {headers:?}");
        }
    }
    assert_eq!(
        engine.ask("GET", "/v1/jobs", &[("Host", "localhost:9"), ("Origin", "http://localhost:9")], b"").status,
        200
    );
    let page = engine.get("/");
    assert!(page.status == 200 && page.body.starts_with(b"<!doctype html>"));
}

#[test]
fn a_large_upload_that_is_refused_says_why() {
    let place = Place::new();
    place.write("large.wasm", [b"\0asm\x01\0\0\0".as_slice(), &vec![0; 48 << 20]].concat());
    let mut engine = place.serve();
    let read = place.pelton(&["token", "create", "read", "--role", "read", "--data", "data"]).done().out;
    engine.token = Some("pelton_00".into());
    engine.pelton(&["module", "push", "large.wasm"]).refused(3, "PELTON-0802");
    engine.token = Some(read.trim().into());
    engine.pelton(&["module", "push", "large.wasm"]).refused(3, "PELTON-0803");
}
