//! Sources that listen, in jobs of an engine: rows are posted while the job is swapped, paused, killed and drained.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::served::{Place, Served};

fn job(address: SocketAddr) -> String {
    format!(
        r#"
name = "posted"
batch = {{ interval = "5ms" }}

[source.posted]
type = "http"
listen = "{address}"
format = "csv"
schema = {{ x = "s64" }}

[operator.mark]
input = "posted"
module = "std:select"
options = {{ columns = {{ x = "x", version = "0" }} }}

[sink.out]
input = "mark"
type = "file"
path = "out"
format = "csv"
"#
    )
}

/// Whether a row was taken.
fn post(address: SocketAddr, number: u64) -> bool {
    let body = format!("{number}\n");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let attempt = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    attempt().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn rows(place: &Place) -> Vec<(u64, u64)> {
    let text: Vec<u8> = place.parts("out").into_values().flatten().collect();
    let text = String::from_utf8(text).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let row = |line: &str| {
        let (x, version) = line.split_once(',').unwrap();
        (x.parse().unwrap(), version.parse().unwrap())
    };
    whole.lines().map(row).collect()
}

fn until_closed(address: SocketAddr) {
    let ends = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < ends, "somebody still listens");
        thread::sleep(Duration::from_millis(5));
    }
}

fn swap(engine: &Served<'_>, version: u32) {
    let options = format!("columns={{\"x\":\"x\",\"version\":\"{version}\"}}");
    engine.pelton(&["swap", "posted", "mark", "std:select", "--option", &options, "--watch", "0s"]).done();
}

#[test]
fn rows_are_posted_to_a_job_that_is_swapped_paused_killed_and_drained() {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).unwrap();
    let place = Place::new();
    place.write("job.toml", job(address));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until("posted", "running");
    let stop = Arc::new(AtomicBool::new(false));
    let poster = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let mut answered = Vec::new();
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                match post(address, number) {
                    true => answered.push(number),
                    false => thread::sleep(Duration::from_millis(5)),
                }
            }
            answered
        })
    };
    let grows = |by: usize| {
        let (before, ends) = (rows(&place).len(), Instant::now() + Duration::from_secs(30));
        while rows(&place).len() < before + by {
            assert!(Instant::now() < ends, "no more rows after {before}");
            thread::sleep(Duration::from_millis(10));
        }
    };
    grows(10);
    for version in 1..4 {
        swap(&engine, version);
        grows(10);
    }
    engine.pelton(&["job", "pause", "posted"]).done();
    until_closed(address);
    engine.pelton(&["job", "resume", "posted"]).done();
    grows(10);
    engine.kill();
    let engine = place.serve();
    grows(10);
    engine.pelton(&["job", "drain", "posted"]).done();
    engine.until("posted", "finished");
    stop.store(true, Ordering::Relaxed);
    let answered = poster.join().unwrap();
    until_closed(address);

    let found = rows(&place);
    let numbers: Vec<u64> = found.iter().map(|(x, _)| *x).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "each is there once, in the order in which it was posted");
    let missing: Vec<_> = answered.iter().filter(|number| numbers.binary_search(number).is_err()).collect();
    assert!(missing.is_empty(), "answered, and not there: {missing:?}");
    assert!(
        found.iter().map(|(_, version)| version).is_sorted() && found.last().map(|(_, version)| *version) == Some(3)
    );
}

#[test]
fn warnings_of_sources_and_tables_are_in_the_log_of_their_job() {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).unwrap();
    let place = Place::new();
    let replace = |text: &str| {
        let new = place.write("codes.new", text);
        fs::rename(new, place.path().join("codes.csv")).unwrap();
    };
    replace("1,one\n");
    let table = "[table.codes]\npath = \"codes.csv\"\nschema = { x = \"s64\", name = \"utf8\" }";
    let lookup = "join = { type = \"left\", left = \"posted\", right = \"codes\", on = [\"x\"] }";
    let module = "input = \"posted\"\nmodule = \"std:select\"\noptions = { columns = { x = \"x\", version = \"0\" } }";
    let text = job(address).replace("type = \"http\"", "type = \"socket\"").replace(module, lookup);
    place.write("job.toml", format!("{text}\n{table}\n"));
    let engine = place.serve();
    engine.pelton(&["job", "submit", "job.toml"]).done();
    engine.until("posted", "running");
    let send = |text: &str| {
        let ends = Instant::now() + Duration::from_secs(30);
        // A job that runs may not listen yet.
        let mut stream = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < ends, "{error}"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        stream.write_all(text.as_bytes()).unwrap();
    };
    let until_logged = |what: &str| {
        let ends = Instant::now() + Duration::from_secs(30);
        loop {
            let logged = engine.pelton(&["logs", "posted", "--level", "warn"]).done().out;
            if logged.contains(what) {
                return;
            }
            assert!(Instant::now() < ends, "nobody says `{what}`: {logged}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    send("1\n2");
    until_logged(&format!("WARN {address}: a connection ended within a row, which is dropped (peer="));
    replace("1,one,and more\n");
    send("3\n");
    until_logged("table `codes` has changed, but cannot be loaded");
    fs::remove_file(place.path().join("codes.csv")).unwrap();
    send("4\n");
    until_logged("table `codes` cannot be found any more");
    // What the engine says on its standard error names the job.
    let said = fs::read_to_string(place.path().join("engine.log")).unwrap();
    let torn = said.lines().find(|line| line.contains("ended within a row")).expect("a line");
    assert!(torn.contains("\"job\":\"posted\""), "{torn}");
}
