//! The process is killed again and again while clients send.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use pelton::failpoint;
use pelton_core::checkpoint::frame::{self, Header, Kind};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    clients::{post, posting, row, saying, whole},
    place::{Place, free, reachable, was_killed},
};

/// Both sources, written out as they come; and counts of each posting client, which are computed again after a crash.
fn job(posted: std::net::SocketAddr, said: std::net::SocketAddr) -> String {
    let source = |name: &str, kind: &str, address| {
        format!(
            "[source.{name}]\ntype = \"{kind}\"\nlisten = \"{address}\"\nformat = \"csv\"\n\
             schema = {{ client = \"u64\", number = \"u64\", check = \"u64\" }}\n"
        )
    };
    let sink = |name: &str, input: &str| {
        format!("[sink.{name}]\ninput = \"{input}\"\ntype = \"file\"\npath = \"{name}\"\nformat = \"csv\"\n")
    };
    format!(
        "name = \"received\"\ncheckpoint = \"state\"\nsnapshots = \"150ms\"\nbatch = {{ interval = \"3ms\" }}\n{}{}\
         [operator.counted]\ninput = \"posted\"\nkey = [\"client\"]\nemit = \"on-update\"\naggregate = {{ n = \"std:count\" }}\n{}{}{}{}",
        source("posted", "http", posted),
        source("said", "socket", said),
        sink("posts", "posted"),
        sink("lines", "said"),
        sink("counts", "counted"),
        sink("bad", "said.rejected"),
    )
}

/// Numbers by client, each of which must be there once, and in order where `is_ordered`.
fn numbers(rows: &[Vec<u64>], is_ordered: bool) -> BTreeMap<u64, BTreeSet<u64>> {
    let mut numbers = BTreeMap::<u64, BTreeSet<u64>>::new();
    for row in rows {
        let (client, number) = whole(row);
        let of_client = numbers.entry(client).or_default();
        let is_later = of_client.last().is_none_or(|last| *last < number);
        assert!(of_client.insert(number), "{row:?} is there twice");
        assert!(is_later || !is_ordered, "{row:?} is out of order");
    }
    numbers
}

/// How often the process is killed.
pub fn kills() -> u32 {
    std::env::var("PELTON_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(30)
}

#[test]
fn what_was_answered_is_there_once_however_often_the_process_is_killed() {
    let (posted, said) = (free(), free());
    let place = Place::new(&job(posted, said));
    let stop = Arc::new(AtomicBool::new(false));
    let posters: Vec<_> = (0..3).map(|client| posting(client, posted, &stop)).collect();
    let sayers: Vec<_> = (10..12).map(|client| saying(client, said, &stop)).collect();
    let mut random = StdRng::seed_from_u64(5);
    let points: Vec<&str> =
        failpoint::INPUT_NAMES.into_iter().chain(["prepare", "commit", "publish", "collect"]).collect();
    let mut fired = 0;
    for kill in 0..kills() {
        // Every second time it dies by itself, at a place between receiving and committing.
        let fail = (kill % 2 == 1).then(|| {
            let point = points[kill as usize / 2 % points.len()];
            format!("{point}:{}", random.random_range(1..if point == "collect" { 3 } else { 40 }))
        });
        let mut run = place.run(fail.as_deref());
        let patience = if fail.is_some() { 2_000 } else { random.random_range(100..600) };
        match run.end(Duration::from_millis(patience)) {
            Some(status) => {
                assert!(was_killed(status), "{status}: {}", place.log());
                fired += 1;
            }
            None => run.kill(),
        }
    }
    let run = place.run(None);
    reachable(posted);
    thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    let answered: Vec<Vec<u64>> = posters.into_iter().map(|poster| poster.join().unwrap()).collect();
    let begun: u64 = sayers.into_iter().map(|sayer| sayer.join().unwrap()).sum();
    let expected: usize = answered.iter().map(Vec::len).sum();
    place.until("the last rows are there", |place| {
        let rows = place.rows("posts");
        let last = |client: usize| {
            answered[client].last().is_none_or(|last| rows.iter().any(|row| row[..2] == [client as u64, *last]))
        };
        (0..answered.len()).all(last)
    });
    assert_eq!(run.stop().code(), Some(130), "{}", place.log());

    let found = numbers(&place.rows("posts"), true);
    for (client, answered) in answered.iter().enumerate() {
        let of_client = &found[&(client as u64)];
        let missing: Vec<_> = answered.iter().filter(|number| !of_client.contains(number)).collect();
        assert!(missing.is_empty(), "client {client}: answered, and not there: {missing:?}");
        let counted = place.rows("counts").into_iter().filter(|row| row[0] == client as u64).map(|row| row[1]).max();
        assert_eq!(counted, Some(of_client.len() as u64), "what was computed again came to the same");
    }
    let lines = numbers(&place.rows("lines"), true);
    let heard: usize = lines.values().map(BTreeSet::len).sum();
    assert!(heard > 1_000 && expected > 1_000 && fired > 5, "{heard} lines, {expected} rows, {fired} fail points");
    assert_eq!(place.lines("bad"), Vec::<String>::new(), "a torn line is no bad row either");
    println!(
        "{} kills, {fired} of them at fail points: {expected} answered rows, {heard} of {begun} lines of sockets",
        kills()
    );
}

/// The test of the test: rows that are promised before they are in the log are missed.
#[test]
fn a_promise_that_comes_too_early_is_found_out() {
    let (posted, said) = (free(), free());
    let place = Place::new(&job(posted, said));
    let stop = Arc::new(AtomicBool::new(false));
    let poster = posting(1, posted, &stop);
    for _ in 0..4 {
        let run = place.run(Some("early-receipt"));
        reachable(posted);
        thread::sleep(Duration::from_millis(400));
        run.kill();
    }
    let run = place.run(None);
    reachable(posted);
    thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    let answered = poster.join().unwrap();
    let is_there = |place: &Place, number: u64| place.rows("posts").iter().any(|row| row[1] == number);
    place.until("the last row is there", |place| is_there(place, *answered.last().unwrap()));
    run.stop();
    let found = &numbers(&place.rows("posts"), true)[&1];
    let missing = answered.iter().filter(|number| !found.contains(number)).count();
    assert!(missing > 0, "all of {} rows are there", answered.len());
}

/// A log with four answered bodies that no epoch has taken.
fn logged() -> (Place, std::net::SocketAddr) {
    let (posted, said) = (free(), free());
    // The first commit dies, so that all is in the log alone.
    let place = Place::new(&job(posted, said).replace("interval = \"3ms\"", "interval = \"1h\""));
    let run = place.run(None);
    reachable(posted);
    for number in 0..4 {
        assert_eq!(post(posted, &row(7, number)), 200);
    }
    run.kill();
    fs::write(place.path().join("job.toml"), job(posted, said)).unwrap();
    assert_eq!(place.lines("posts"), Vec::<String>::new());
    (place, posted)
}

#[test]
fn a_torn_tail_is_cut_and_what_stands_before_it_is_computed() {
    let (place, posted) = logged();
    let segment = place.segments("posted").pop().unwrap();
    let bytes = fs::read(&segment).unwrap();
    let last = *frame::scan(&bytes).frames.last().unwrap();
    // The next group got no further than its first sector.
    let header = Header { sequence: last.header.sequence + 1, durable: last.header.sequence + 1, ..last.header };
    assert_eq!(header.kind, Kind::Rows);
    let torn = frame::encode(&header, last.end, &b"7,4,1\n".repeat(1_000));
    let within = 512 - last.end as usize % 512;
    OpenOptions::new().write(true).open(&segment).unwrap().write_all_at(&torn[..within + 512], last.end).unwrap();
    let run = place.run(None);
    reachable(posted);
    assert_eq!(post(posted, &row(7, 5)), 200);
    place.until("all rows are there", |place| place.rows("posts").len() >= 5);
    assert_eq!(run.stop().code(), Some(130));
    let numbers: Vec<u64> = place.rows("posts").iter().map(|row| whole(row).1).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 5]);
}

#[test]
fn a_changed_byte_in_the_log_is_named_and_nothing_is_computed() {
    let (place, _) = logged();
    let segment = place.segments("posted").pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[70] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let mut run = place.run(None);
    assert_eq!(run.end(Duration::from_secs(30)).and_then(|status| status.code()), Some(1));
    assert!(place.log().contains("PELTON-0703") && place.log().contains("0000000000.log"), "{}", place.log());
    assert_eq!(place.lines("posts"), Vec::<String>::new());
}

#[test]
fn the_log_is_collected_behind_snapshots() {
    let address = free();
    let place = Place::new(&format!(
        "name = \"collected\"\ncheckpoint = \"state\"\nsnapshots = \"20ms\"\nbatch = {{ interval = \"1ms\" }}\n\
         [source.in]\ntype = \"http\"\nlisten = \"{address}\"\nformat = \"text\"\n\
         [sink.out]\ninput = \"in\"\ntype = \"file\"\npath = \"out\"\nformat = \"text\"\n"
    ));
    let run = place.run(None);
    reachable(address);
    let (mut sent, mut firsts) = (0, BTreeSet::new());
    for round in 0.. {
        // A large body for the log, and small ones that make epochs: the last 64 are kept.
        let large = format!("{}\n", "x".repeat(8_000)).repeat(900);
        for body in std::iter::once(large).chain((0..30).map(|number| format!("{number}\n"))) {
            assert_eq!(post(address, &body), 200);
            sent += body.lines().count();
        }
        firsts.insert(place.segments("in").swap_remove(0));
        if firsts.len() > 1 {
            break;
        }
        assert!(round < 40, "{:?}", place.segments("in"));
    }
    run.kill();
    let run = place.run(None);
    reachable(address);
    assert_eq!(post(address, "the last\n"), 200);
    place.until("the last row is there", |place| place.lines("out").last().is_some_and(|line| line == "the last"));
    run.stop();
    assert_eq!(place.lines("out").len(), sent + 1);
}
