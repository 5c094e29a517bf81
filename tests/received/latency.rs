//! How long a row takes from a socket to a file, exactly once, when rows come at a rate that does not wait for anybody.
//!
//! `make bench-latency` runs it. First as many rows as go in are sent, which shows the rate that the job can bear; then half of that rate is held for some
//! seconds. Each row carries the instant at which it *should* have been sent, and is seen when it stands in the file behind its commit; so a
//! sender that was held up counts against the job, not for it.

use std::{
    env,
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::place::{PATIENCE, Place, Run, free, reachable};

/// Rows that are due are sent this often.
const TICK: Duration = Duration::from_millis(1);
/// How often the file is looked at.
const LOOK: Duration = Duration::from_micros(300);

fn seconds() -> u64 {
    env::var("LATENCY_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(1)
}

fn job(address: SocketAddr) -> String {
    format!(
        r#"
name = "latency"
checkpoint = "state"
batch = {{ interval = "0s" }}

[source.in]
type = "socket"
listen = "{address}"
format = "csv"
schema = {{ due = "s64", user = "utf8", price = "f64", page = "utf8" }}

[operator.kept]
input = "in"
module = "std:filter"
options = {{ where = "price > 1.0" }}

[sink.out]
input = "kept"
type = "file"
path = "out"
format = "csv"
"#
    )
}

fn row(out: &mut Vec<u8>, due: u64) {
    writeln!(out, "{due},user-{},{}.25,/a/page/of/some/length?id={}", due % 1000, 2 + due % 90, due % 77).unwrap();
}

/// Reads the parts of a sink as they grow.
struct Tail<'a> {
    folder: &'a Path,
    part: usize,
    file: Option<File>,
    rest: Vec<u8>,
    block: Vec<u8>,
}

impl<'a> Tail<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, part: 0, file: None, rest: Vec::new(), block: vec![0; 1 << 20] }
    }

    /// The instants at which rows were due that have come since the last look.
    fn look(&mut self, mut seen: impl FnMut(u64)) {
        let path = |part: usize| self.folder.join(format!("part-{part:05}.csv"));
        if self.file.is_none() {
            self.file = File::open(path(self.part)).ok();
        }
        let Some(file) = &mut self.file else { return };
        loop {
            let count = file.read(&mut self.block).unwrap();
            if count == 0 {
                break;
            }
            self.rest.extend_from_slice(&self.block[..count]);
        }
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in self.rest[..end].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let due = line.split(|byte| *byte == b',').next().unwrap();
            seen(std::str::from_utf8(due).unwrap().parse().unwrap());
        }
        self.rest.drain(..end);
        if path(self.part + 1).exists() && self.rest.is_empty() {
            self.part += 1;
            self.file = None;
        }
    }
}

fn start() -> (Place, Run, TcpStream) {
    let address = free();
    let place = Place::new(&job(address));
    let run = place.run(None);
    reachable(address);
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    (place, run, stream)
}

/// Rows a second that come out when as many go in as will.
fn capacity() -> f64 {
    let (place, run, mut stream) = start();
    let begun = Instant::now();
    let sender = thread::spawn(move || {
        let (mut sent, mut block) = (0_u64, Vec::new());
        while begun.elapsed() < Duration::from_secs(2) {
            block.clear();
            (sent..sent + 1000).for_each(|due| row(&mut block, due));
            sent += 1000;
            stream.write_all(&block).unwrap();
        }
        sent
    });
    let out = place.path().join("out");
    let (mut tail, mut rows) = (Tail::new(&out), 0_u64);
    while !sender.is_finished() {
        tail.look(|_| rows += 1);
        thread::sleep(LOOK);
    }
    let sent = sender.join().unwrap();
    while rows < sent {
        assert!(begun.elapsed() < PATIENCE, "{rows} of {sent} rows");
        tail.look(|_| rows += 1);
        thread::sleep(LOOK);
    }
    let rate = sent as f64 / begun.elapsed().as_secs_f64();
    run.stop();
    rate
}

/// Latencies in µs, sorted, of rows that are due at this rate.
fn at(rate: f64) -> Vec<u64> {
    let (place, run, mut stream) = start();
    let lasts = Duration::from_secs(seconds());
    let total = (rate * lasts.as_secs_f64()) as u64;
    // Time to have everything compiled and opened.
    let begun = Instant::now() + Duration::from_millis(200);
    let us = move || begun.elapsed().as_micros() as u64;
    let sender = thread::spawn(move || {
        let mut sent = 0_u64;
        let mut block = Vec::new();
        while sent < total {
            let due = ((begun.elapsed().as_secs_f64() * rate) as u64).min(total);
            block.clear();
            (sent..due).for_each(|number| row(&mut block, (number as f64 / rate * 1e6) as u64));
            sent = sent.max(due);
            stream.write_all(&block).unwrap();
            thread::sleep(TICK);
        }
    });
    let out = place.path().join("out");
    let (mut tail, mut latencies) = (Tail::new(&out), Vec::with_capacity(total as usize));
    let ends = Instant::now() + lasts + PATIENCE;
    while (latencies.len() as u64) < total {
        assert!(Instant::now() < ends, "{} of {total} rows", latencies.len());
        let now = us();
        tail.look(|due| latencies.push(now.saturating_sub(due)));
        thread::sleep(LOOK);
    }
    sender.join().unwrap();
    run.stop();
    latencies.sort_unstable();
    latencies
}

/// The short form sends few rows, and holds them to a bound that a busy machine keeps, at one of three tries; the long one, with
/// LATENCY_SECONDS, measures.
#[test]
fn rows_soon_stand_in_the_file() {
    let few = ("1,000 rows/s", 1000.0);
    let rates = if env::var_os("LATENCY_SECONDS").is_some() {
        let capacity = capacity();
        println!("capacity: {capacity:.0} rows/s");
        vec![("half load", capacity / 2.0), ("a twentieth of it", capacity / 20.0), few]
    } else {
        vec![few]
    };
    for (what, rate) in rates {
        let mut latencies = at(rate);
        let of =
            |latencies: &[u64], share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] as f64 / 1e3;
        for _ in 0..2 {
            if of(&latencies, 0.5) >= 1_000.0 {
                latencies = at(rate);
            }
        }
        let percentile = |share: f64| of(&latencies, share);
        assert!(percentile(0.5) < 1_000.0, "{what}: half of the rows took {:.1} ms and longer", percentile(0.5));
        println!(
            "{what}: {rate:.0} rows/s for {} s: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            seconds(),
            percentile(0.5),
            percentile(0.9),
            percentile(0.99),
            percentile(1.0)
        );
    }
}
