//! A sink that hardly takes anything never makes a job grow: its sources are not read any faster than it is.
//!
//! ```text
//!  source, as fast as it can ─► buffer ─► epochs ─► print ─► a pipe that is read some KiB at a time
//!            ▲ waits             ▲ bounded  ▲ bounded         ▲ full
//! ```
//!
//! The peak of the process's resident memory (`VmHWM`) is what counts. `PELTON_SLOW_SECONDS` makes it longer; `make soak` does.

use std::{
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    clients::post,
    place::{Place, Run, free, reachable},
};

/// What a process may have at its peak: itself, the buffer, two epochs of at most as many bytes as rows and as text, and what the
/// allocator keeps.
const MOST_MIB: u64 = 160;
const BUFFER: &str = "8MiB";
/// What a client sends at once.
const BLOCK_ROWS: u64 = 4_000;

fn seconds() -> f64 {
    env::var("PELTON_SLOW_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(1.5)
}

fn listening(kind: &str, address: SocketAddr) -> String {
    format!(
        "type = \"{kind}\"\nlisten = \"{address}\"\nbuffer = \"{BUFFER}\"\nformat = \"csv\"\n\
         schema = {{ number = \"u64\", page = \"utf8\" }}\n"
    )
}

fn job(source: &str, sink: &str, epoch: &str) -> String {
    format!(
        "name = \"slow\"\ncheckpoint = \"state\"\nbatch = {{ interval = \"20ms\", max-bytes = \"{epoch}\" }}\n\
         [source.in]\n{source}\n[sink.out]\ninput = \"in\"\n{sink}\n"
    )
}

const PRINT: &str = "type = \"print\"\nrows = 1000";
const BLACKHOLE: &str = "type = \"blackhole\"";

/// The rows of a block as a client sends them, 100 bytes each.
fn block() -> String {
    (0..BLOCK_ROWS)
        .map(|number| format!("{:>8},{}\n", 10_000_000 + number, "a/page/of/some/length".repeat(4) + "/123456"))
        .collect()
}

/// A client that sends as fast as it may; `taken` counts bytes that were taken off it.
fn socket(address: SocketAddr, taken: &Arc<AtomicU64>, stop: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (taken, stop) = (Arc::clone(taken), Arc::clone(stop));
    thread::spawn(move || {
        let Ok(mut stream) = TcpStream::connect(address) else { return };
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let block = block();
        let mut rest = block.as_bytes();
        while !stop.load(Ordering::Relaxed) {
            match stream.write(rest) {
                Ok(count) => {
                    taken.fetch_add(count as u64, Ordering::Relaxed);
                    rest = &rest[count..];
                }
                // Nobody takes anything at the moment; or the process has ended.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            if rest.is_empty() {
                rest = block.as_bytes();
            }
        }
    })
}

/// The same by requests; those that are answered with 200 count.
fn requests(address: SocketAddr, taken: &Arc<AtomicU64>, stop: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (taken, stop) = (Arc::clone(taken), Arc::clone(stop));
    thread::spawn(move || {
        let block = block();
        while !stop.load(Ordering::Relaxed) {
            match post(address, &block) {
                200 => drop(taken.fetch_add(block.len() as u64, Ordering::Relaxed)),
                _ => thread::sleep(Duration::from_millis(5)),
            }
        }
    })
}

/// MiB of a process at its peak; none if it has ended.
fn peak_mib(run: &Run) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", run.process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? >> 10)
}

/// A run whose output is read 4 KiB at a time, ten times a second.
fn run_into_a_slow_pipe(place: &Place) -> Run {
    let mut process = place.command().stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = process.stdout.take().unwrap();
    thread::spawn(move || {
        let mut some = [0; 4_096];
        while pipe.read(&mut some).is_ok_and(|count| count > 0) {
            thread::sleep(Duration::from_millis(100));
        }
    });
    Run { process }
}

type Client = fn(SocketAddr, &Arc<AtomicU64>, &Arc<AtomicBool>) -> JoinHandle<()>;

/// The peak in MiB and what was taken in MiB, after `time` or as soon as the peak is beyond the bound.
fn measured(kind: &str, client: Client, sink: &str, [buffer, epoch]: [&str; 2], time: Duration) -> (u64, u64) {
    let address = free();
    let place = Place::new(&job(&listening(kind, address).replace(BUFFER, buffer), sink, epoch));
    let run = run_into_a_slow_pipe(&place);
    reachable(address);
    let (taken, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..2).map(|_| client(address, &taken, &stop)).collect();
    let ends = Instant::now() + time;
    let mut peak = 0;
    while Instant::now() < ends && peak <= MOST_MIB {
        thread::sleep(Duration::from_millis(20));
        peak = peak_mib(&run).unwrap_or_else(|| panic!("it has ended: {}", place.log()));
    }
    stop.store(true, Ordering::Relaxed);
    run.kill();
    clients.into_iter().for_each(|client| client.join().unwrap());
    (peak, taken.load(Ordering::Relaxed) >> 20)
}

fn holds_its_memory(kind: &str, client: Client) {
    let time = Duration::from_secs_f64(seconds());
    let (peak, slowly) = measured(kind, client, PRINT, [BUFFER; 2], time);
    let second = Duration::from_secs(1);
    let (_, a_second) = measured(kind, client, BLACKHOLE, [BUFFER; 2], second);
    println!(
        "{kind}: {peak} MiB at the peak, {slowly} MiB taken in {time:.1?}; a fast sink has {a_second} MiB taken in a second"
    );
    assert!(peak <= MOST_MIB, "{kind}: {peak} MiB at the peak");
    // What fills the buffers at once, and epochs of 8 MiB as long as it takes to print a thousand rows of each. Whoever sends could
    // have sent many times that.
    assert!(
        slowly as f64 <= 64.0 + 8.0 * time.as_secs_f64(),
        "{kind}: {slowly} MiB were taken, which nobody has printed"
    );
    assert!(slowly > 4, "{kind}: {slowly} MiB: nothing waits");
    assert!(
        a_second as f64 * time.as_secs_f64() > slowly as f64,
        "{kind}: {a_second} MiB in a second: it could send no more"
    );
}

#[test]
fn a_slow_sink_makes_a_socket_wait() {
    holds_its_memory("socket", socket);
}

#[test]
fn a_slow_sink_makes_requests_wait() {
    holds_its_memory("http", requests);
}

#[test]
fn a_slow_sink_makes_a_generator_wait() {
    let place = Place::new(&job("type = \"generator\"\nnexmark = \"bid\"", PRINT, "64MiB"));
    let run = run_into_a_slow_pipe(&place);
    thread::sleep(Duration::from_secs_f64(seconds()));
    let peak = peak_mib(&run).unwrap_or_else(|| panic!("it has ended: {}", place.log()));
    run.kill();
    println!("generator: {peak} MiB at the peak");
    assert!(peak <= MOST_MIB, "{peak} MiB at the peak");
}

/// The test of the test: with a buffer and epochs that may be large, the same clients fill more than the bound.
#[test]
fn memory_that_grows_is_seen() {
    let (peak, taken) = measured("socket", socket, PRINT, ["1GiB"; 2], Duration::from_secs(60));
    assert!(peak > MOST_MIB, "{peak} MiB at the peak, of {taken} MiB");
}
