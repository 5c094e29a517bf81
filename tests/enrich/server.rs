//! An endpoint on loopback that counts what it is asked, and never answers a path the same way twice.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How long `/slow…` takes.
pub const SLOW: Duration = Duration::from_millis(400);

/// It ends when it is dropped.
pub struct Endpoint {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    is_over: Arc<AtomicBool>,
}

/// What it was asked.
#[derive(Default)]
struct Seen {
    /// Requests by their paths.
    counts: BTreeMap<String, u64>,
    /// Request line, headers and body of each.
    requests: Vec<String>,
    at_once: usize,
    at_once_max: usize,
}

impl Endpoint {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, is_over) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let (of_all, ends) = (Arc::clone(&seen), Arc::clone(&is_over));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, ends) = (Arc::clone(&of_all), Arc::clone(&ends));
                thread::spawn(move || serve(&stream.unwrap(), &seen, &ends));
            }
        });
        Self { url, seen, is_over }
    }

    /// Requests by their paths.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.seen.lock().unwrap().counts.clone()
    }

    pub fn count(&self) -> u64 {
        self.counts().values().sum()
    }

    /// As they came.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// The most that were under way together.
    pub fn at_once_max(&self) -> usize {
        self.seen.lock().unwrap().at_once_max
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
    }
}

fn serve(stream: &TcpStream, seen: &Mutex<Seen>, is_over: &AtomicBool) {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        request += &line;
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request += &String::from_utf8(body).unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let asked = {
        let mut seen = seen.lock().unwrap();
        seen.requests.push(request.clone());
        seen.at_once += 1;
        seen.at_once_max = seen.at_once_max.max(seen.at_once);
        let count = seen.counts.entry(path.clone()).or_default();
        *count += 1;
        *count
    };
    let (status, body) = answer(&path, asked, &request, is_over);
    // As soon as it is answered the next one may come.
    seen.lock().unwrap().at_once -= 1;
    let moved = if status == 302 { "location: /elsewhere\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} X\r\n{moved}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let mut stream = stream;
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// `asked` counts from 1 on.
fn answer(path: &str, asked: u64, request: &str, is_over: &AtomicBool) -> (u16, Vec<u8>) {
    let told = || format!("{path} for the {asked}. time").into_bytes();
    let is = |what: &str| path.split('/').any(|part| part.starts_with(what));
    if is("slow") {
        thread::sleep(SLOW);
        (200, told())
    } else if is("hang") {
        while !is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
        (200, Vec::new())
    } else if is("flaky") && asked < 3 || is("busy") {
        (503, b"busy".to_vec())
    } else if is("wait") && asked < 3 || is("never") {
        (200, b"not yet".to_vec())
    } else if is("broken") {
        (500, b"broken".to_vec())
    } else if is("gone") {
        (404, Vec::new())
    } else if is("moved") {
        (302, Vec::new())
    } else if is("large") {
        (200, vec![b'x'; 1 << 20])
    } else if is("echo") {
        (200, request.to_ascii_lowercase().replace("\r\n", " | ").into_bytes())
    } else {
        (200, told())
    }
}
