//! An endpoint that hangs, or fails, beside a job that is well: in one engine.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    place::{Job, Place, Said},
    server::Endpoint,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// It is killed in the end.
struct Engine<'a> {
    place: &'a Place,
    process: Child,
    url: String,
}

impl<'a> Engine<'a> {
    fn new(place: &'a Place) -> Self {
        let mut process = place
            .command(&["serve", "--data", "data", "--listen", "127.0.0.1:0", "--output", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { place, process, url: said["url"].as_str().unwrap().to_owned() }
    }

    fn pelton(&self, args: &[&str]) -> Said {
        self.place.command(args).env("PELTON_ENGINE", &self.url).output().unwrap().into()
    }

    fn state(&self, job: &str) -> String {
        let said = self.pelton(&["job", "show", job, "--output", "json"]).done().json();
        said["state"].as_str().unwrap().to_owned()
    }

    fn until(&self, job: &str, state: &str) -> Duration {
        let begun = Instant::now();
        while self.state(job) != state {
            assert!(begun.elapsed() < PATIENCE, "{job} is {} and not {state}", self.state(job));
            thread::sleep(Duration::from_millis(20));
        }
        begun.elapsed()
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The job file of the place, for an engine: with absolute paths, and another name.
fn absolute(place: &Place, name: &str) -> String {
    let path = place.path().display().to_string();
    let text = std::fs::read_to_string(place.path().join("job.toml")).unwrap();
    let text =
        text.replace("\"in/*.csv\"", &format!("\"{path}/in/*.csv\"")).replace("\"asking\"", &format!("\"{name}\""));
    let text = text.replace("path = \"out\"", &format!("path = \"{path}/{name}-out\""));
    let text = text.replace("path = \"refused\"", &format!("path = \"{path}/{name}-refused\""));
    text.replace("if-exists = \"replace\"\n", "")
}

#[test]
fn a_job_that_runs_asks_more_only_if_somebody_approves() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/eur"]);
    place.job(&Job::new(&endpoint));
    let narrow =
        absolute(&place, "asking").replace("format = \"csv\"\nschema", "format = \"csv\"\nwatch = \"50ms\"\nschema");
    assert!(narrow.contains("watch"), "{narrow}");
    let wide = narrow.replace("endpoints = [\"rates\"]", "endpoints = [\"rates\", \"geo\"]");
    let wide = wide
        .replace("[endpoint.rates]", &format!("[endpoint.geo]\nurl = \"{}/geo\"\n\n[endpoint.rates]", endpoint.url));
    let elsewhere = narrow.replace("/v1\"", "/v2\"");
    place.write("narrow.toml", narrow);
    place.write("wide.toml", wide);
    place.write("elsewhere.toml", elsewhere);
    let engine = Engine::new(&place);
    engine.pelton(&["job", "submit", "narrow.toml"]).done();
    engine.until("asking", "running");
    for (file, what) in [("wide.toml", "may ask endpoint `geo` at"), ("elsewhere.toml", "may ask endpoint `rates` at")]
    {
        let refused = engine.pelton(&["job", "apply", file]);
        assert!(refused.code != Some(0) && refused.flat().contains(what), "{refused:?}");
        assert!(refused.flat().contains("--approve-endpoints"), "{refused:?}");
    }
    let planned = engine.pelton(&["job", "apply", "wide.toml", "--dry-run"]).done();
    assert!(planned.flat().contains("geo ("), "{planned:?}");
    engine.pelton(&["job", "apply", "wide.toml", "--approve-endpoints"]).done();
    // Less needs no word.
    engine.pelton(&["job", "apply", "narrow.toml"]).done();
}

#[test]
fn an_endpoint_that_hangs_delays_its_own_job_alone() {
    let (endpoint, place) = (Endpoint::new(), Place::new());
    place.rows(0, &["/hang/1", "/hang/2", "/hang/3"]);
    place.job(&Job { of_endpoint: "timeout = \"30s\"\nretries = 0\n", ..Job::new(&endpoint) });
    place.write("ill.toml", absolute(&place, "ill"));
    place.write("well.toml", absolute(&place, "well").replace("/in/*.csv", "/well/*.csv"));
    place.write("well/1.csv", "1,/eur\n2,/usd\n");
    let engine = Engine::new(&place);
    engine.pelton(&["job", "submit", "ill.toml"]).done();
    let begun = Instant::now();
    while endpoint.count() < 3 {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(10));
    }
    engine.pelton(&["job", "submit", "well.toml"]).done();
    let took = engine.until("well", "finished");
    assert!(took < Duration::from_secs(15), "it waited {took:?} for its neighbour");
    assert_eq!(engine.state("ill"), "running");
    assert_eq!(place.out("well-out").len(), 2);
}
