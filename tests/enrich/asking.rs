//! What reaches the endpoint, and what of it rows are told.

use std::time::Instant;

use super::{
    place::{Job, Place},
    server::{Endpoint, SLOW},
};

#[test]
fn rows_are_told_what_they_ask_and_equal_requests_are_sent_once() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/eur", "usd", "/eur", "", "/gone", "?day=1"]);
    place.job(&Job::new(&endpoint));
    let said = place.run().done();
    assert_eq!(
        place.out("out"),
        [
            "0,200,/v1/eur for the 1. time",
            "1,200,/v1/usd for the 1. time",
            "2,200,/v1/eur for the 1. time",
            "3,-1,",
            "5,200,/v1?day=1 for the 1. time"
        ],
        "{said:?}"
    );
    assert_eq!(place.out("refused"), ["4,/gone,there is no /gone"]);
    let counts: Vec<_> = endpoint.counts().into_iter().collect();
    let once = ["/v1/eur", "/v1/gone", "/v1/usd", "/v1?day=1"].map(|path| (path.to_owned(), 1));
    assert_eq!(counts, once);
}

#[test]
fn many_are_under_way_at_once_but_no_more_than_the_endpoint_allows() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    let paths: Vec<String> = (0..24).map(|at| format!("/slow/{at}")).collect();
    place.rows(0, &paths.iter().map(String::as_str).collect::<Vec<_>>());
    place.job(&Job { of_endpoint: "concurrency = 8\n", ..Job::new(&endpoint) });
    let begun = Instant::now();
    place.run().done();
    assert_eq!((place.out("out").len(), endpoint.count(), endpoint.at_once_max()), (24, 24, 8));
    assert!(begun.elapsed() < SLOW * 12, "one after the other it would take {:?}", SLOW * 24);
}

#[test]
fn bodies_and_headers_reach_the_endpoint() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/echo"]);
    place.job(&Job {
        of_endpoint: "headers = { accept = \"text/plain\" }\n",
        of_operator: "options = { body = \"which one?\", header = \"x-module\", bytes = 10000 }\n",
        ..Job::new(&endpoint)
    });
    place.run().done();
    let request = &endpoint.requests()[0];
    assert!(request.starts_with("POST /v1/echo HTTP/1.1\r\n") && request.ends_with("\r\n\r\nwhich one?"), "{request}");
    for header in
        ["accept: text/plain\r\n", "x-module: from-a-module\r\n", "content-length: 10\r\n", "user-agent: pelton/"]
    {
        assert!(request.contains(header), "{header}: {request}");
    }
    assert!(place.out("out")[0].contains("x-module: from-a-module"), "the reply is the module's");
}

#[test]
fn redirects_are_not_followed() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/moved"]);
    place.job(&Job::new(&endpoint));
    place.run().done();
    assert_eq!((place.out("out"), endpoint.count()), (vec!["0,302,".to_owned()], 1));
}

#[test]
fn a_path_that_would_leave_the_endpoint_is_never_sent() {
    for path in
        ["/../admin", "/%2e%2e/admin", "//evil.example/", "http://evil.example/", "/a b", "/a\tb", "/..%2fadmin"]
    {
        let (endpoint, place) = (Endpoint::new(), Place::new());
        place.rows(0, &["/fine", path]);
        place.job(&Job::new(&endpoint));
        let said = place.run().refused(1, "PELTON-0309");
        assert!(said.flat().contains("request 1: its path `"), "{path}: {}", said.err);
        assert_eq!(endpoint.count(), 0, "nothing of such a call is sent: {path}");
    }
}

#[test]
fn what_a_module_may_not_ask_is_named() {
    for (options, why) in [
        ("options = { endpoint = \"geo\" }", "may not ask the endpoint `geo`; it may ask `rates`"),
        ("options = { header = \"host\" }", "header `host` is set by Pelton alone"),
        ("options = { header = \"X-Own\" }", "header `x-own` is set by the job file"),
        ("limits = { requests = 1 }", "hit its limit `requests` = 1 in `ask`"),
        ("limits = { request-bytes = 10 }", "hit its limit `request-bytes` = 10B in `ask`"),
        ("limits = { reply-bytes = 10 }", "hit its limit `reply-bytes` = 10B"),
    ] {
        let (endpoint, place) = (Endpoint::new(), Place::new());
        place.rows(0, &["/a", "/b"]);
        place.job(&Job { of_operator: options, of_endpoint: "headers = { x-own = \"1\" }\n", ..Job::new(&endpoint) });
        let said = place.run().refused(1, why);
        assert!(options.contains("reply-bytes") || endpoint.count() == 0, "{said:?}");
    }
}

#[test]
fn a_module_that_asks_names_whom_and_others_name_nobody() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/a"]);
    place.job(&Job::new(&endpoint));
    let text = std::fs::read_to_string(place.path().join("job.toml")).unwrap();
    let lint = |from: &str, to: &str, said: &str| {
        place.write("job.toml", text.replace(from, to));
        place.pelton(&["lint", "job.toml"]).refused(2, said);
    };
    lint("endpoints = [\"rates\"]", "endpoints = [\"rate\"]", "did you mean `rates`?");
    lint("endpoints = [\"rates\"]", "", "nothing may ask endpoint `rates`");
    let module = text.lines().find(|line| line.starts_with("module")).unwrap();
    lint(module, "module = \"std:filter(true)\"", "its module is a transform, which asks nobody");
    place.write("job.toml", &text);
    let plan = place.pelton(&["plan", "job.toml"]).done().out;
    assert!(
        plan.contains("endpoint rates") && plan.contains(&format!("{}/v1 within 10s, 16 at once", endpoint.url)),
        "{plan}"
    );
    assert_eq!(endpoint.count(), 0, "a plan asks nobody");
    let module = module.trim_start_matches("module = \"").trim_end_matches('"');
    let inspected = place.pelton(&["inspect", module, "--columns", "id: s64, path: utf8"]).done().out;
    assert!(inspected.starts_with("kind       enrich\n"), "{inspected}");
}
