use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use arrow::array::AsArray;
use pelton_core::job::{CsvDialect, JsonOptions, ListenSpec};
use tempfile::TempDir;

use super::*;
use crate::{
    checkpoint::{Store, Take},
    source::{Decoded, Emit, Next, Range, RangeLabel},
};

/// An input that gives what is sent, when it is sent.
struct Written(mpsc::Receiver<io::Result<Vec<u8>>>, Vec<u8>);

impl Read for Written {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.recv().unwrap_or(Ok(Vec::new()))?;
        }
        let count = space.len().min(self.1.len());
        space[..count].copy_from_slice(&self.1[..count]);
        self.1.drain(..count);
        Ok(count)
    }
}

fn pipe() -> (mpsc::Sender<io::Result<Vec<u8>>>, Written) {
    let (sender, receiver) = mpsc::channel();
    (sender, Written(receiver, Vec::new()))
}

fn spec(format: Format, schema: Option<SchemaRef>) -> StreamSpec {
    StreamSpec { format, schema, max_row_bytes: 1 << 20 }
}

fn text() -> StreamSpec {
    spec(Format::Text, None)
}

fn open(input: impl Read + Send + 'static, spec: &StreamSpec) -> Result<LiveSource, SourceError> {
    LiveSource::from_pipe(Pipe::new(input), spec, OnBadRow::Reject, &BatchSpec::default())
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(30))
}

fn range(planner: &mut dyn Planner) -> Range {
    match planner.next(Some(Instant::now() + Duration::from_secs(30))).expect("a range") {
        Next::Range(range) => range,
        other => panic!("no range: {other:?}"),
    }
}

/// The first column of a range.
fn rows(source: &dyn Source, range: &Range) -> Vec<String> {
    let column = source.schema().field(0).name().clone();
    let mut rows = Vec::new();
    let mut decoder = source.decoder(&[column]).expect("a column");
    let mut emit = |decoded: Decoded| {
        rows.extend(decoded.rows.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
        Emit::Continue
    };
    decoder.decode(range, &mut emit).expect("decodes");
    rows
}

/// The first column of the next range.
fn next(source: &dyn Source, planner: &mut dyn Planner) -> Vec<String> {
    rows(source, &range(planner))
}

/// The next rows, however they are cut into ranges.
fn take(source: &dyn Source, planner: &mut dyn Planner, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(next(source, planner));
    }
    all
}

#[test]
fn rows_come_out_as_soon_as_they_are_whole() {
    let (sender, input) = pipe();
    let source = open(input, &text()).expect("text");
    let mut planner = source.planner().expect("the first planner");
    assert!(matches!(planner.next(soon()), Ok(Next::Pending)));
    sender.send(Ok(b"one\ntwo\nthr".to_vec())).expect("the reader lives");
    assert_eq!(next(&source, &mut *planner), ["one", "two"]);
    assert!(matches!(planner.next(soon()), Ok(Next::Pending)));
    sender.send(Ok(b"ee\nfour".to_vec())).expect("the reader lives");
    assert_eq!(next(&source, &mut *planner), ["three"]);
    assert!(source.planner().is_err(), "one planner at a time has it");
    drop(sender);
    assert_eq!(next(&source, &mut *planner), ["four"]);
    assert!(matches!(planner.next(None), Ok(Next::End)));
    assert!(matches!(planner.next(None), Ok(Next::End)));
    assert!(planner.bookmark().is_none(), "without a log there is nowhere to go back to");
}

#[test]
fn a_csv_header_gives_columns_of_text() {
    let (sender, input) = pipe();
    let format = Format::Csv(CsvDialect { header: true, ..CsvDialect::default() });
    for part in ["na", "me,\"li", "ne\"\nx,\"1\n2\"\ny,3\n"] {
        sender.send(Ok(part.as_bytes().to_vec())).expect("the reader lives");
    }
    let source = open(input, &spec(format, None)).expect("a header");
    assert_eq!(source.schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["name", "line"]);
    let mut planner = source.planner().expect("the first planner");
    assert_eq!(next(&source, &mut *planner), ["x", "y"]);
}

#[test]
fn what_cannot_have_a_schema_is_refused_with_help() {
    let json = Format::Json(JsonOptions::default());
    let error = |format: Format, input: &'static [u8]| open(input, &spec(format, None)).err().expect("refused");
    assert!(matches!(error(json, b""), SourceError::Inference { .. }));
    assert!(matches!(error(Format::Csv(CsvDialect::default()), b"a\n"), SourceError::Inference { .. }));
    let header = Format::Csv(CsvDialect { header: true, ..CsvDialect::default() });
    assert!(matches!(error(header.clone(), b""), SourceError::Inference { .. }));
    assert!(error(header, b"a,b,a\n").to_string().ends_with("has the name `a` twice"));
    assert!(matches!(error(Format::Parquet, b"PAR1"), SourceError::Corrupt { .. }));
}

#[test]
fn a_failure_comes_behind_the_rows_before_it() {
    let (sender, input) = pipe();
    sender.send(Ok(b"one\ntw".to_vec())).expect("the reader lives");
    sender.send(Err(io::Error::other("gone"))).expect("the reader lives");
    let source = open(input, &text()).expect("text");
    let mut planner = source.planner().expect("the first planner");
    assert_eq!(next(&source, &mut *planner), ["one"]);
    assert!(matches!(planner.next(None), Err(SourceError::Io { .. })));
    assert!(matches!(planner.next(None), Ok(Next::End)));
}

#[test]
fn a_fast_input_comes_in_full_ranges() {
    let line = b"0123456789abcde\n";
    let input = io::Cursor::new(line.repeat(1 << 17));
    let source = open(input, &text()).expect("text");
    let mut planner = source.planner().expect("the first planner");
    let (mut bytes, mut ranges) = (0, 0);
    while let Next::Range(range) = planner.next(None).expect("a range") {
        bytes += range.bytes;
        ranges += 1;
    }
    assert_eq!(bytes, 2 << 20);
    assert!(ranges <= 32, "{ranges} ranges: one for each block at worst");
}

/// A checkpoint directory, taken over anew each time it is asked for a log.
struct Kept(TempDir);

impl Kept {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn log(&self) -> InputLog {
        let (store, _) = Store::open(self.0.path(), Take::Continue).expect("a store");
        store.input_log("in", None).expect("a log")
    }
}

fn logged(mut source: LiveSource, kept: &Kept) -> LiveSource {
    *source.log_slot().expect("it wants a log") = Some(kept.log());
    source
}

fn position(planner: &dyn Planner) -> Position {
    planner.bookmark().expect("a log").resolve()
}

#[test]
fn what_was_logged_is_read_again_from_any_range_on_and_then_what_comes() {
    let kept = Kept::new();
    let (sender, input) = pipe();
    let pipe = Pipe::new(input);
    let open = || {
        let source = LiveSource::from_pipe(pipe.clone(), &text(), OnBadRow::Reject, &BatchSpec::default());
        logged(source.expect("text"), &kept)
    };
    let say = |text: &str| sender.send(Ok(text.as_bytes().to_vec())).expect("the reader lives");
    let first = open();
    let mut planner = first.planner().expect("a planner");
    say("one\ntw");
    assert_eq!(next(&first, &mut *planner), ["one"]);
    let after_one = position(&*planner);
    say("o\nthree\n");
    assert_eq!(next(&first, &mut *planner), ["two", "three"]);
    let after_three = position(&*planner);
    say("four\nfi");
    // Received and logged, and nobody has planned it.
    thread::sleep(Duration::from_millis(100));
    drop(planner);
    drop(first);
    let second = open();
    let mut planner = second.planner_from(&after_one).expect("a planner");
    let again = range(&mut *planner);
    assert_eq!((again.sequence, again.label), (1, RangeLabel::Bytes(4, 14)), "the same range, at the same place");
    assert_eq!(rows(&second, &again), ["two", "three"]);
    assert_eq!(position(&*planner), after_three);
    assert_eq!(next(&second, &mut *planner), ["four"]);
    say("ve\n");
    assert_eq!(next(&second, &mut *planner), ["five"], "half a row waits for its rest, also across attempts");
    drop((planner, second));
    let third = open();
    let mut planner = third.planner().expect("a planner");
    assert_eq!(take(&third, &mut *planner, 5), ["one", "two", "three", "four", "five"]);
}

/// A port that is free at the moment.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).expect("a port")
}

fn server(address: SocketAddr, connections: usize, buffer_bytes: usize) -> Box<dyn Source> {
    let peer = Peer::Clients(ListenSpec { address, connections });
    let rows = StreamSpec { max_row_bytes: 100, ..text() };
    let spec = SocketSpec { rows, peer, buffer_bytes };
    LiveSource::socket(&spec, OnBadRow::Reject, &BatchSpec::default()).expect("text")
}

#[test]
fn clients_keep_their_order_and_a_torn_line_is_no_row() {
    let address = free();
    let source = server(address, 8, 1 << 20);
    let mut planner = source.planner().expect("it listens");
    let mut clients: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(address).expect("connected")).collect();
    for line in 0..50 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(format!("{number}-{line}\n").as_bytes()).expect("sent");
        }
    }
    clients[1].write_all(b"1-torn").expect("sent");
    drop(clients);
    let mut all = take(&*source, &mut *planner, 150);
    assert!(matches!(planner.next(soon()), Ok(Next::Pending)), "half a row is no row");
    // Whoever comes later begins with a row of its own.
    TcpStream::connect(address).and_then(|mut late| late.write_all(b"late\n")).expect("sent");
    all.extend(next(&*source, &mut *planner));
    for number in 0..3 {
        let of_client: Vec<_> = all.iter().filter(|row| row.starts_with(&format!("{number}-"))).cloned().collect();
        assert_eq!(of_client, (0..50).map(|line| format!("{number}-{line}")).collect::<Vec<_>>());
    }
    assert_eq!(all.last().map(String::as_str), Some("late"));
    drop(planner);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    let error = server(address, 8, 1 << 20).planner().err().expect("it is taken");
    assert!(matches!(&error, SourceError::Listen { .. }));
    assert_eq!(error.to_string(), format!("failed to listen on {address}"));
}

#[test]
fn nobody_reads_ahead_of_the_room_and_clients_beyond_the_bound_wait() {
    let address = free();
    let source = server(address, 1, 1 << 16);
    let mut planner = source.planner().expect("it listens");
    let mut first = TcpStream::connect(address).expect("connected");
    let mut second = TcpStream::connect(address).expect("in the queue");
    second.write_all(b"second\n").expect("sent");
    first.set_write_timeout(Some(Duration::from_millis(300))).expect("set");
    let line = [b"x".repeat(99), b"\n".to_vec()].concat();
    let mut sent = 0_usize;
    // What the system itself buffers is some megabytes.
    while sent < 64 << 20 && first.write_all(&line.repeat(1000)).is_ok() {
        sent += 100_000;
    }
    assert!(sent < 64 << 20, "it took everything");
    first.shutdown(Shutdown::Both).expect("closed");
    let mut rows = Vec::new();
    while rows.last().map(String::as_str) != Some("second") {
        rows.extend(next(&*source, &mut *planner));
    }
    assert!(rows.len() * 100 >= sent, "{} rows of {sent} bytes", rows.len());
    assert!(rows.iter().rev().skip(1).all(|row| row.len() == 99), "no row is half");
}

#[test]
fn a_stop_hands_over_what_was_read_although_there_is_no_room() {
    let (address, kept) = (free(), Kept::new());
    // Room for one piece: the second waits, and nobody takes the first.
    let mut source = server(address, 8, 1);
    *source.log_slot().expect("it wants a log") = Some(kept.log());
    let planner = source.planner().expect("it listens");
    let mut client = TcpStream::connect(address).expect("connected");
    client.set_nodelay(true).expect("set");
    for line in ["one\n", "two\nthree\nfo"] {
        client.write_all(line.as_bytes()).expect("sent");
        thread::sleep(Duration::from_millis(100));
    }
    drop(planner);
    *source.log_slot().expect("it wants a log") = Some(kept.log());
    let mut planner = source.planner().expect("it listens");
    assert_eq!(take(&*source, &mut *planner, 3), ["one", "two", "three"]);
    assert!(matches!(planner.next(soon()), Ok(Next::Pending)), "half a row is no row");
}

#[test]
fn all_that_was_read_of_an_input_is_in_the_log_when_the_job_stops() {
    let kept = Kept::new();
    let (sender, input) = pipe();
    let source = logged(open(input, &text()).expect("text"), &kept);
    let planner = source.planner().expect("a planner");
    // More than the room there is, less than what is read ahead of it.
    let lines = STDIN_BUFFER_BYTES / 16 + 20_000;
    let all: String = (0..lines).map(|line| format!("{line:015}\n")).collect();
    sender.send(Ok(all.into_bytes())).expect("the reader lives");
    thread::sleep(Duration::from_millis(500));
    drop((planner, source, sender));
    // Another process finds it.
    let source = logged(open(io::empty(), &text()).expect("text"), &kept);
    let mut planner = source.planner().expect("a planner");
    let found = take(&source, &mut *planner, lines);
    assert!(found.iter().enumerate().all(|(at, row)| row.parse() == Ok(at)), "{} rows", found.len());
}

#[test]
fn a_server_that_dies_is_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let peer = Peer::Server { address: address.to_string(), max_delay: Duration::from_millis(200) };
    let spec = SocketSpec { rows: text(), peer, buffer_bytes: 1 << 20 };
    let source = LiveSource::socket(&spec, OnBadRow::Reject, &BatchSpec::default()).expect("text");
    let mut planner = source.planner().expect("it connects");
    let (mut peer, _) = listener.accept().expect("it comes");
    peer.write_all(b"one\ntorn").expect("sent");
    assert_eq!(next(&*source, &mut *planner), ["one"]);
    drop((peer, listener));
    thread::sleep(Duration::from_millis(300));
    let listener = TcpListener::bind(address).expect("the same port");
    for line in ["two", "three"] {
        let (mut peer, _) = listener.accept().expect("it comes again");
        peer.write_all(format!("{line}\n").as_bytes()).expect("sent");
        assert_eq!(next(&*source, &mut *planner), [line], "and what was torn is not put before it");
    }
}

fn http(change: impl FnOnce(&mut HttpSpec), dir: &Path) -> (SocketAddr, Box<dyn Source>) {
    let address = free();
    let schema = Schema::new(vec![Field::new("a", DataType::Utf8, false), Field::new("n", DataType::Int64, false)]);
    let mut spec = HttpSpec {
        rows: StreamSpec { max_row_bytes: 100, ..spec(Format::Csv(CsvDialect::default()), Some(Arc::new(schema))) },
        listen: ListenSpec { address, connections: 8 },
        token_file: None,
        max_body_bytes: 1000,
        buffer_bytes: 1000,
    };
    change(&mut spec);
    (address, LiveSource::http(&spec, dir, &BatchSpec::default()).expect("columns"))
}

/// Sends a request, and answers its status and body.
fn request(address: SocketAddr, head: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("connected");
    let head = format!("{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).expect("sent");
    // It may be refused before all of it has been read.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).expect("text");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

const POST: &str = "POST / HTTP/1.1";

#[test]
fn a_body_is_taken_whole_and_answered_or_refused_with_a_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let (address, source) = http(|_| {}, dir.path());
    let mut planner = source.planner().expect("it listens");
    assert_eq!(request(address, POST, b"x,1\ny,2"), (200, "{\"rows\":2}".to_owned()));
    assert_eq!(next(&*source, &mut *planner), ["x", "y"]);
    assert_eq!(request(address, POST, b""), (200, "{\"rows\":0}".to_owned()));
    for (body, reason) in [
        (&b"x,1\ny,two\n"[..], "byte 4"),
        (b"x,1\n\"y,2\nz,3\n", "a quote is open"),
        (b"x,1\nx\n", "bad row"),
        (b"x\xff,1\n", "UTF-8"),
        (&[b"x".repeat(200), b",1\n".to_vec()].concat(), "longer than 100 bytes"),
    ] {
        let (status, said) = request(address, POST, body);
        assert!(status == 400 && said.contains(reason) && said.contains("PELTON-0203"), "{status} {said}");
    }
    let (status, said) = request(address, POST, &b"x,1\n".repeat(500));
    assert!(status == 413 && said.contains("longer than 1000 bytes"), "{status} {said}");
    assert_eq!(request(address, "POST / HTTP/1.1\r\nContent-Encoding: gzip", b"x").0, 415);
    assert_eq!(request(address, "POST / HTTP/1.1\r\nOrigin: https://elsewhere.example", b"x,1\n").0, 403);
    for (head, code, reason) in [("GET / HTTP/1.1", 405, "not by GET"), ("POST /other HTTP/1.1", 404, "but at `/`")] {
        let (status, said) = request(address, head, b"");
        assert!(status == code && said.contains(reason) && said.contains("PELTON-0806"), "{status} {said}");
    }
    assert!(matches!(planner.next(soon()), Ok(Next::Pending)), "nothing of what was refused was taken");
    drop(planner);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_source_without_room_says_so_and_takes_rows_again_when_it_has_some() {
    let dir = tempfile::tempdir().expect("a directory");
    let (address, source) = http(|_| {}, dir.path());
    let mut planner = source.planner().expect("it listens");
    let body = b"x,1\n".repeat(200);
    assert_eq!(request(address, POST, &body).0, 200);
    let (status, said) = request(address, POST, &body);
    assert!(status == 503 && said.contains("PELTON-0207"), "{status} {said}");
    assert_eq!(next(&*source, &mut *planner).len(), 200);
    assert_eq!(request(address, POST, &body).0, 200);
}

#[test]
fn only_who_has_the_token_may_send() {
    let dir = tempfile::tempdir().expect("a directory");
    let with_token = |spec: &mut HttpSpec| spec.token_file = Some("token".into());
    assert!(http(with_token, dir.path()).1.planner().is_err(), "the file is missing");
    std::fs::write(dir.path().join("token"), "s3cret\n").expect("written");
    let (address, source) = http(with_token, dir.path());
    let _planner = source.planner().expect("it listens");
    let status = |head: &str| request(address, &format!("{POST}{head}"), b"x,1\n").0;
    assert_eq!(["", "\r\nAuthorization: Bearer s3cre", "\r\nAuthorization: Basic s3cret"].map(status), [401; 3]);
    assert_eq!(status("\r\nAuthorization: Bearer s3cret"), 200);
}

#[test]
fn what_was_answered_is_in_the_log() {
    let (dir, kept) = (tempfile::tempdir().expect("a directory"), Kept::new());
    let (address, mut source) = http(|_| {}, dir.path());
    *source.log_slot().expect("it wants a log") = Some(kept.log());
    let planner = source.planner().expect("it listens");
    for number in 0..20 {
        assert_eq!(request(address, POST, format!("row-{number},{number}\n").as_bytes()).0, 200);
    }
    drop(planner);
    *source.log_slot().expect("it wants a log") = Some(kept.log());
    let mut planner = source.planner().expect("it listens");
    assert_eq!(take(&*source, &mut *planner, 20), (0..20).map(|number| format!("row-{number}")).collect::<Vec<_>>());
    assert_eq!(planner.log_end(), Some(planner_frame(&*planner)));
    assert!(planner.drain(), "what it has answered for is taken");
    assert!(matches!(planner.next(None), Ok(Next::End)));
}

fn planner_frame(planner: &dyn Planner) -> u64 {
    match position(planner) {
        Position::Range { sequence, .. } => sequence,
        other => panic!("{other:?}"),
    }
}
