//! OpenTelemetry: a collector that only listens is sent a trace of each epoch, by `pelton run` and by the engine.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::{
    jobs::{made, with_module},
    served::Place,
    zoo::guest::Guest,
};

/// What a collector has been sent: path, media type, body.
type Posted = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

/// A collector on a free port, which takes everything.
fn collector() -> (String, Posted) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let posted = Posted::default();
    let to = Arc::clone(&posted);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let to = Arc::clone(&to);
            thread::spawn(move || take(stream.unwrap(), &to));
        }
    });
    (url, posted)
}

fn take(stream: TcpStream, to: &Posted) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let (mut path, mut kind, mut length) = (String::new(), String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                None => path = line.split(' ').nth(1).unwrap_or_default().to_owned(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-type") => kind = value.to_owned(),
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        to.lock().unwrap().push((path, kind, body));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        if writer.write_all(answer).is_err() {
            return;
        }
    }
}

/// How often a text stands in what was sent: names are text in the messages too.
fn told(posted: &Posted, text: &str) -> usize {
    let posted = posted.lock().unwrap();
    posted.iter().map(|(_, _, body)| body.windows(text.len()).filter(|at| *at == text.as_bytes()).count()).sum()
}

#[test]
fn each_epoch_is_a_trace() {
    let place = Place::new();
    let (url, posted) = collector();
    place.write("made.toml", made("made", 50_000, Some(20_000), "out"));
    let mut run = place.command(&["run", "made.toml", "--output", "json"]);
    let run = run.env("OTEL_EXPORTER_OTLP_ENDPOINT", &url).output().unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{said} {}", String::from_utf8_lossy(&run.stderr));
    let epochs = said.lines().filter(|line| line.contains("\"event\":\"progress\"")).count();
    assert!(epochs > 0, "{said}");
    for line in said.lines().filter(|line| line.contains("\"event\":\"progress\"")) {
        let timing = serde_json::from_str::<serde_json::Value>(line).unwrap()["timing"].clone();
        let stretch = |name: &str| timing[format!("{name}_ms")].as_f64().unwrap();
        let parts: f64 = ["batching", "scheduling", "processing", "committing"].map(stretch).iter().sum();
        assert!(stretch("delay") > 0.0 && (stretch("delay") - parts).abs() < 0.01, "{timing}");
    }
    for (path, kind, _) in posted.lock().unwrap().iter() {
        assert_eq!((path.as_str(), kind.as_str()), ("/v1/traces", "application/x-protobuf"));
    }
    assert_eq!(told(&posted, "pelton.rows_in"), epochs, "one trace for each epoch, all of them sent before the end");
    assert_eq!(told(&posted, "pelton.operator.hours.busy_ms"), epochs);
    for span in ["batch", "schedule", "process", "commit"] {
        assert!(told(&posted, span) >= epochs, "{span}");
    }
    assert!(told(&posted, "service.name") > 0 && told(&posted, "pelton.job") == epochs);
}

#[test]
fn an_engine_tells_of_its_jobs_and_of_what_fails() {
    let place = Place::new();
    let (url, posted) = collector();
    place.write("made.toml", made("made", 5_000, None, "out"));
    place.write("bad.wat", Guest::processing("unreachable".to_owned()).text());
    place.write("fails.toml", with_module("fails", "bad.wat", ""));
    let engine = place.serve_under(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{url}/spans")),
        ("OTEL_SERVICE_NAME", "prices"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ]);
    engine.pelton(&["job", "submit", "made.toml"]).done();
    let job = engine.until_that("made", "at work", |job| job["figures"]["epochs"].as_u64() > Some(3));
    assert!(job["figures"]["timing"]["delay_seconds"].as_f64() > Some(0.0), "{job}");
    let shown = engine.pelton(&["job", "show", "made"]).done().out;
    assert!(shown.contains("from the last epoch's first row to its commit"), "{shown}");
    let metrics = String::from_utf8(engine.get("/metrics").body).unwrap();
    assert!(metrics.contains("pelton_job_epoch_delay_seconds{job=\"made\"} "), "{metrics}");
    engine.pelton(&["job", "submit", "fails.toml"]).done();
    engine.until("fails", "paused");
    engine.pelton(&["job", "stop", "made"]).done();
    let epochs = engine.job("made")["figures"]["epochs"].as_u64().unwrap();
    assert!(engine.terminate().success());
    assert_eq!(told(&posted, "pelton.rows_in") as u64, epochs, "the last ones are sent before the end");
    assert!(told(&posted, "failure") == 1 && told(&posted, "PELTON-0307") == 1, "a trap is told of");
    assert!(told(&posted, "prices") > 0, "the name of the service is the one that was given");
    assert!(posted.lock().unwrap().iter().all(|(path, _, _)| path == "/spans"));
}

#[test]
fn a_protocol_that_is_not_spoken_and_a_collector_that_is_away() {
    let place = Place::new();
    place.write("made.toml", made("made", 50_000, Some(20_000), "out"));
    let run = |variables: &[(&str, &str)]| {
        let _ = std::fs::remove_dir_all(place.path().join("out"));
        place.command(&["run", "made.toml"]).envs(variables.iter().copied()).output().unwrap()
    };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let refused = run(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("`grpc`") && said.contains("http/protobuf"), "{said}");
    let done = run(&[endpoint]);
    assert!(done.status.success(), "whoever looks on stops no job: {}", String::from_utf8_lossy(&done.stderr));
}
